package dev.serai.agent;

import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.reason.Refused;
import dev.serai.reason.TpmReasons;
import dev.serai.tpm.TpmException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.support.SynchronizationAdapter;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Route step: names the action that is due, and takes note of how it ended. One action runs at a
 * time. The end is seen from the exchange's own completion, so a step that fails, a route that is
 * stopped and a route that an operator replaced with a wrong one are all noted.
 */
final class AgentDriver implements Processor {
  private static final Logger LOG = LoggerFactory.getLogger(AgentDriver.class);

  /** Exchange variable: the action that is due. */
  static final String ACTION = "agentAction";

  /** No action lasts this long; each call in it has a shorter bound. */
  private static final Duration LONGEST = Duration.ofMinutes(5);

  private final AgentStatus status;
  private final InstantSource clock;
  private Optional<Run> running = Optional.empty();

  private record Run(AgentAction action, Instant since, String exchangeId) {}

  AgentDriver(AgentStatus status, InstantSource clock) {
    this.status = status;
    this.clock = clock;
  }

  @Override
  public void process(Exchange exchange) {
    AgentAction action = begin(exchange);
    exchange.setVariable(ACTION, action.name());
    if (action != AgentAction.REST) {
      exchange
          .getExchangeExtension()
          .addOnCompletion(
              new SynchronizationAdapter() {
                @Override
                public void onDone(Exchange done) {
                  end(action, done);
                }
              });
    }
  }

  private synchronized AgentAction begin(Exchange exchange) {
    Instant now = clock.instant();
    if (running.isPresent()) {
      Run run = running.get();
      if (run.since().plus(LONGEST).isAfter(now) && !now.isBefore(run.since())) {
        return AgentAction.REST;
      }
      running = Optional.empty();
      status.on(
          new AgentEvent.ActionFailed(
              run.action(), new Reason(ReasonCode.DEADLINE_EXCEEDED, run.action() + " hangs")));
    }
    AgentAction action = status.next();
    if (action != AgentAction.REST) {
      running = Optional.of(new Run(action, now, exchange.getExchangeId()));
    }
    return action;
  }

  private synchronized void end(AgentAction action, Exchange done) {
    if (running.filter(run -> run.exchangeId().equals(done.getExchangeId())).isEmpty()) {
      return; // given up before; what it did is on disk and will be found
    }
    running = Optional.empty();
    Object body = done.getMessage().getBody();
    if (done.getException() != null) {
      fail(action, reason(done.getException()));
    } else if (body instanceof Refused refused) {
      fail(action, refused.reason());
    } else if (body instanceof AgentEvent event) {
      status.on(event);
    } else {
      fail(action, new Reason(ReasonCode.INTERNAL_ERROR, "the route ended without a result"));
    }
  }

  private void fail(AgentAction action, Reason reason) {
    LOG.debug("{} gave nothing: {}", action, reason);
    status.on(new AgentEvent.ActionFailed(action, named(action, reason)));
  }

  /** Which peer it was. */
  private static Reason named(AgentAction action, Reason reason) {
    boolean cut =
        reason.code() == ReasonCode.PEER_UNAVAILABLE
            || reason.code() == ReasonCode.DEADLINE_EXCEEDED;
    if (cut && action == AgentAction.ENROL) {
      return new Reason(ReasonCode.REGISTRAR_UNREACHABLE, reason.detail());
    }
    return reason;
  }

  private static Reason reason(Throwable failure) {
    for (Throwable t = failure; t != null; t = t.getCause()) {
      if (t instanceof RefusalException refusal) {
        return refusal.reason();
      }
      if (t instanceof TpmException tpm) {
        return TpmReasons.of(tpm);
      }
    }
    return new Reason(ReasonCode.INTERNAL_ERROR, ReasonCode.INTERNAL_ERROR.what());
  }
}
