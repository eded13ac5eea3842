package dev.serai.camara;

import dev.serai.breaker.BreakerPolicy;
import dev.serai.breaker.Breakers;
import dev.serai.reason.ReasonCode;
import dev.serai.role.RoleContext;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * The operator as the route {@code ask-operator} needs it: binds its steps, also when none is
 * configured; then each question is refused with OPERATOR_NOT_CONFIGURED.
 */
public final class Operator {
  private static final String NAME = "operator";
  private static final int WORKERS = 4;
  private static final int WAITING = 1024;

  private final Optional<Quota> quota;
  private final Optional<LocationDialect> dialect;
  private final int leastRadius;

  private Operator(Optional<Quota> quota, Optional<LocationDialect> dialect, int leastRadius) {
    this.quota = quota;
    this.dialect = dialect;
    this.leastRadius = leastRadius;
  }

  /**
   * @param latency told of each verification
   * @throws dev.serai.reason.RefusalException CONFIGURATION_INVALID
   */
  public static Operator bind(RoleContext context, Consumer<Duration> latency) {
    Optional<OperatorSettings> configured =
        OperatorSettings.of(context.settings(), System.getenv());
    OperatorMeters meters = new OperatorMeters(context.meters(), latency);
    context.bind("countKeptAnswer", new CountKeptAnswerProcessor(meters));
    Duration usual = configured.map(OperatorSettings::timeout).orElse(Duration.ofSeconds(10));
    context.bind(
        "operatorBreaker",
        new BreakerPolicy(
            Breakers.of(context).of(Breakers.Kind.PROVIDER, NAME),
            ReasonCode.OPERATOR_UNREACHABLE,
            usual));
    if (configured.isEmpty()) {
      meters.bindPause(() -> false);
      RefuseWithoutOperatorProcessor refuse = new RefuseWithoutOperatorProcessor();
      context.bind("recallOperatorAnswer", refuse);
      context.bind("checkOperatorPause", refuse);
      context.bind("askOperator", refuse);
      return new Operator(Optional.empty(), Optional.empty(), 1);
    }
    OperatorSettings settings = configured.get();
    Quota quota =
        new Quota(settings.inFlight(), settings.perSecond(), settings.burst(), context.clock());
    meters.bindPause(() -> quota.paused().isPresent());
    OperatorClient client =
        new OperatorClient(settings, quota, meters, context.clock(), Timers.real());
    context.onStop(client);
    KeptAnswers answers = new KeptAnswers(settings.cacheTtl(), context.clock());
    ExecutorService workers = workers();
    context.onStop(workers::shutdownNow);
    context.bind("recallOperatorAnswer", new RecallOperatorAnswerProcessor(answers));
    context.bind("checkOperatorPause", new CheckOperatorPauseProcessor(quota));
    context.bind(
        "askOperator",
        new AskOperatorProcessor(client, answers, meters, settings.timeout(), workers));
    return new Operator(
        Optional.of(quota), Optional.of(settings.dialect()), settings.leastRadius());
  }

  private static ExecutorService workers() {
    ThreadPoolExecutor threads =
        new ThreadPoolExecutor(
            WORKERS,
            WORKERS,
            30,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(WAITING),
            action -> {
              Thread thread = new Thread(action, "operator-answer");
              thread.setDaemon(true);
              return thread;
            },
            new ThreadPoolExecutor.CallerRunsPolicy());
    threads.allowCoreThreadTimeOut(true);
    return threads;
  }

  /** About this device and area, or an area around it as large as the operator wants it. */
  public OperatorQuestion question(
      String msisdn, Area area, boolean fresh, Optional<Duration> maxAge) {
    double radius = Math.max(area.radius(), leastRadius);
    return new OperatorQuestion(
        msisdn, new Area(area.latitude(), area.longitude(), radius), fresh, maxAge);
  }

  public boolean isConfigured() {
    return quota.isPresent();
  }

  /** For health: which dialect is spoken, or that there is nobody to speak with. */
  public String fact() {
    Optional<Instant> paused = quota.flatMap(Quota::paused);
    return dialect
        .map(d -> d.name().toLowerCase(java.util.Locale.ROOT))
        .map(word -> paused.map(until -> word + ", left alone until " + until).orElse(word))
        .orElse("none: " + ReasonCode.OPERATOR_NOT_CONFIGURED);
  }
}
