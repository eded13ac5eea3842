package dev.serai.appraisal;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.TpmClock;
import dev.serai.tpm.spec.TpmHash;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedMap;

/**
 * What an accepted appraisal leaves for the next one of the same node.
 *
 * @param recorded values of PCRs whose policy is "recorded-at-enrolment"
 * @param clock of the last accepted quote
 */
public record Baseline(Map<TpmHash, SortedMap<Integer, Bytes>> recorded, Optional<TpmClock> clock) {
  /** Before the first accepted appraisal. */
  public static final Baseline NONE = new Baseline(Map.of(), Optional.empty());

  public Baseline {
    recorded = PcrValues.copyOf(recorded);
    Objects.requireNonNull(clock);
  }

  /** The recorded value of a PCR, if there is one. */
  public Optional<Bytes> recorded(TpmHash bank, int index) {
    SortedMap<Integer, Bytes> ofBank = recorded.get(bank);
    return ofBank == null ? Optional.empty() : Optional.ofNullable(ofBank.get(index));
  }

  /**
   * What an accepted state leaves. Of two clocks of one power cycle the later stays: statements may
   * be judged out of order, and many small steps back must not add up to a large one.
   */
  Baseline after(PcrPolicy policy, Trusted.QuotedState state) {
    TpmClock now = state.clock();
    TpmClock latest =
        clock
            .filter(last -> last.resetCount() == now.resetCount())
            .filter(last -> last.restartCount() == now.restartCount())
            .filter(last -> Long.compareUnsigned(last.clockMillis(), now.clockMillis()) > 0)
            .orElse(now);
    return new Baseline(policy.recorded(state.pcrs(), this), Optional.of(latest));
  }
}
