package dev.serai.signing;

import java.security.PrivateKey;
import java.security.PublicKey;

/**
 * A cryptographic provider as Serai uses it: ECDSA on the NIST curves and RSA. Preparing a key
 * costs about as much as using it, so callers keep what they get.
 */
public interface Signatures {

  /** For people and benchmarks: accp, bc or jdk. */
  String provider();

  /**
   * For a software key of JCA.
   *
   * @throws IllegalArgumentException if the provider does not take this key
   */
  SignatureVerifier verifier(PublicKey key);

  /** For a software key of JCA whose value can be read. */
  MessageSigner signer(PrivateKey key);

  /** The fastest provider that loads and passes its known answers on this machine; always one. */
  static Signatures fastest() {
    return Providers.FASTEST;
  }
}
