package dev.serai.appraisal;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import java.security.MessageDigest;
import java.util.Objects;

/**
 * How a PCR came to its value, as the sender says. No other history leads to the same value, so a
 * quote of that value makes it true.
 *
 * @param before the value before
 * @param digest what it was extended with
 */
public record PcrExtend(Bytes before, Bytes digest) {
  public PcrExtend {
    Objects.requireNonNull(before);
    Objects.requireNonNull(digest);
  }

  /** The value after, in the SHA-256 bank. */
  Bytes after() {
    MessageDigest extended = TpmHash.SHA256.newDigest();
    before.writeTo(extended);
    digest.writeTo(extended);
    return Bytes.copyOf(extended.digest());
  }
}
