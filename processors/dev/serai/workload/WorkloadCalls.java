package dev.serai.workload;

import static java.util.Objects.requireNonNull;

import dev.serai.spiffe.Selector;
import java.util.Set;
import org.apache.camel.Exchange;

/** What the steps of the Workload API find in an exchange. */
final class WorkloadCalls {
  private WorkloadCalls() {}

  /** The caller's selectors; without AttestWorkloadProcessor nobody gets anything. */
  @SuppressWarnings("unchecked") // set by AttestWorkloadProcessor
  static Set<Selector> caller(Exchange exchange) {
    return (Set<Selector>)
        requireNonNull(
            exchange.getVariable(AttestWorkloadProcessor.SELECTORS, Set.class),
            AttestWorkloadProcessor.SELECTORS);
  }
}
