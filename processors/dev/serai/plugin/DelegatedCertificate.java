package dev.serai.plugin;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.serai.keylime.KeylimeJson;
import dev.serai.tpm.Tpm;

/** What the AK says of the App Key, for a nonce. */
public record DelegatedCertificate(Tpm.Attested certify, String nonce, String agentId) {

  private record Json(
      @JsonProperty("certify_data") String attest,
      @JsonProperty("challenge_nonce") String nonce,
      @JsonProperty("signature") String signature) {}

  /** The prototype's app_key_certificate: base64 of JSON. */
  public String encoded() {
    return KeylimeJson.write(
            new Json(certify.attest().toBase64(), nonce, certify.signature().toBase64()))
        .toBase64();
  }
}
