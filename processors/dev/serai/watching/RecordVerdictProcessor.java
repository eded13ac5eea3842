package dev.serai.watching;

import static java.util.Objects.requireNonNull;

import dev.serai.appraisal.Verdict;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body {@link Verdict} or unanswered {@link FetchOutcome} in, body node id out. */
final class RecordVerdictProcessor implements Processor {
  private final WatchSettlement settlement;

  RecordVerdictProcessor(WatchSettlement settlement) {
    this.settlement = settlement;
  }

  @Override
  public void process(Exchange exchange) {
    WatchTask task =
        requireNonNull(
            exchange.getVariable(BeginWatchProcessor.TASK, WatchTask.class),
            BeginWatchProcessor.TASK);
    Object found = exchange.getMessage().getBody();
    if (found instanceof Verdict verdict) {
      settlement.judged(task, verdict);
    } else if (found instanceof FetchOutcome.Unanswered unanswered) {
      settlement.unanswered(task, unanswered.reason());
    } else {
      throw new IllegalStateException("neither a verdict nor a missing answer");
    }
    exchange.setVariable(BeginWatchProcessor.SETTLED, true);
    exchange.getMessage().setBody(task.nodeId());
  }
}
