package dev.serai.signing;

import java.util.Optional;

/** Scheme, hash and encoding of a signature. SHA-1 is not offered. */
public enum SignatureAlgorithm {
  ECDSA_SHA256_DER(Family.ECDSA_DER, 256),
  ECDSA_SHA384_DER(Family.ECDSA_DER, 384),
  ECDSA_SHA512_DER(Family.ECDSA_DER, 512),
  ECDSA_SHA256_P1363(Family.ECDSA_P1363, 256),
  ECDSA_SHA384_P1363(Family.ECDSA_P1363, 384),
  ECDSA_SHA512_P1363(Family.ECDSA_P1363, 512),
  RSASSA_SHA256(Family.RSASSA, 256),
  RSASSA_SHA384(Family.RSASSA, 384),
  RSASSA_SHA512(Family.RSASSA, 512),
  RSAPSS_SHA256(Family.RSAPSS, 256),
  RSAPSS_SHA384(Family.RSAPSS, 384),
  RSAPSS_SHA512(Family.RSAPSS, 512);

  /** Scheme and encoding. */
  public enum Family {
    /** SEQUENCE of two INTEGERs, as in X.509, PKCS#10 and TLS. */
    ECDSA_DER,
    /** r and s side by side, each as long as the field, as in JOSE. */
    ECDSA_P1363,
    /** RSASSA-PKCS1-v1_5. */
    RSASSA,
    /** RSASSA-PSS, MGF1 with the same hash, salt as long as the hash. */
    RSAPSS
  }

  private final Family family;
  private final int hashBits;

  SignatureAlgorithm(Family family, int hashBits) {
    this.family = family;
    this.hashBits = hashBits;
  }

  public Family family() {
    return family;
  }

  /** 256, 384 or 512 for the SHA-2 hash of that size. */
  public int hashBits() {
    return hashBits;
  }

  /** The hash by its JCA name. */
  public String hashName() {
    return "SHA-" + hashBits;
  }

  public static Optional<SignatureAlgorithm> of(Family family, int hashBits) {
    for (SignatureAlgorithm algorithm : values()) {
      if (algorithm.family == family && algorithm.hashBits == hashBits) {
        return Optional.of(algorithm);
      }
    }
    return Optional.empty();
  }

  String jcaName() {
    return switch (family) {
      case ECDSA_DER -> "SHA" + hashBits + "withECDSA";
      case ECDSA_P1363 -> "SHA" + hashBits + "withECDSAinP1363Format";
      case RSASSA -> "SHA" + hashBits + "withRSA";
      case RSAPSS -> "RSASSA-PSS";
    };
  }
}
