package dev.serai.keylime;

import dev.serai.tpm.Bytes;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.Locale;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * The proof that a challenge was opened by the TPM that holds EK and AK: HMAC-SHA384 over the node
 * id. The key is the base64 <em>text</em> of the challenge, not the challenge.
 */
public final class AuthTag {
  private AuthTag() {}

  /** 96 hex digits. */
  public static String of(Bytes challenge, AgentId id) {
    try {
      Mac mac = Mac.getInstance("HmacSHA384");
      mac.init(
          new SecretKeySpec(
              challenge.toBase64().getBytes(StandardCharsets.US_ASCII), mac.getAlgorithm()));
      return Bytes.copyOf(mac.doFinal(id.text().getBytes(StandardCharsets.UTF_8))).toHex();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java has no HmacSHA384", e);
    }
  }

  /** Whether the tag is right, in a time that does not depend on where it differs. */
  public static boolean matches(String tag, Bytes challenge, AgentId id) {
    return Bytes.ofText(tag.toLowerCase(Locale.ROOT))
        .equalsConstantTime(Bytes.ofText(of(challenge, id)));
  }
}
