package dev.serai.signing;

import dev.serai.tpm.Bytes;

/** One public key, in the form its provider is fastest with. Keep it; safe for any thread. */
@FunctionalInterface
public interface SignatureVerifier {

  /** False also when the signature is malformed or the algorithm is not one of this key. */
  boolean verifies(SignatureAlgorithm algorithm, Bytes message, Bytes signature);
}
