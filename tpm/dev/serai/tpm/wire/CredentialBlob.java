package dev.serai.tpm.wire;

import dev.serai.tpm.Bytes;
import java.util.Objects;

/**
 * What MakeCredential gives and ActivateCredential takes: the contents of TPM2B_ID_OBJECT and of
 * TPM2B_ENCRYPTED_SECRET, each without its size prefix.
 */
public record CredentialBlob(Bytes idObject, Bytes encryptedSecret) {
  private static final long FILE_MAGIC = 0xbadcc0deL;
  private static final long FILE_VERSION = 1;

  /** TPM2B_DIGEST of 64 bytes, encrypted, and its HMAC. */
  private static final int MAX_ID_OBJECT = 2 + 64 + 2 + 64;

  /** RSA-4096, more than any point. */
  private static final int MAX_SECRET = 512;

  public CredentialBlob {
    Objects.requireNonNull(idObject);
    Objects.requireNonNull(encryptedSecret);
    if (idObject.isEmpty() || idObject.size() > MAX_ID_OBJECT) {
      throw new IllegalArgumentException("id object of %d bytes".formatted(idObject.size()));
    }
    if (encryptedSecret.isEmpty() || encryptedSecret.size() > MAX_SECRET) {
      throw new IllegalArgumentException("secret of %d bytes".formatted(encryptedSecret.size()));
    }
  }

  /** The credential file of tpm2-tools, which Keylime's registrar sends in base64. */
  public static CredentialBlob parseFile(Bytes file) throws MalformedStructureException {
    WireReader in = new WireReader("credential file", file);
    if (in.uint32() != FILE_MAGIC) {
      throw in.malformed("magic is not badcc0de");
    }
    long version = in.uint32();
    if (version != FILE_VERSION) {
      throw in.malformed("version " + version);
    }
    Bytes idObject = in.sized(MAX_ID_OBJECT);
    Bytes secret = in.sized(MAX_SECRET);
    in.end();
    if (idObject.isEmpty() || secret.isEmpty()) {
      throw in.malformed("an empty part");
    }
    return new CredentialBlob(idObject, secret);
  }

  /** The credential file of tpm2-tools: magic, version, TPM2B_ID_OBJECT, TPM2B_ENCRYPTED_SECRET. */
  public Bytes toFile() {
    return new WireWriter()
        .uint32(FILE_MAGIC)
        .uint32(FILE_VERSION)
        .sized(idObject)
        .sized(encryptedSecret)
        .toBytes();
  }
}
