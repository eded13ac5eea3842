package dev.serai.appraisal;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.spec.X509EncodedKeySpec;

/** A JCA key from SubjectPublicKeyInfo. */
final class KeyFromInfo {
  private KeyFromInfo() {}

  /** RSA or EC; the point is on its curve. */
  static PublicKey read(Bytes subjectPublicKeyInfo) throws MalformedStructureException {
    X509EncodedKeySpec encoded = new X509EncodedKeySpec(subjectPublicKeyInfo.toArray());
    for (String algorithm : new String[] {"EC", "RSA"}) {
      try {
        return KeyFactory.getInstance(algorithm).generatePublic(encoded);
      } catch (GeneralSecurityException | RuntimeException e) {
        continue; // perhaps the other kind
      }
    }
    throw new MalformedStructureException("data.app_key_public", "neither an RSA nor an EC key");
  }
}
