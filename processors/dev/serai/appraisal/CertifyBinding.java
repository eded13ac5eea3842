package dev.serai.appraisal;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import java.security.MessageDigest;

/** What a certify's qualifying data binds together, for agent and verifier alike. */
public final class CertifyBinding {
  private CertifyBinding() {}

  /**
   * SHA-256(nonce ‖ SHA-256(App Key) ‖ SHA-256(CSR)).
   *
   * @param subjectPublicKeyInfo the App Key in DER
   * @param csr PKCS#10 in DER
   */
  public static Bytes qualifyingData(Bytes nonce, Bytes subjectPublicKeyInfo, Bytes csr) {
    MessageDigest digest = TpmHash.SHA256.newDigest();
    nonce.writeTo(digest);
    digest.update(sha256(subjectPublicKeyInfo));
    digest.update(sha256(csr));
    return Bytes.copyOf(digest.digest());
  }

  private static byte[] sha256(Bytes bytes) {
    MessageDigest digest = TpmHash.SHA256.newDigest();
    bytes.writeTo(digest);
    return digest.digest();
  }
}
