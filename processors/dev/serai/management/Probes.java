package dev.serai.management;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;

/**
 * Probes as Kubernetes components have them: {@code /livez} and {@code /readyz}, one check below
 * each, {@code ?verbose}, {@code ?exclude=<check>}. 200 or 503 with one line, or a line for each
 * check.
 */
final class Probes {
  private static final String LIVE = "/livez";
  private static final String READY = "/readyz";

  private final HealthReport health;

  Probes(HealthReport health) {
    this.health = health;
  }

  /** What goes back. */
  record Answer(int status, String text) {}

  /** Empty when the path is none of a probe, or of a check that does not exist. */
  Optional<Answer> answer(String path, Map<String, String[]> parameters) {
    if (isUnder(path, LIVE)) {
      return answer(LIVE, path, parameters, () -> health.vitals().check());
    }
    if (isUnder(path, READY)) {
      return answer(READY, path, parameters, this::readiness);
    }
    return Optional.empty();
  }

  private static boolean isUnder(String path, String probe) {
    return path.equals(probe) || path.startsWith(probe + "/");
  }

  private Optional<Answer> answer(
      String probe,
      String path,
      Map<String, String[]> parameters,
      Supplier<Map<String, Optional<String>>> source) {
    Map<String, Optional<String>> checks = source.get();
    if (!path.equals(probe)) {
      String name = path.substring(probe.length() + 1);
      return Optional.ofNullable(checks.get(name))
          .map(trouble -> one(name, trouble, parameters.containsKey("verbose")));
    }
    Set<String> excluded = new TreeSet<>();
    for (String value : parameters.getOrDefault("exclude", new String[0])) {
      excluded.addAll(List.of(value.split(",")));
    }
    return Optional.of(
        all(probe.substring(1), checks, excluded, parameters.containsKey("verbose")));
  }

  private static Answer one(String name, Optional<String> trouble, boolean verbose) {
    if (trouble.isPresent()) {
      return new Answer(503, line(name, trouble, false));
    }
    return new Answer(200, verbose ? line(name, trouble, false) : "ok\n");
  }

  private static Answer all(
      String probe, Map<String, Optional<String>> checks, Set<String> excluded, boolean verbose) {
    StringBuilder lines = new StringBuilder();
    List<String> failed = new ArrayList<>();
    checks.forEach(
        (name, trouble) -> {
          boolean skipped = excluded.remove(name);
          lines.append(line(name, trouble, skipped));
          if (trouble.isPresent() && !skipped) {
            failed.add(name);
          }
        });
    if (!excluded.isEmpty()) {
      lines
          .append("warn: no such checks to exclude: ")
          .append(String.join(", ", excluded).replaceAll("[^\\w,. -]", "?"))
          .append('\n');
    }
    boolean well = failed.isEmpty();
    lines.append(probe).append(well ? " check passed\n" : " check failed\n");
    return new Answer(well ? 200 : 503, well && !verbose ? "ok\n" : lines.toString());
  }

  private static String line(String name, Optional<String> trouble, boolean skipped) {
    if (skipped) {
      return "[+]" + name + " excluded: ok\n";
    }
    return trouble
        .map(what -> "[-]" + name + " failed: " + what.replaceAll("\\p{Cntrl}", " ") + "\n")
        .orElse("[+]" + name + " ok\n");
  }

  private Map<String, Optional<String>> readiness() {
    Map<String, Optional<String>> checks = new LinkedHashMap<>();
    checks.put("ping", Optional.empty());
    checks.put("started", health.notStarted());
    health.roleReasons().forEach((role, why) -> checks.put("role-" + role, why));
    return checks;
  }
}
