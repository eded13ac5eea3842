package dev.serai.breaker;

import dev.serai.deadline.Deadline;
import dev.serai.http.NettyHangUp;
import dev.serai.reason.Kind;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.reason.Refused;
import java.io.IOException;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeoutException;
import org.apache.camel.AsyncCallback;
import org.apache.camel.CamelExchangeException;
import org.apache.camel.Exchange;
import org.apache.camel.ExchangeTimedOutException;
import org.apache.camel.NamedNode;
import org.apache.camel.Processor;
import org.apache.camel.Route;
import org.apache.camel.spi.Policy;
import org.apache.camel.support.processor.DelegateAsyncProcessor;

/**
 * Policy around the call of a provider. While its breaker is open the provider is not asked, and
 * the flow is refused at once. Only silence and "not now" count against a provider: a refusal, or
 * an error that one caller's input may have brought about, is an answer. Nor does it count when the
 * caller left the provider less time than a call is given otherwise: no hasty caller opens a
 * breaker for the others.
 */
public final class BreakerPolicy implements Policy {
  private static final String ANSWERED = "seraiProviderAnswered";

  private static final Set<Kind> AWAY = EnumSet.of(Kind.UNAVAILABLE, Kind.DEADLINE);

  private final Breaker breaker;
  private final ReasonCode whenOpen;
  private final Duration usual;

  /**
   * @param whenOpen how the provider's absence is called
   * @param usual the time a call is given when its caller does not limit it
   */
  public BreakerPolicy(Breaker breaker, ReasonCode whenOpen, Duration usual) {
    this.breaker = breaker;
    this.whenOpen = whenOpen;
    this.usual = usual;
  }

  /** For a step that sees an answer which is of no use and still shows the provider to be there. */
  public static void answered(Exchange exchange) {
    exchange.setProperty(ANSWERED, true);
  }

  @Override
  public void beforeWrap(Route route, NamedNode definition) {}

  @Override
  public Processor wrap(Route route, Processor processor) {
    return new Guarded(processor);
  }

  private final class Guarded extends DelegateAsyncProcessor {
    Guarded(Processor processor) {
      super(processor);
    }

    @Override
    public boolean process(Exchange exchange, AsyncCallback callback) {
      if (!breaker.tryAcquire()) {
        BreakerState state = breaker.state();
        exchange.setException(
            new RefusalException(
                whenOpen,
                "the %s is not asked before %s: it gave no answer %d times in a row"
                    .formatted(
                        state.name(),
                        state.nextTry().map(Object::toString).orElse("a moment"),
                        state.failures())));
        callback.done(true);
        return true;
      }
      boolean hurried =
          Deadline.of(exchange).filter(d -> d.remaining().compareTo(usual) < 0).isPresent();
      return super.process(
          exchange,
          doneSync -> {
            settle(exchange, hurried);
            callback.done(doneSync);
          });
    }
  }

  private void settle(Exchange exchange, boolean hurried) {
    boolean answered = exchange.removeProperty(ANSWERED) != null;
    Optional<String> absence = answered ? Optional.empty() : absence(exchange);
    if (absence.isEmpty()) {
      breaker.succeeded();
    } else if (hurried) {
      breaker.released();
    } else {
      breaker.failed(absence.get());
    }
  }

  /** Why the provider counts as away; empty when it answered. */
  private static Optional<String> absence(Exchange exchange) {
    Refused refused = exchange.getProperty(Refused.PROPERTY, Refused.class);
    if (refused != null) {
      return absence(refused.reason());
    }
    Throwable failure = exchange.getException();
    for (Throwable t = failure; t != null; t = t.getCause()) {
      if (t instanceof RefusalException refusal) {
        return absence(refusal.reason());
      }
      if (t instanceof IOException
          || t instanceof TimeoutException
          || t instanceof ExchangeTimedOutException
          || t instanceof CamelExchangeException // the connection ended before the answer
          || NettyHangUp.is(t)) {
        return Optional.of("no answer: " + t.getClass().getSimpleName());
      }
    }
    return Optional.empty();
  }

  private static Optional<String> absence(Reason reason) {
    return AWAY.contains(reason.code().kind()) ? Optional.of(reason.toString()) : Optional.empty();
  }
}
