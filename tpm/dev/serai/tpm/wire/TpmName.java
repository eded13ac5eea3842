package dev.serai.tpm.wire;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;

/** The Name of a TPM object: its name algorithm and the digest of its public area. Part 1, "Names". */
public record TpmName(TpmHash algorithm, Bytes digest) {
  public TpmName {
    if (digest.size() != algorithm.digestLength()) {
      throw new IllegalArgumentException(
          "%s digest must be %d bytes, was %d"
              .formatted(algorithm, algorithm.digestLength(), digest.size()));
    }
  }

  /** nameAlg, 16 bit big-endian, then the digest. */
  public Bytes encoded() {
    return Bytes.concat(
        Bytes.copyOf(new byte[] {(byte) (algorithm.id() >> 8), (byte) algorithm.id()}), digest);
  }

  /** Hex of the encoded Name, as logs and the database show it. */
  public String toHex() {
    return encoded().toHex();
  }
}
