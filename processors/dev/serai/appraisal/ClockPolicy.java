package dev.serai.appraisal;

import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.tpm.TpmClock;
import java.util.Optional;

/**
 * What a TPM's clock and counters may do between two accepted statements. Part 1, "Time":
 * resetCount and restartCount only grow; clock only grows while it is safe; after power was lost
 * without shutdown it may fall behind, and is unsafe until it has caught up.
 *
 * @param allowUnsafe accept statements while the clock is not safe, and a clock that a counted
 *     reset has put back: a TPM that was not shut down may call its clock safe again before it has
 *     caught up (libtpms does after some seconds)
 * @param rebootNeedsAttestation continuous appraisal refuses a machine that was rebooted until it
 *     has attested again
 */
public record ClockPolicy(boolean allowUnsafe, boolean rebootNeedsAttestation) {
  /**
   * Two statements may be judged in the other order than they were made, for instance a quote the
   * verifier fetched and one of an attestation at the same time. Both answer fresh nonces, so they
   * lie at most a nonce's life apart.
   */
  static final long CONCURRENT_MILLIS = 60_000;

  /** Safe clocks only; a reboot alone is no reason to refuse. */
  public static final ClockPolicy STRICT = new ClockPolicy(false, false);

  /**
   * @param attesting the node is attesting now, so that a reboot is what it answers for
   */
  Optional<Reason> violation(TpmClock now, Optional<TpmClock> lastAccepted, boolean attesting) {
    if (lastAccepted.isPresent()) {
      TpmClock last = lastAccepted.get();
      Optional<String> back = wentBack(now, last);
      if (back.isPresent()) {
        return Optional.of(new Reason(ReasonCode.CLOCK_WENT_BACK, back.get()));
      }
      if (rebootNeedsAttestation && !attesting && rebooted(now, last)) {
        return Optional.of(
            new Reason(
                ReasonCode.NODE_REBOOTED,
                "resets %d then %d, restarts %d then %d"
                    .formatted(
                        last.resetCount(),
                        now.resetCount(),
                        last.restartCount(),
                        now.restartCount())));
      }
    }
    if (!now.safe() && !allowUnsafe) {
      return Optional.of(
          new Reason(ReasonCode.CLOCK_NOT_SAFE, "clock %d ms".formatted(now.clockMillis())));
    }
    return Optional.empty();
  }

  private static boolean rebooted(TpmClock now, TpmClock last) {
    return now.resetCount() != last.resetCount() || now.restartCount() != last.restartCount();
  }

  private Optional<String> wentBack(TpmClock now, TpmClock last) {
    if (now.resetCount() < last.resetCount()) {
      return Optional.of("resetCount %d after %d".formatted(now.resetCount(), last.resetCount()));
    }
    boolean reset = now.resetCount() > last.resetCount();
    if (!reset && now.restartCount() < last.restartCount()) {
      return Optional.of(
          "restartCount %d after %d".formatted(now.restartCount(), last.restartCount()));
    }
    boolean mayFallBehind = reset && (!now.safe() || allowUnsafe);
    long allowance = reset ? 0 : CONCURRENT_MILLIS;
    if (!mayFallBehind
        && Long.compareUnsigned(now.clockMillis() + allowance, last.clockMillis()) < 0) {
      return Optional.of("clock %d ms after %d".formatted(now.clockMillis(), last.clockMillis()));
    }
    return Optional.empty();
  }
}
