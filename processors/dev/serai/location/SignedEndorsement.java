package dev.serai.location;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.serai.keylime.KeylimeJson;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;

/**
 * An endorsement as it came, its signature not looked at yet.
 *
 * @param text the bytes that the signature is said to cover
 */
public record SignedEndorsement(Bytes text, Bytes signature, String keyId) {
  private static final int SIGNATURE = 64;
  private static final int LONGEST_KEY_ID = 128;

  /**
   * From the answer of {@code /signed-endorsement}.
   *
   * @throws MalformedStructureException when it is no such answer
   */
  public static SignedEndorsement parse(Bytes answer) throws MalformedStructureException {
    JsonNode json = KeylimeJson.read(answer, Endorsement.LIMIT, ObjectNode.class);
    JsonNode endorsement = json.path("endorsement");
    JsonNode keyId = json.path("key_id");
    JsonNode signature = json.path("signature");
    if (!endorsement.isObject() || !keyId.isTextual() || !signature.isTextual()) {
      throw new MalformedStructureException(
          "signed endorsement", "endorsement, signature or key_id is missing");
    }
    if (keyId.textValue().length() > LONGEST_KEY_ID) {
      throw new MalformedStructureException("signed endorsement", "key_id is too long");
    }
    return new SignedEndorsement(
        Endorsement.canonical(endorsement),
        KeylimeJson.base64("signature", signature.textValue(), SIGNATURE),
        keyId.textValue());
  }
}
