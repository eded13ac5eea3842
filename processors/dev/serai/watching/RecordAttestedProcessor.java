package dev.serai.watching;

import dev.serai.appraisal.Trusted;
import dev.serai.appraisal.Verdict;
import dev.serai.audit.Audit;
import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;
import java.time.Instant;
import java.time.InstantSource;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/**
 * Route step: body {@link Verdict}; it is in the audit log afterwards, and a trusted node on the
 * watch list.
 */
final class RecordAttestedProcessor implements Processor {
  private final WatchStore store;
  private final Audit audit;
  private final WatchRules rules;
  private final InstantSource clock;

  RecordAttestedProcessor(WatchStore store, Audit audit, WatchRules rules, InstantSource clock) {
    this.store = store;
    this.audit = audit;
    this.rules = rules;
    this.clock = clock;
  }

  @Override
  public void process(Exchange exchange) throws InvalidPayloadException {
    Verdict verdict = exchange.getMessage().getMandatoryBody(Verdict.class);
    AuditEvent event = Verdicts.event(AuditKind.ATTESTATION_VERDICT, verdict);
    if (verdict instanceof Trusted trusted) {
      Instant now = clock.instant();
      store.attested(trusted.nodeId(), event, before -> rules.attested(trusted, before, now));
    } else {
      audit.append(event);
    }
  }
}
