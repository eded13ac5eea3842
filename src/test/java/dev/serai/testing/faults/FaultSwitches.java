package dev.serai.testing.faults;

import dev.serai.role.Role;
import dev.serai.role.RoleContext;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.apache.camel.AsyncCallback;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.NamedNode;
import org.apache.camel.NamedRoute;
import org.apache.camel.Processor;
import org.apache.camel.model.ProcessorDefinitionHelper;
import org.apache.camel.spi.InterceptStrategy;
import org.apache.camel.support.processor.DelegateAsyncProcessor;

/**
 * Switches on the steps of the shipped routes, by step id, or by route id for all its steps:
 *
 * <pre>
 * FaultSwitches faults = new FaultSwitches();
 * SeraiHarness serai = SeraiHarness.roles("registrar").withRole(faults.asRole()).start();
 * faults.at("record-enrolment").throwing(() -> new IllegalStateException("planted")).times(3);
 * faults.at("fetch-quote").hanging();
 * faults.heal();
 * </pre>
 *
 * <p>A hanging step is let go by {@link #heal}. May be used from any thread.
 */
public final class FaultSwitches implements InterceptStrategy {
  private final Map<String, Switch> switches = new ConcurrentHashMap<>();

  /** One step, or all steps of one route. Until told otherwise it only counts. */
  public static final class Switch {
    private static final int ALWAYS = Integer.MAX_VALUE;

    private final AtomicInteger hits = new AtomicInteger();
    private volatile Act act = exchange -> true;
    private volatile AtomicInteger left = new AtomicInteger(ALWAYS);
    private volatile CountDownLatch held = new CountDownLatch(0);

    private interface Act {
      /** Whether the step itself is run afterwards. */
      boolean before(Exchange exchange) throws Exception;
    }

    /** The step throws instead of running. */
    public Switch throwing(Supplier<? extends Exception> failure) {
      return set(
          exchange -> {
            throw failure.get();
          });
    }

    /** The step runs, but later. */
    public Switch delaying(Duration time) {
      return set(
          exchange -> {
            new CountDownLatch(1)
                .await(time.toMillis(), java.util.concurrent.TimeUnit.MILLISECONDS);
            return true;
          });
    }

    /** The step waits until it is healed, then runs. */
    public Switch hanging() {
      held = new CountDownLatch(1);
      return set(
          exchange -> {
            held.await();
            return true;
          });
    }

    /** The step does nothing, and the exchange goes on as it was. */
    public Switch dropping() {
      return set(exchange -> false);
    }

    /** Only the next passes; later ones run as they should. */
    public Switch times(int count) {
      left = new AtomicInteger(count);
      return this;
    }

    /** How often the step was reached since the fault was set. */
    public int hits() {
      return hits.get();
    }

    private Switch set(Act newAct) {
      hits.set(0);
      left = new AtomicInteger(ALWAYS);
      act = newAct;
      return this;
    }

    private void heal() {
      act = exchange -> true;
      held.countDown();
    }

    private boolean before(Exchange exchange) throws Exception {
      hits.incrementAndGet();
      AtomicInteger uses = left;
      boolean struck = uses.get() == ALWAYS || uses.getAndUpdate(n -> Math.max(0, n - 1)) > 0;
      return !struck || act.before(exchange);
    }
  }

  /** The switch of a step or of a route. */
  public Switch at(String id) {
    return switches.computeIfAbsent(id, key -> new Switch());
  }

  /** Every step runs as it should; what hangs goes on. */
  public void heal() {
    switches.values().forEach(Switch::heal);
  }

  /** For {@code SeraiHarness.withRole}: it puts the switches in before any route is made. */
  public Role asRole() {
    return new Role() {
      @Override
      public String name() {
        return "faults";
      }

      @Override
      public void bind(RoleContext context) {
        context.camel().getCamelContextExtension().addInterceptStrategy(FaultSwitches.this);
      }
    };
  }

  @Override
  public Processor wrapProcessorInInterceptors(
      CamelContext context, NamedNode definition, Processor target, Processor nextTarget) {
    NamedRoute route =
        definition instanceof org.apache.camel.model.ProcessorDefinition<?> step
            ? ProcessorDefinitionHelper.getRoute(step)
            : null;
    String step = String.valueOf(definition.getId());
    String routeId = route == null ? "" : route.getRouteId();
    return new DelegateAsyncProcessor(target) {
      @Override
      public boolean process(Exchange exchange, AsyncCallback callback) {
        boolean runs;
        try {
          runs = strike(step, exchange) && strike(routeId, exchange);
        } catch (Exception e) {
          if (e instanceof InterruptedException) {
            Thread.currentThread().interrupt();
          }
          exchange.setException(e);
          callback.done(true);
          return true;
        }
        if (!runs) {
          callback.done(true);
          return true;
        }
        return super.process(exchange, callback);
      }
    };
  }

  private boolean strike(String id, Exchange exchange) throws Exception {
    Switch fault = switches.get(id);
    return fault == null || fault.before(exchange);
  }
}
