package dev.serai.agent;

import dev.serai.keylime.ApiVersion;
import dev.serai.tpm.KeyRef;

/** The AK's algorithms in Keylime's words. Before 2.5 key sizes had no name. */
record KeylimeAlgorithms(String hash, String encryption, String signature) {
  private static final int SIZES_SINCE = 5;

  static KeylimeAlgorithms of(KeyRef.Attestation ak, ApiVersion version) {
    boolean sized = version.minor() >= SIZES_SINCE;
    return switch (ak) {
      case ECDSA_P256 -> new KeylimeAlgorithms("sha256", sized ? "ecc256" : "ecc", "ecdsa");
      case RSASSA_2048 -> new KeylimeAlgorithms("sha256", sized ? "rsa2048" : "rsa", "rsassa");
    };
  }
}
