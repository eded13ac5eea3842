package dev.serai.keylime;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;

/**
 * Keylime's one-line form of a quote: {@code r<attest>:<signature>:<pcrs>}, each in base64.
 *
 * @param attest TPMS_ATTEST, the bytes the signature covers
 * @param signature TPMT_SIGNATURE
 * @param pcrBlob PCR values as tpm2-tools dump them; not signed
 */
public record QuoteString(Bytes attest, Bytes signature, Bytes pcrBlob) {
  /** TPM2B_ATTEST never holds more on a TPM in use. */
  public static final int MAX_ATTEST = 4096;

  /** A 4096 bit RSA signature and its header. */
  public static final int MAX_SIGNATURE = 1024;

  /** Several banks with all 24 PCRs. */
  public static final int MAX_PCR_BLOB = 32 * 1024;

  private static final int MAX_TEXT = 4 + (MAX_ATTEST + MAX_SIGNATURE + MAX_PCR_BLOB + 9) / 3 * 4;

  /** From the text; nothing is verified. */
  public static QuoteString parse(String text) throws MalformedStructureException {
    if (text.length() > MAX_TEXT) {
      throw new MalformedStructureException(
          "quote", "%d characters, at most %d are allowed".formatted(text.length(), MAX_TEXT));
    }
    if (text.isEmpty() || text.charAt(0) != 'r') {
      throw new MalformedStructureException("quote", "it does not begin with r");
    }
    String[] parts = text.substring(1).split(":", -1);
    if (parts.length != 3) {
      throw new MalformedStructureException(
          "quote", "%d parts instead of 3".formatted(parts.length));
    }
    return new QuoteString(
        KeylimeJson.base64("quote, first part", parts[0], MAX_ATTEST),
        KeylimeJson.base64("quote, second part", parts[1], MAX_SIGNATURE),
        KeylimeJson.base64("quote, third part", parts[2], MAX_PCR_BLOB));
  }

  /** The text that {@link #parse} reads. */
  public String encode() {
    return "r" + attest.toBase64() + ":" + signature.toBase64() + ":" + pcrBlob.toBase64();
  }
}
