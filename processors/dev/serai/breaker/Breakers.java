package dev.serai.breaker;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.NeverBack;
import dev.serai.role.RoleContext;
import dev.serai.role.Settings;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * All breakers of a process, by kind and name; the bean {@code breakers}. A breaker is made when it
 * is first asked for; of each kind only so many are kept, those not used for longest go. Safe for
 * any thread.
 */
public final class Breakers {
  /** The bean's name. */
  public static final String BEAN = "breakers";

  private static final int NODE_FAILURES = 3;
  private static final int MOST_NODES = 10_000;
  private static final int MOST_PROVIDERS = 64;

  /** What a breaker stands before. */
  public enum Kind {
    /** One node, by its id. */
    NODE,
    /** One provider that many flows need, by a short name. */
    PROVIDER;

    /** As JSON, metrics and JMX write it. */
    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * Of one kind.
   *
   * @param failures in a row that open a breaker
   * @param open how long it then stays so
   * @param most breakers that are kept
   */
  public record Limits(int failures, Duration open, int most) {
    public Limits {
      if (failures < 1 || most < 1 || open.isNegative() || open.isZero()) {
        throw new IllegalArgumentException("limits of breakers have to be positive");
      }
    }
  }

  private final Map<Kind, Limits> limits;
  private final InstantSource clock;
  private final MeterRegistry meters;
  private volatile Consumer<BreakerState> listener = breaker -> {};
  private final Map<Kind, LinkedHashMap<String, Breaker>> all = new EnumMap<>(Kind.class);

  public Breakers(Limits node, Limits provider, InstantSource clock, MeterRegistry meters) {
    this.limits = Map.of(Kind.NODE, node, Kind.PROVIDER, provider);
    this.clock = new NeverBack(clock);
    this.meters = meters;
    for (Kind kind : Kind.values()) {
      all.put(kind, new LinkedHashMap<>(16, 0.75f, true));
      for (Breaker.State state : Breaker.State.values()) {
        Gauge.builder("serai.breakers", this, breakers -> breakers.counts(kind).get(state))
            .description("Circuit breakers by kind and state")
            .tag("kind", kind.word())
            .tag("state", state.name())
            .register(meters);
      }
    }
  }

  /** The process's; made and bound by whoever asks first. */
  public static synchronized Breakers of(RoleContext context) {
    Breakers known = context.camel().getRegistry().lookupByNameAndType(BEAN, Breakers.class);
    if (known != null) {
      return known;
    }
    Settings settings = context.settings();
    int failures = settings.integer("serai.breaker.provider-failures");
    Duration open = settings.duration("serai.breaker.provider-open");
    if (failures < 1 || open.isZero()) {
      throw new RefusalException(
          ReasonCode.CONFIGURATION_INVALID,
          "serai.breaker.provider-failures and serai.breaker.provider-open have to be above zero");
    }
    Breakers made =
        new Breakers(
            new Limits(NODE_FAILURES, settings.duration("serai.verifier.breaker-open"), MOST_NODES),
            new Limits(failures, open, MOST_PROVIDERS),
            context.clock(),
            context.meters());
    context.bind(BEAN, made);
    return made;
  }

  /** Told of each breaker that opens, half opens or closes; returns at once. */
  public void onChange(Consumer<BreakerState> told) {
    listener = told;
  }

  private void changed(BreakerState breaker) {
    listener.accept(breaker);
  }

  /** The breaker of this name. */
  public synchronized Breaker of(Kind kind, String name) {
    LinkedHashMap<String, Breaker> known = all.get(kind);
    Breaker breaker = known.get(name);
    if (breaker != null) {
      return breaker;
    }
    Limits own = limits.get(kind);
    if (known.size() >= own.most()) {
      String oldest = known.keySet().iterator().next();
      known.remove(oldest);
    }
    Breaker made = new Breaker(kind, name, own.failures(), own.open(), clock, this::changed);
    known.put(name, made);
    if (kind == Kind.PROVIDER) { // there are few; of nodes only the counts are metered
      Gauge.builder("serai.breaker.state", made, b -> b.now().ordinal())
          .description("0 closed, 1 half open, 2 open")
          .tag("kind", kind.word())
          .tag("name", name)
          .register(meters);
    }
    return made;
  }

  /** What is known of it; asking does not make one. */
  public synchronized Optional<BreakerState> find(Kind kind, String name) {
    return Optional.ofNullable(all.get(kind).get(name)).map(Breaker::state);
  }

  /** How many are in each state; states without one are 0. */
  public Map<Breaker.State, Integer> counts(Kind kind) {
    Map<Breaker.State, Integer> counts = new EnumMap<>(Breaker.State.class);
    for (Breaker.State state : Breaker.State.values()) {
      counts.put(state, 0);
    }
    breakers(kind).forEach(breaker -> counts.merge(breaker.now(), 1, Integer::sum));
    return counts;
  }

  /** All of a kind, by name. */
  public List<BreakerState> all(Kind kind) {
    return breakers(kind).stream()
        .map(Breaker::state)
        .sorted(Comparator.comparing(BreakerState::name))
        .toList();
  }

  /** Those that are not closed, the ones open for longest first; at most so many. */
  public List<BreakerState> notClosed(Kind kind, int most) {
    return breakers(kind).stream()
        .map(Breaker::state)
        .filter(state -> state.state() != Breaker.State.CLOSED)
        .sorted(Comparator.comparing(BreakerState::since).thenComparing(BreakerState::name))
        .limit(most)
        .toList();
  }

  private synchronized List<Breaker> breakers(Kind kind) {
    return new ArrayList<>(all.get(kind).values());
  }
}
