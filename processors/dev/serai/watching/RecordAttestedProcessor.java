package dev.serai.watching;

import dev.serai.appraisal.Trusted;
import dev.serai.appraisal.Verdict;
import java.time.Instant;
import java.time.InstantSource;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/** Route step: body {@link Verdict}; a trusted node is on the watch list afterwards. */
final class RecordAttestedProcessor implements Processor {
  private final WatchStore store;
  private final WatchRules rules;
  private final InstantSource clock;

  RecordAttestedProcessor(WatchStore store, WatchRules rules, InstantSource clock) {
    this.store = store;
    this.rules = rules;
    this.clock = clock;
  }

  @Override
  public void process(Exchange exchange) throws InvalidPayloadException {
    Verdict verdict = exchange.getMessage().getMandatoryBody(Verdict.class);
    if (verdict instanceof Trusted trusted) {
      Instant now = clock.instant();
      store.attested(trusted.nodeId(), before -> rules.attested(trusted, before, now));
    }
  }
}
