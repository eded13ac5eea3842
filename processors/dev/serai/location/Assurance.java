package dev.serai.location;

import java.util.Locale;
import java.util.Optional;

/**
 * How well a location is known. Rising: a policy that asks for one accepts those after it. An
 * operator's word stands above a receiver's, for the node cannot make it up.
 */
public enum Assurance {
  /** The node's sensor says so. */
  CLAIMED,
  /** A satellite receiver of the node gave the position. */
  GNSS,
  /** The mobile operator confirmed where the SIM is. */
  OPERATOR_VERIFIED,
  /** Receiver and operator agree. */
  BOTH;

  public static Optional<Assurance> of(String word) {
    for (Assurance assurance : values()) {
      if (assurance.word().equals(word)) {
        return Optional.of(assurance);
      }
    }
    return Optional.empty();
  }

  /** As in claims and policies. */
  public String word() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  public boolean isAtLeast(Assurance wanted) {
    return compareTo(wanted) >= 0;
  }
}
