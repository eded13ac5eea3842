package dev.serai.keylime;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Optional;

/**
 * Body of POST agents/:id at the registrar. As received: nothing in it is checked or believed.
 *
 * @param agentId only in POST agents, where the path has no id
 * @param ekCertificate {@code ekcert}: base64 of one DER certificate, or PEM: the EK certificate
 *     first, then its chain
 * @param ekTpm {@code ek_tpm}: base64 of TPM2B_PUBLIC
 * @param akTpm {@code aik_tpm}: base64 of TPM2B_PUBLIC
 * @param mtlsCertificate {@code mtls_cert}: PEM, or "disabled" for an agent that speaks in clear
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record RegisterRequest(
    @JsonProperty("agent_id") Optional<String> agentId,
    @JsonProperty("ekcert") Optional<String> ekCertificate,
    @JsonProperty("ek_tpm") Optional<String> ekTpm,
    @JsonProperty("aik_tpm") Optional<String> akTpm,
    @JsonProperty("iak_tpm") Optional<String> iakTpm,
    @JsonProperty("iak_cert") Optional<String> iakCertificate,
    @JsonProperty("iak_attest") Optional<String> iakAttest,
    @JsonProperty("iak_sign") Optional<String> iakSignature,
    @JsonProperty("idevid_tpm") Optional<String> idevidTpm,
    @JsonProperty("idevid_cert") Optional<String> idevidCertificate,
    @JsonProperty("ip") Optional<String> ip,
    @JsonProperty("port") Optional<Integer> port,
    @JsonProperty("mtls_cert") Optional<String> mtlsCertificate) {

  /** {@code mtls_cert} of an agent that serves plain HTTP. */
  public static final String MTLS_DISABLED = "disabled";

  /** Largest body accepted. */
  public static final int MAX_SIZE = 64 * 1024;

  /** As an agent with an EK sends it. */
  public static RegisterRequest of(
      Optional<String> ekCertificate,
      String ekTpm,
      String akTpm,
      String ip,
      int port,
      String mtlsCertificate) {
    return new RegisterRequest(
        Optional.empty(),
        ekCertificate,
        Optional.of(ekTpm),
        Optional.of(akTpm),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.of(ip),
        Optional.of(port),
        Optional.of(mtlsCertificate));
  }
}
