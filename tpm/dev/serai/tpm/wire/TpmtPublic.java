package dev.serai.tpm.wire;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmConstants;
import dev.serai.tpm.spec.TpmEccCurve;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.spec.TpmScheme;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.spec.ECPoint;
import java.security.spec.ECPublicKeySpec;
import java.security.spec.RSAPublicKeySpec;
import java.util.Optional;

/**
 * The public area of an RSA or ECC key, with the bytes it came as. Part 2, "TPMT_PUBLIC". Equal
 * when the bytes are equal. Immutable.
 */
public final class TpmtPublic {
  /** More than the largest RSA-4096 public area. */
  private static final int MAX_SIZE = 1024;

  /** The key itself: the unique field and the parameters that say how to read it. */
  public sealed interface Key permits RsaKey, EccKey {}

  /**
   * @param keyBits 2048, 3072 or 4096
   * @param exponent the real one: 65537 where the structure says 0
   * @param modulus keyBits / 8 bytes, big-endian
   */
  public record RsaKey(int keyBits, long exponent, Bytes modulus) implements Key {}

  /** A point on the curve; each coordinate has the curve's coordinate length. */
  public record EccKey(TpmEccCurve curve, Bytes x, Bytes y) implements Key {}

  /** Object types in use. */
  public enum Kind {
    RSA,
    ECC
  }

  /** Scheme and its hash. Part 2, "TPMT_RSA_SCHEME", "TPMT_ECC_SCHEME". */
  public record Scheme(TpmScheme algorithm, Optional<TpmHash> hash) {
    /** No fixed scheme. */
    public static final Scheme NULL = new Scheme(TpmScheme.NULL, Optional.empty());

    public Scheme {
      if (algorithm.withHash() != hash.isPresent()) {
        throw new IllegalArgumentException(algorithm + " and hash " + hash + " do not go together");
      }
    }
  }

  private final Bytes encoded;
  private final TpmHash nameAlgorithm;
  private final TpmaObject attributes;
  private final Bytes authPolicy;
  private final int aesKeyBits;
  private final Scheme scheme;
  private final Key key;
  // Made on first use; making one twice does no harm.
  private volatile TpmName name;
  private volatile PublicKey publicKey;

  private TpmtPublic(
      Bytes encoded,
      TpmHash nameAlgorithm,
      TpmaObject attributes,
      Bytes authPolicy,
      int aesKeyBits,
      Scheme scheme,
      Key key) {
    this.encoded = encoded;
    this.nameAlgorithm = nameAlgorithm;
    this.attributes = attributes;
    this.authPolicy = authPolicy;
    this.aesKeyBits = aesKeyBits;
    this.scheme = scheme;
    this.key = key;
  }

  /** From TPM2B_PUBLIC (with size prefix); the whole input must be used. */
  public static TpmtPublic parseSized(Bytes tpm2bPublic) throws MalformedStructureException {
    WireReader in = new WireReader("TPM2B_PUBLIC", tpm2bPublic);
    Bytes content = in.sized(MAX_SIZE);
    in.end();
    return parse(content);
  }

  /** From TPMT_PUBLIC (no size prefix); the whole input must be used. */
  public static TpmtPublic parse(Bytes tpmtPublic) throws MalformedStructureException {
    WireReader in = new WireReader("TPMT_PUBLIC", tpmtPublic);
    if (tpmtPublic.size() > MAX_SIZE) {
      throw in.malformed("longer than " + MAX_SIZE + " bytes");
    }
    int type = in.uint16();
    if (type != TpmConstants.ALG_RSA && type != TpmConstants.ALG_ECC) {
      throw in.malformed("object type 0x%04x is neither RSA nor ECC".formatted(type));
    }
    TpmHash nameAlgorithm = hash(in, "nameAlg");
    int attributes = (int) in.uint32();
    if (!TpmaObject.isValid(attributes)) {
      throw in.malformed("reserved bits set in attributes 0x%08x".formatted(attributes));
    }
    Bytes authPolicy = in.sized(TpmHash.SHA512.digestLength());
    if (!authPolicy.isEmpty() && authPolicy.size() != nameAlgorithm.digestLength()) {
      throw in.malformed("authPolicy of %d bytes".formatted(authPolicy.size()));
    }
    int aesKeyBits = symmetric(in);
    Scheme scheme = scheme(in, type);
    Key key = type == TpmConstants.ALG_RSA ? rsaKey(in) : eccKey(in);
    in.end();
    return new TpmtPublic(
        tpmtPublic, nameAlgorithm, new TpmaObject(attributes), authPolicy, aesKeyBits, scheme, key);
  }

  private static TpmHash hash(WireReader in, String field) throws MalformedStructureException {
    int id = in.uint16();
    Optional<TpmHash> hash = TpmHash.byId(id);
    if (hash.isEmpty()) {
      throw in.malformed("unknown %s 0x%04x".formatted(field, id));
    }
    return hash.get();
  }

  /** TPMT_SYM_DEF_OBJECT: AES-CFB or none. The key size in bits, 0 for none. */
  private static int symmetric(WireReader in) throws MalformedStructureException {
    int algorithm = in.uint16();
    if (algorithm == TpmConstants.ALG_NULL) {
      return 0;
    }
    if (algorithm != TpmConstants.ALG_AES) {
      throw in.malformed("unknown symmetric algorithm 0x%04x".formatted(algorithm));
    }
    int keyBits = in.uint16();
    int mode = in.uint16();
    if (keyBits != 128 && keyBits != 192 && keyBits != 256) {
      throw in.malformed("AES key of %d bits".formatted(keyBits));
    }
    if (mode != TpmConstants.ALG_CFB) {
      throw in.malformed("AES mode 0x%04x is not CFB".formatted(mode));
    }
    return keyBits;
  }

