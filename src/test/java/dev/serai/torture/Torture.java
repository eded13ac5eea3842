package dev.serai.torture;

import static org.awaitility.Awaitility.await;

import dev.serai.proto.serai.v1.NodeView;
import dev.serai.torture.Hop.Host;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.awaitility.core.ConditionTimeoutException;

/** One run: rounds of faults under load, each followed by what has to hold. */
final class Torture {
  /** What the product promises on a machine that has time for it. */
  private static final Duration READY = Duration.ofSeconds(30);

  private static final double MOST_PATIENCE = 2;

  /** The processes see another time after a second, and are to do something in it. */
  private static final Duration CLOCK_SEEN = Duration.ofSeconds(4);

  /** Long enough to see that no identity is handed out any more, see {@link Load#forbid}. */
  private static final Duration FORBIDDEN = Load.HEARD.plusSeconds(3);

  private final Path dir;
  private final long seed;
  private final Site.Pace pace;
  private final Plan plan;
  private final int heapEvery;
  private final Map<Kind, Integer> injected = new EnumMap<>(Kind.class);
  private final Map<Kind, Integer> survived = new EnumMap<>(Kind.class);
  private final Map<Kind, String> skipped = new EnumMap<>(Kind.class);
  private long slowestMillis;

  /**
   * @param heapEvery in how many rounds the heap is measured once, which costs a collection
   */
  Torture(Path dir, long seed, Site.Pace pace, Plan plan, int heapEvery) {
    this.dir = dir;
    this.seed = seed;
    this.pace = pace;
    this.plan = plan;
    this.heapEvery = heapEvery;
  }

  /** When to stop: asked after each round. */
  interface End {
    boolean isReached(int rounds, Duration gone);
  }

