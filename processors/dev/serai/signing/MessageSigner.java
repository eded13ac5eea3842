package dev.serai.signing;

import dev.serai.tpm.Bytes;

/** One private key, in the form its provider is fastest with. Keep it; safe for any thread. */
@FunctionalInterface
public interface MessageSigner {

  /**
   * Signs a message (not a digest).
   *
   * @throws IllegalArgumentException if the algorithm is not one of this key
   */
  Bytes sign(SignatureAlgorithm algorithm, Bytes message);
}