  private static Scheme scheme(WireReader in, int type) throws MalformedStructureException {
    int id = in.uint16();
    Optional<TpmScheme> found = TpmScheme.byId(id);
    if (found.isEmpty()) {
      throw in.malformed("unknown scheme 0x%04x".formatted(id));
    }
    TpmScheme algorithm = found.get();
    boolean fits =
        switch (algorithm) {
          case NULL -> true;
          case RSASSA, RSAES, RSAPSS, OAEP -> type == TpmConstants.ALG_RSA;
          case ECDSA, ECDH -> type == TpmConstants.ALG_ECC;
        };
    if (!fits) {
      throw in.malformed("scheme %s for object type 0x%04x".formatted(algorithm, type));
    }
    return new Scheme(
        algorithm, algorithm.withHash() ? Optional.of(hash(in, "scheme hash")) : Optional.empty());
  }

  private static RsaKey rsaKey(WireReader in) throws MalformedStructureException {
    int keyBits = in.uint16();
    if (keyBits != 2048 && keyBits != 3072 && keyBits != 4096) {
      throw in.malformed("RSA key of %d bits".formatted(keyBits));
    }
    long exponent = in.uint32();
    if (exponent == 0) {
      exponent = TpmConstants.DEFAULT_RSA_EXPONENT;
    }
    if (exponent < 3 || exponent % 2 == 0) {
      throw in.malformed("RSA exponent " + exponent);
    }
    Bytes modulus = in.sized(512);
    if (modulus.size() != keyBits / 8) {
      throw in.malformed("%d bytes of modulus for %d bits".formatted(modulus.size(), keyBits));
    }
    if (modulus.at(0) < 0x80 || modulus.at(modulus.size() - 1) % 2 == 0) {
      throw in.malformed("modulus is short or even");
    }
    return new RsaKey(keyBits, exponent, modulus);
  }

  private static EccKey eccKey(WireReader in) throws MalformedStructureException {
    int id = in.uint16();
    Optional<TpmEccCurve> found = TpmEccCurve.byId(id);
    if (found.isEmpty()) {
      throw in.malformed("unknown curve 0x%04x".formatted(id));
    }
    TpmEccCurve curve = found.get();
    int kdf = in.uint16();
    if (kdf != TpmConstants.ALG_NULL) {
      throw in.malformed("kdf 0x%04x where none is defined for use".formatted(kdf));
    }
    Bytes x = EccPoints.padded(in.sized(curve.coordinateLength()), curve);
    Bytes y = EccPoints.padded(in.sized(curve.coordinateLength()), curve);
    if (!EccPoints.isOnCurve(curve, x, y)) {
      throw in.malformed("the point is not on " + curve);
    }
    return new EccKey(curve, x, y);
  }

  /** TPMT_PUBLIC as received. */
  public Bytes encoded() {
    return encoded;
  }

  /** TPM2B_PUBLIC: size prefix and {@link #encoded}. */
  public Bytes sized() {
    return new WireWriter().sized(encoded).toBytes();
  }

  public Kind kind() {
    return key instanceof RsaKey ? Kind.RSA : Kind.ECC;
  }

  public TpmHash nameAlgorithm() {
    return nameAlgorithm;
  }

  public TpmaObject attributes() {
    return attributes;
  }

  /** Empty when there is no policy. */
  public Bytes authPolicy() {
    return authPolicy;
  }

  /** Key size of the AES-CFB with which a storage or endorsement key protects; 0 for none. */
  public int aesKeyBits() {
    return aesKeyBits;
  }

  public Scheme scheme() {
    return scheme;
  }

  public Key key() {
    return key;
  }

  /** The Name: hash of the received bytes. */
  public TpmName name() {
    TpmName known = name;
    if (known == null) {
      known = TpmName.of(nameAlgorithm, encoded);
      name = known;
    }
    return known;
  }

  /** As a JCA key. */
  public PublicKey publicKey() {
    PublicKey known = publicKey;
    if (known == null) {
      known = makePublicKey();
      publicKey = known;
    }
    return known;
  }

  private PublicKey makePublicKey() {
    try {
      if (key instanceof RsaKey rsa) {
        return KeyFactory.getInstance("RSA")
            .generatePublic(
                new RSAPublicKeySpec(
                    new BigInteger(1, rsa.modulus().toArray()),
                    BigInteger.valueOf(rsa.exponent())));
      }
      EccKey ecc = (EccKey) key;
      ECPoint point =
          new ECPoint(new BigInteger(1, ecc.x().toArray()), new BigInteger(1, ecc.y().toArray()));
      return KeyFactory.getInstance("EC")
          .generatePublic(new ECPublicKeySpec(point, EccPoints.parameters(ecc.curve())));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java does not make a key of " + this, e);
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TpmtPublic that && encoded.equals(that.encoded);
  }

  @Override
  public int hashCode() {
    return encoded.hashCode();
  }

  @Override
  public String toString() {
    return "TpmtPublic[%s %s %s]".formatted(kind(), name().toHex(), attributes);
  }
}
