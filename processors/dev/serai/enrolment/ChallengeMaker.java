package dev.serai.enrolment;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MakeCredential;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;

/** Makes challenges that only the TPM with both EK and AK can open. */
final class ChallengeMaker {
  /** Keylime's challenge: letters and digits, about 190 bits. */
  static final int LENGTH = 32;

  private static final String ALPHABET =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

  private final SecureRandom random;
  private final Duration lifetime;

  ChallengeMaker(SecureRandom random, Duration lifetime) {
    this.random = random;
    this.lifetime = lifetime;
  }

  Enrolment.Challenged challenge(Enrolment.Trusted enrolment, Instant now) {
    StringBuilder text = new StringBuilder(LENGTH);
    for (int i = 0; i < LENGTH; i++) {
      text.append(ALPHABET.charAt(random.nextInt(ALPHABET.length())));
    }
    Bytes secret = Bytes.ofText(text.toString());
    Enrolment.Claimed claim = enrolment.claim();
    return new Enrolment.Challenged(
        enrolment,
        secret,
        MakeCredential.make(claim.ek(), claim.ak().name(), secret, random),
        now.plus(lifetime));
  }
}
