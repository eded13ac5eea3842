package dev.serai.plugin;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Somebody wants the AK to certify the App Key.
 *
 * @param keyInfo the key the caller means, DER SubjectPublicKeyInfo: text is never compared
 * @param nonce 1 to 64 letters and digits
 */
public record DelegationRequest(Bytes keyInfo, String nonce) {
  private static final int MAX_PEM = 4096;
  private static final Pattern NONCE = Pattern.compile("[A-Za-z0-9]{1,64}");
  private static final Pattern PEM =
      Pattern.compile(
          "\\s*+-----BEGIN PUBLIC KEY-----\\s++([A-Za-z0-9+/=\\s]++)-----END PUBLIC KEY-----\\s*+");

  /**
   * @param key PEM, or base64 of PEM, as the prototype takes it
   * @throws RefusalException MALFORMED_REQUEST
   */
  public static DelegationRequest of(String key, String nonce) {
    if (key.isEmpty()) {
      throw missing("app_key_public");
    }
    if (nonce.isEmpty()) {
      throw missing("challenge_nonce");
    }
    if (!NONCE.matcher(nonce).matches()) {
      throw malformed("challenge_nonce has to be 1 to 64 letters and digits");
    }
    return new DelegationRequest(keyInfo(key), nonce);
  }

  private static Bytes keyInfo(String text) {
    if (text.length() > MAX_PEM) {
      throw malformed("app_key_public is too long");
    }
    try {
      String pem =
          text.contains("-----BEGIN")
              ? text
              : Bytes.copyOf(Base64.getMimeDecoder().decode(text)).toText();
      Matcher parts = PEM.matcher(pem);
      if (parts.matches()) {
        return Bytes.copyOf(Base64.getMimeDecoder().decode(parts.group(1)));
      }
    } catch (IllegalArgumentException e) { // not base64: said below
      throw malformed("app_key_public is not a PEM public key");
    }
    throw malformed("app_key_public is not a PEM public key");
  }

  private static RefusalException missing(String field) {
    return malformed("Missing required field: " + field);
  }

  private static RefusalException malformed(String why) {
    return new RefusalException(ReasonCode.MALFORMED_REQUEST, why);
  }
}
