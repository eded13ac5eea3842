package dev.serai.appraisal;

import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.PcrSelection;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/** What PCRs may hold. At least one PCR; PCRs without a rule are free. */
public record PcrPolicy(Map<TpmHash, SortedMap<Integer, PcrRule>> rules) {
  public PcrPolicy {
    Map<TpmHash, SortedMap<Integer, PcrRule>> copy = new EnumMap<>(TpmHash.class);
    rules.forEach(
        (bank, ofBank) -> {
          if (ofBank.isEmpty()) {
            throw new IllegalArgumentException("bank %s has no PCR".formatted(bank.bankName()));
          }
          ofBank.forEach((index, rule) -> requireFitting(bank, index, rule));
          copy.put(bank, Collections.unmodifiableSortedMap(new TreeMap<>(ofBank)));
        });
    if (copy.isEmpty()) {
      throw new IllegalArgumentException("a policy without PCRs allows everything");
    }
    rules = Collections.unmodifiableMap(copy);
  }

  private static void requireFitting(TpmHash bank, int index, PcrRule rule) {
    if (index < 0 || index >= PcrSelection.PCR_COUNT) {
      throw new IllegalArgumentException("PCR " + index);
    }
    if (rule instanceof PcrRule.AnyOf anyOf) {
      for (Bytes value : anyOf.values()) {
        if (value.size() != bank.digestLength()) {
          throw new IllegalArgumentException(
              "%s:%d: a value of %d bytes".formatted(bank.bankName(), index, value.size()));
        }
      }
    }
  }

  /** The PCRs that this policy looks at: what a challenge has to ask for. */
  public PcrSelection selection() {
    Map<TpmHash, SortedSet<Integer>> wanted = new EnumMap<>(TpmHash.class);
    rules.forEach((bank, ofBank) -> wanted.put(bank, new TreeSet<>(ofBank.keySet())));
    return new PcrSelection(wanted);
  }

  /** Every way in which the values do not meet the policy; empty when they do. */
  List<Reason> violations(Map<TpmHash, SortedMap<Integer, Bytes>> values, Baseline baseline) {
    List<Reason> violations = new ArrayList<>();
    rules.forEach(
        (bank, ofBank) -> {
          SortedMap<Integer, Bytes> quoted =
              values.getOrDefault(bank, Collections.emptySortedMap());
          ofBank.forEach(
              (index, rule) ->
                  violation(bank, index, rule, quoted.get(index), baseline)
                      .ifPresent(violations::add));
        });
    return violations;
  }

  private static Optional<Reason> violation(
      TpmHash bank, int index, PcrRule rule, Bytes value, Baseline baseline) {
    if (value == null) {
      return Optional.of(
          new Reason(ReasonCode.PCR_NOT_QUOTED, "%s:%d".formatted(bank.bankName(), index)));
    }
    boolean allowed;
    if (rule instanceof PcrRule.AnyOf anyOf) {
      allowed = anyOf.values().contains(value);
    } else {
      allowed = baseline.recorded(bank, index).map(value::equals).orElse(true); // else recorded now
    }
    return allowed
        ? Optional.empty()
        : Optional.of(
            new Reason(
                ReasonCode.PCR_VALUE_NOT_ALLOWED,
                "%s:%d is %s".formatted(bank.bankName(), index, value.toHex())));
  }

  /** What to record: values already recorded stay, those of new rules are added. */
  Map<TpmHash, SortedMap<Integer, Bytes>> recorded(
      Map<TpmHash, SortedMap<Integer, Bytes>> values, Baseline baseline) {
    Map<TpmHash, SortedMap<Integer, Bytes>> recorded = new EnumMap<>(TpmHash.class);
    rules.forEach(
        (bank, ofBank) ->
            ofBank.forEach(
                (index, rule) -> {
                  if (rule instanceof PcrRule.RecordedAtEnrolment) {
                    Bytes value =
                        baseline.recorded(bank, index).orElseGet(() -> values.get(bank).get(index));
                    recorded.computeIfAbsent(bank, b -> new TreeMap<>()).put(index, value);
                  }
                }));
    return recorded;
  }
}
