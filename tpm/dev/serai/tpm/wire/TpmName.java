package dev.serai.tpm.wire;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import java.security.MessageDigest;
import java.util.Optional;

/**
 * The Name of a TPM object: its name algorithm and the digest of its public area. Part 1, "Names".
 */
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

  /** From nameAlg and digest, as {@link #encoded} gives; the whole input must be used. */
  public static TpmName parse(Bytes encoded) throws MalformedStructureException {
    WireReader in = new WireReader("TPM2B_NAME", encoded);
    int id = in.uint16();
    Optional<TpmHash> algorithm = TpmHash.byId(id);
    if (algorithm.isEmpty()) {
      throw in.malformed("unknown nameAlg 0x%04x".formatted(id));
    }
    Bytes digest = in.exactly(algorithm.get().digestLength());
    in.end();
    return new TpmName(algorithm.get(), digest);
  }

  /** The Name of an object with this public area: hash of the received bytes. */
  public static TpmName of(TpmHash nameAlgorithm, Bytes tpmtPublic) {
    MessageDigest digest = nameAlgorithm.newDigest();
    tpmtPublic.writeTo(digest);
    return new TpmName(nameAlgorithm, Bytes.copyOf(digest.digest()));
  }

  /**
   * The Qualified Name of a key with this Name directly under a parent. Part 1, "Qualified Names".
   *
   * @param parent the parent's Qualified Name, or the four bytes of a hierarchy's handle
   */
  public TpmName qualifiedUnder(Bytes parent) {
    MessageDigest hash = algorithm.newDigest();
    parent.writeTo(hash);
    encoded().writeTo(hash);
    return new TpmName(algorithm, Bytes.copyOf(hash.digest()));
  }
}
