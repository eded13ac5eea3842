package dev.serai.workload;

import java.security.PrivateKey;

/** The private key of a workload's identity. Never printed, never compared. */
public final class WorkloadKey {
  private final byte[] pkcs8;

  private WorkloadKey(byte[] pkcs8) {
    this.pkcs8 = pkcs8;
  }

  /** DER PKCS#8, unencrypted. */
  public static WorkloadKey ofPkcs8(byte[] encoded) {
    if (encoded.length == 0) {
      throw new IllegalArgumentException("an empty key");
    }
    return new WorkloadKey(encoded.clone());
  }

  /** A key that can leave this process: a workload gets a copy. */
  public static WorkloadKey of(PrivateKey key) {
    byte[] encoded = key.getEncoded();
    if (encoded == null || !"PKCS#8".equals(key.getFormat())) {
      throw new IllegalArgumentException("the key has no PKCS#8 encoding");
    }
    return new WorkloadKey(encoded);
  }

  /** The PKCS#8 bytes, for the workload that owns them. */
  byte[] reveal() {
    return pkcs8;
  }

  @Override
  public String toString() {
    return "WorkloadKey";
  }
}
