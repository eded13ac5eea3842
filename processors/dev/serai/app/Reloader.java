package dev.serai.app;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.Reloadable;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads configuration and route files again. All of it is checked first; when anything is wrong,
 * everything stays as it is. One reload at a time.
 */
final class Reloader {
  private static final Logger LOG = LoggerFactory.getLogger(Reloader.class);
  private static final ObjectMapper JSON = new ObjectMapper();

  private final SeraiProcess process;
  private final Supplier<LayeredSettings> read;
  private final RouteReload routes;
  private final Map<String, String> inEffect;
  private String appliedLog;
  private boolean tryingAgain;

  /**
   * What came of a reload.
   *
   * @param applied what is new, for people
   * @param restart what takes effect at the next start, for people
   * @param refused why nothing was changed
   */
  record Outcome(List<String> applied, List<String> restart, Optional<Reason> refused) {
    Outcome {
      applied = List.copyOf(applied);
      restart = List.copyOf(restart);
    }

    String json() {
      ObjectNode json = JSON.createObjectNode();
      applied.forEach(json.putArray("applied")::add);
      restart.forEach(json.putArray("restart")::add);
      refused.ifPresent(
          reason -> {
            json.put("code", reason.code().name());
            json.put("detail", reason.detail());
          });
      try {
        return JSON.writeValueAsString(json);
      } catch (JsonProcessingException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  /**
   * For a process that has started.
   *
   * @param read the configuration as it is on disk now
   */
  Reloader(SeraiProcess process, Supplier<LayeredSettings> read) {
    this(process, read, () -> RouteReload.IN_FLIGHT);
  }

  Reloader(SeraiProcess process, Supplier<LayeredSettings> read, Supplier<Duration> inFlight) {
    this.process = process;
    this.read = read;
    this.routes = new RouteReload(process.camel(), process.routeFiles(), inFlight);
    this.inEffect = new TreeMap<>(process.effective().all());
    this.appliedLog = log(process.effective());
  }

  /** Never fails: a refusal is an outcome. */
  synchronized Outcome reload() {
    Outcome outcome;
    try {
      outcome = apply();
    } catch (RefusalException e) {
      outcome = new Outcome(List.of(), List.of(), Optional.of(e.reason()));
    } catch (RuntimeException e) {
      LOG.error("a reload failed", e);
      outcome =
          new Outcome(
              List.of(),
              List.of(),
              Optional.of(new Reason(ReasonCode.INTERNAL_ERROR, String.valueOf(e.getMessage()))));
    }
    if (outcome.refused().isPresent()) {
      LOG.warn(
          "reload refused code={} detail=\"{}\"; everything goes on as it was",
          outcome.refused().get().code(),
          outcome.refused().get().detail());
      process.record().reloadRefused(outcome.refused().get());
      tryAgainIfRoutesAreMissing();
    } else {
      LOG.info("reloaded applied={} at-next-start={}", outcome.applied(), outcome.restart());
    }
    return outcome;
  }

  private Outcome apply() {
    LayeredSettings fresh = read.get();
    ConfigRules.require(fresh, process.roleNames());
    RouteReload.Plan plan = routes.plan(process.routeFilesNow());
    List<Reloadable.Change> changes = new ArrayList<>();
    process.reloadables().forEach(reloadable -> changes.add(reloadable.prepare(fresh)));

    List<Runnable> records = changes.stream().map(Reloadable.Change::record).toList();
    List<RouteFiles.RouteFile> files = process.routeFilesNow();
    process.ownRoutes(files);
    List<String> applied =
        new ArrayList<>(routes.apply(plan, () -> process.record().reloaded(fresh, records)));
    List<String> restart = new ArrayList<>();
    plan.restart().forEach(name -> restart.add(name + " changed"));
    changes.forEach(change -> change.apply().run());
    changes.forEach(change -> change.news().ifPresent(applied::add));
    keys(fresh, applied, restart);
    applyLog(fresh);
    return new Outcome(applied, restart, Optional.empty());
  }

  /** What a refused reload could not put back; until it is there, or a reload replaces it. */
  private void tryAgainIfRoutesAreMissing() {
    if (!routes.isMissing() || tryingAgain) {
      return;
    }
    tryingAgain = true;
    tryAgainAfter(process.settings().duration("serai.routes.retry-first"));
  }

  private void tryAgainAfter(Duration pause) {
    CompletableFuture.delayedExecutor(pause.toMillis(), TimeUnit.MILLISECONDS)
        .execute(() -> putBack(pause));
  }

  private synchronized void putBack(Duration pause) {
    if (process.camel().isStopping() || process.camel().isStopped()) {
      return;
    }
    if (routes.putBackMissing()) {
      tryingAgain = false;
      return;
    }
    Duration most = process.settings().duration("serai.routes.retry-most");
    Duration longer = pause.multipliedBy(2);
    tryAgainAfter(longer.compareTo(most) > 0 ? most : longer);
  }

  private void keys(LayeredSettings fresh, Collection<String> applied, Collection<String> restart) {
    Map<String, String> now = fresh.all();
    TreeSet<String> names = new TreeSet<>(inEffect.keySet());
    names.addAll(now.keySet());
    for (String key : names) {
      String before = inEffect.get(key);
      String after = now.get(key);
      if (Objects.equals(before, after)) {
        continue;
      }
      if (ConfigModel.liveKeys().contains(key)) {
        applied.add("%s: %s -> %s".formatted(key, shown(before), shown(after)));
        inEffect.put(key, after);
      } else {
        restart.add(key + " changed");
      }
    }
  }

  private static String shown(String value) {
    return value == null || value.isEmpty() ? "(empty)" : value;
  }

  private void applyLog(LayeredSettings fresh) {
    String now = log(fresh);
    if (!now.equals(appliedLog)) {
      LogSetup.apply(fresh.text("serai.log.format"), fresh.text("serai.log.level"));
      appliedLog = now;
    }
  }

  private static String log(LayeredSettings settings) {
    return settings.text("serai.log.format") + " " + settings.text("serai.log.level");
  }
}
