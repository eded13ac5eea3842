package dev.serai.tpm.wire;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.spec.TpmScheme;
import java.math.BigInteger;
import java.util.Optional;

/** A signature as a TPM makes it. Part 2, "TPMT_SIGNATURE". */
public sealed interface TpmtSignature {
  /** RSASSA, RSAPSS or ECDSA. */
  TpmScheme scheme();

  /** The hash over which the signature was made. */
  TpmHash hash();

  /** TPMT_SIGNATURE. */
  Bytes encoded();

  /**
   * RSASSA-PKCS1-v1_5 or RSASSA-PSS.
   *
   * @param signature as long as the modulus
   */
  record Rsa(TpmScheme scheme, TpmHash hash, Bytes signature) implements TpmtSignature {
    public Rsa {
      if (scheme != TpmScheme.RSASSA && scheme != TpmScheme.RSAPSS) {
        throw new IllegalArgumentException(scheme + " is no RSA signature scheme");
      }
      if (signature.isEmpty() || signature.size() > 512) {
        throw new IllegalArgumentException("%d bytes of signature".formatted(signature.size()));
      }
    }

    @Override
    public Bytes encoded() {
      return new WireWriter().uint16(scheme.id()).uint16(hash.id()).sized(signature).toBytes();
    }
  }

  /**
   * ECDSA.
   *
   * @param r big-endian, at most 66 bytes; leading zeros may be there or not
   * @param s as r
   */
  record Ecdsa(TpmHash hash, Bytes r, Bytes s) implements TpmtSignature {
    public Ecdsa {
      if (r.isEmpty() || r.size() > 66 || s.isEmpty() || s.size() > 66) {
        throw new IllegalArgumentException("r of %d, s of %d bytes".formatted(r.size(), s.size()));
      }
    }

    @Override
    public TpmScheme scheme() {
      return TpmScheme.ECDSA;
    }

    @Override
    public Bytes encoded() {
      return new WireWriter()
          .uint16(TpmScheme.ECDSA.id())
          .uint16(hash.id())
          .sized(r)
          .sized(s)
          .toBytes();
    }

    /**
     * r and s side by side, each with this many bytes (IEEE P1363).
     *
     * @throws IllegalArgumentException if r or s is longer
     */
    public Bytes toP1363(int coordinateLength) {
      byte[] both = new byte[2 * coordinateLength];
      place(r, both, coordinateLength, 0);
      place(s, both, coordinateLength, coordinateLength);
      return Bytes.copyOf(both);
    }

    private static void place(Bytes value, byte[] both, int coordinateLength, int from) {
      if (value.size() > coordinateLength) {
        throw new IllegalArgumentException("value of %d bytes".formatted(value.size()));
      }
      byte[] bytes = value.toArray();
      System.arraycopy(bytes, 0, both, from + coordinateLength - bytes.length, bytes.length);
    }

    /** SEQUENCE of two INTEGERs, as X.509 and TLS want it. */
    public Bytes toDer() {
      byte[] first = integer(r);
      byte[] second = integer(s);
      int length = first.length + second.length;
      WireWriter out = new WireWriter().uint8(0x30);
      if (length > 127) {
        out.uint8(0x81);
      }
      return out.uint8(length).bytes(Bytes.copyOf(first)).bytes(Bytes.copyOf(second)).toBytes();
    }

    private static byte[] integer(Bytes value) {
      byte[] content = new BigInteger(1, value.toArray()).toByteArray();
      byte[] encoded = new byte[content.length + 2];
      encoded[0] = 2;
      encoded[1] = (byte) content.length;
      System.arraycopy(content, 0, encoded, 2, content.length);
      return encoded;
    }
  }

  /** The whole input must be used; other schemes are refused. */
  static TpmtSignature parse(Bytes encoded) throws MalformedStructureException {
    WireReader in = new WireReader("TPMT_SIGNATURE", encoded);
    int id = in.uint16();
    Optional<TpmScheme> scheme = TpmScheme.byId(id).filter(TpmScheme::signs);
    if (scheme.isEmpty()) {
      throw in.malformed("unknown signature scheme 0x%04x".formatted(id));
    }
    int hashId = in.uint16();
    Optional<TpmHash> hash = TpmHash.byId(hashId);
    if (hash.isEmpty()) {
      throw in.malformed("unknown hash 0x%04x".formatted(hashId));
    }
    TpmtSignature signature;
    if (scheme.get() == TpmScheme.ECDSA) {
      signature = new Ecdsa(hash.get(), part(in, 66), part(in, 66));
    } else {
      signature = new Rsa(scheme.get(), hash.get(), part(in, 512));
    }
    in.end();
    return signature;
  }

  private static Bytes part(WireReader in, int limit) throws MalformedStructureException {
    Bytes part = in.sized(limit);
    if (part.isEmpty()) {
      throw in.malformed("an empty part");
    }
    return part;
  }
}
