package dev.serai.appraisal;

import dev.serai.location.LocationDocument;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.Optional;

/** What a certify's qualifying data binds together, for agent and verifier alike. */
public final class CertifyBinding {
  private CertifyBinding() {}

  /** Without a location. */
  public static Bytes qualifyingData(Bytes nonce, Bytes subjectPublicKeyInfo, Bytes csr) {
    return qualifyingData(nonce, subjectPublicKeyInfo, csr, Optional.empty());
  }

  /**
   * SHA-256(nonce ‖ SHA-256(App Key) ‖ SHA-256(CSR)), and ‖ SHA-256(location) when one travels.
   *
   * @param subjectPublicKeyInfo the App Key in DER
   * @param csr PKCS#10 in DER
   */
  public static Bytes qualifyingData(
      Bytes nonce, Bytes subjectPublicKeyInfo, Bytes csr, Optional<LocationDocument> location) {
    MessageDigest digest = TpmHash.SHA256.newDigest();
    nonce.writeTo(digest);
    digest.update(sha256(subjectPublicKeyInfo));
    digest.update(sha256(csr));
    location.ifPresent(document -> document.sha256().writeTo(digest));
    return Bytes.copyOf(digest.digest());
  }

  /**
   * The sovereign prototype's: SHA-256(SHA-256(PEM) ‖ nonce as text). The PEM text is the one that
   * OpenSSL writes for the key, whatever text was sent: lines of 64 characters and a line end after
   * the last. It covers neither a CSR nor a location.
   */
  public static Bytes prototypeQualifyingData(Bytes subjectPublicKeyInfo, String nonce) {
    MessageDigest digest = TpmHash.SHA256.newDigest();
    digest.update(sha256(Bytes.ofText(pem(subjectPublicKeyInfo))));
    digest.update(nonce.getBytes(StandardCharsets.US_ASCII));
    return Bytes.copyOf(digest.digest());
  }

  private static String pem(Bytes subjectPublicKeyInfo) {
    Base64.Encoder lines = Base64.getMimeEncoder(64, new byte[] {'\n'});
    return "-----BEGIN PUBLIC KEY-----\n"
        + lines.encodeToString(subjectPublicKeyInfo.toArray())
        + "\n-----END PUBLIC KEY-----\n";
  }

  private static byte[] sha256(Bytes bytes) {
    MessageDigest digest = TpmHash.SHA256.newDigest();
    bytes.writeTo(digest);
    return digest.digest();
  }
}