  void run(End end) throws Exception {
    say("seed %d; the same again: SERAI_TORTURE_SEED=%d", seed, seed);
    Instant began = Instant.now();
    try (Site site = Site.start(dir, pace, seed);
        Load load = new Load(site);
        Replayer replayer = new Replayer(site)) {
      NodeView node = site.nodes().get(0);
      String parent = node.getSpiffeId().replace("spiffe://" + Site.DOMAIN, "");
      load.start(parent, (Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid"));
      awaitAnswer(site, load, Duration.ofSeconds(120));
      Vitals vitals = new Vitals(site);
      Invariants invariants = new Invariants(site, load, node, replayer);
      Strikes strikes = new Strikes(site, load);
      say(
          "site is up after %.1f s; %s, %s",
          seconds(began),
          site.hasNetworks()
              ? "a network namespace for each process"
              : "all on loopback behind proxies (not root, or no namespaces here)",
          site.clock().isPresent() ? "clocks can be moved" : "no libfaketime: clocks stay");
      Instant first = Instant.now();
      int rounds = 0;
      do {
        Plan.Round round = plan.next();
        rounds++;
        try {
          play(round, site, load, strikes, vitals, invariants);
        } catch (Exception | AssertionError e) {
          List<Path> logs = site.saveLogs(Path.of("target", "torture", Long.toString(seed)));
          report(rounds, load, began);
          throw new AssertionError(
              "round %d %s of seed %d: %s; logs in %s"
                  .formatted(round.number(), round.kinds(), seed, e.getMessage(), logs),
              e);
        }
      } while (!end.isReached(rounds, Duration.between(first, Instant.now())));
      List<String> wrong = vitals.check(true);
      vitals.takeLines().forEach(line -> say("%s", line));
      report(rounds, load, began);
      if (!wrong.isEmpty()) {
        site.saveLogs(Path.of("target", "torture", Long.toString(seed)));
        throw new AssertionError("at the end, seed " + seed + ": " + wrong);
      }
    }
  }

  private void play(
      Plan.Round round, Site site, Load load, Strikes strikes, Vitals vitals, Invariants invariants)
      throws Exception {
    Random dice = new Random(round.dice());
    List<String> done = new ArrayList<>();
    List<Strikes.Struck> open = new ArrayList<>();
    Instant began = Instant.now();
    List<Kind> struck = new ArrayList<>();
    try {
      for (Kind kind : round.kinds()) {
        Optional<String> impossible = strikes.impossible(kind);
        if (impossible.isPresent()) {
          skipped.put(kind, impossible.get());
          continue;
        }
        injected.merge(kind, 1, Integer::sum);
        struck.add(kind);
        Strikes.Done one = strikes.strike(kind, dice, pace.authorityLife());
        open.add(one.struck());
        done.add(one.what().isEmpty() ? kind.name() : kind + " (" + one.what() + ")");
      }
      if (struck.isEmpty()) {
        return;
      }
      boolean clocks = struck.contains(Kind.CLOCK_BACK) || struck.contains(Kind.CLOCK_FORWARD);
      Duration least =
          struck.contains(Kind.PCR_CHANGED) ? FORBIDDEN : clocks ? CLOCK_SEEN : Duration.ZERO;
      hold(site, round.hold().compareTo(least) < 0 ? least : round.hold());
    } finally {
      for (Strikes.Struck one : open) {
        one.heal();
      }
    }
    Instant healed = Instant.now();
    Duration patience = patience();
    awaitAnswer(site, load, patience);
    long readyMillis = Duration.between(healed, Instant.now()).toMillis();
    slowestMillis = Math.max(slowestMillis, readyMillis);
    List<String> wrong = new ArrayList<>(invariants.broken());
    wrong.addAll(vitals.check(round.number() % heapEvery == 0));
    if (!wrong.isEmpty()) {
      throw new AssertionError(String.join("; ", wrong));
    }
    struck.forEach(kind -> survived.merge(kind, 1, Integer::sum));
    say(
        "round %d %s held %.1f s, ready after %.1f s of %.0f s, checked %.1f s",
        round.number(),
        String.join(" + ", done),
        Duration.between(began, healed).toMillis() / 1000.0,
        readyMillis / 1000.0,
        patience.toMillis() / 1000.0,
        seconds(healed) - readyMillis / 1000.0);
  }

  /** As long as the fault lasts no process may end that nobody killed. */
  private static void hold(Site site, Duration time) {
    Instant end = Instant.now().plus(time);
    await()
        .atMost(time.plusSeconds(60))
        .pollInterval(Duration.ofMillis(100))
        .until(
            () -> {
              for (Host host : site.running().keySet()) {
                if (!site.process(host).isAlive()) {
                  throw new AssertionError(host + " ended by itself");
                }
              }
              return !Instant.now().isBefore(end);
            });
  }

  /** Ready, and a workload gets an identity that is good now. */
  private static void awaitAnswer(Site site, Load load, Duration atMost) {
    try {
      await()
          .atMost(atMost)
          .pollInterval(Duration.ofMillis(100))
          .ignoreExceptions()
          .until(
              () ->
                  site.isReady()
                      && load.answers()
                          .validAt(
                              load.fetchOnce(),
                              site.clock().map(clock -> clock.now()).orElseGet(Instant::now)));
    } catch (ConditionTimeoutException e) {
      throw new AssertionError("not ready after " + atMost + ":\n" + site.trouble(), e);
    }
  }

  /** Thirty seconds; up to twice that only as far as others use this machine's processors. */
  private static Duration patience() {
    try {
      double load = Double.parseDouble(Files.readString(Path.of("/proc/loadavg")).split(" ")[0]);
      double each = load / Runtime.getRuntime().availableProcessors();
      double factor = Math.min(MOST_PATIENCE, Math.max(1, each));
      return Duration.ofMillis((long) (READY.toMillis() * factor));
    } catch (IOException e) {
      return READY;
    }
  }

  private void report(int rounds, Load load, Instant began) {
    say(
        "%d rounds in %.0f s; slowest readiness %.1f s; %d fetches, %d stream updates, %d entry"
            + " changes acknowledged, %d SVIDs of %d authorities seen",
        rounds,
        seconds(began),
        slowestMillis / 1000.0,
        load.fetches(),
        load.updates(),
        load.changes(),
        load.answers().leaves(),
        load.answers().authorities());
    say("%-18s %9s %9s", "fault", "injected", "survived");
    int in = 0;
    int out = 0;
    for (Kind kind : Kind.values()) {
      int i = injected.getOrDefault(kind, 0);
      int o = survived.getOrDefault(kind, 0);
      in += i;
      out += o;
      String note = skipped.containsKey(kind) ? "  not here: " + skipped.get(kind) : "";
      say("%-18s %9d %9d%s", kind, i, o, note);
    }
    say("%-18s %9d %9d", "all", in, out);
  }

  /** How often each kind was done. */
  Map<Kind, Integer> injected() {
    return Map.copyOf(injected);
  }

  Map<Kind, Integer> survived() {
    return Map.copyOf(survived);
  }

  Map<Kind, String> skipped() {
    return Map.copyOf(skipped);
  }

  private static double seconds(Instant since) {
    return Duration.between(since, Instant.now()).toMillis() / 1000.0;
  }

  private static void say(String format, Object... values) {
    System.out.println("torture: " + format.formatted(values));
  }
}
