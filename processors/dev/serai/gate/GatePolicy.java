package dev.serai.gate;

import dev.serai.location.Assurance;
import java.util.Objects;
import java.util.Set;

/**
 * What has to be true of a location.
 *
 * @param minimumAssurance what counts at least, by the claim or by the answer of the moment
 * @param regions that may pass; empty for all
 */
public record GatePolicy(GateMode mode, Assurance minimumAssurance, Set<String> regions) {
  public GatePolicy {
    Objects.requireNonNull(mode);
    Objects.requireNonNull(minimumAssurance);
    regions = Set.copyOf(regions);
  }
}
