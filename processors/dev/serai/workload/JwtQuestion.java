package dev.serai.workload;

import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * What a workload asked for.
 *
 * @param identities its own, as far as it asked for them; at least one
 * @param audience in the order in which it was sent, each once
 */
record JwtQuestion(List<WorkloadIdentity> identities, Set<String> audience) {
  JwtQuestion {
    identities = List.copyOf(identities);
    audience = Collections.unmodifiableSet(new LinkedHashSet<>(audience));
  }
}
