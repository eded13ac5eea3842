package dev.serai.watching;

import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.Refused;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;
import org.apache.camel.support.SynchronizationAdapter;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Route step: body {@link WatchTask} in, body node id out. Whatever becomes of the exchange, the
 * task is settled at its end: a flow that was refused half way counts as a question without answer.
 */
final class BeginWatchProcessor implements Processor {
  private static final Logger LOG = LoggerFactory.getLogger(BeginWatchProcessor.class);

  /** Exchange variable: the {@link WatchTask}. */
  static final String TASK = "watchTask";

  /** Exchange variable: true once the outcome is recorded. */
  static final String SETTLED = "watchSettled";

  private final WatchSettlement settlement;

  BeginWatchProcessor(WatchSettlement settlement) {
    this.settlement = settlement;
  }

  @Override
  public void process(Exchange exchange) throws InvalidPayloadException {
    WatchTask task = exchange.getMessage().getMandatoryBody(WatchTask.class);
    exchange.setVariable(TASK, task);
    exchange.getExchangeExtension().addOnCompletion(new AtTheEnd(task));
    exchange.getMessage().setBody(task.nodeId());
  }

  private final class AtTheEnd extends SynchronizationAdapter {
    private final WatchTask task;

    AtTheEnd(WatchTask task) {
      this.task = task;
    }

    @Override
    public void onDone(Exchange exchange) {
      try {
        if (!Boolean.TRUE.equals(exchange.getVariable(SETTLED))) {
          settlement.refused(task, reason(exchange));
        }
      } catch (RuntimeException e) { // the lease brings the task back
        LOG.warn("the outcome for node {} could not be recorded", task.nodeId(), e);
      } finally {
        settlement.end(task);
      }
    }

    private Reason reason(Exchange exchange) {
      return exchange.getMessage().getBody() instanceof Refused refused
          ? refused.reason()
          : new Reason(ReasonCode.INTERNAL_ERROR, "the flow ended without an outcome");
    }
  }
}
