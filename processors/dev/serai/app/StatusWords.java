package dev.serai.app;

import dev.serai.management.HealthReport;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** The roles and how they are doing, as one line for people. */
final class StatusWords implements Supplier<String> {
  private final HealthReport health;

  StatusWords(HealthReport health) {
    this.health = health;
  }

  /** For instance: not ready: issuer ISSUING, agent WAITING (ISSUER_UNREACHABLE). */
  @Override
  public String get() {
    Map<String, Object> readiness = health.readiness();
    String roles =
        ((List<?>) readiness.get("roles"))
            .stream().map(role -> words((Map<?, ?>) role)).collect(Collectors.joining(", "));
    return (Boolean.TRUE.equals(readiness.get("ready")) ? "ready: " : "not ready: ") + roles;
  }

  private static String words(Map<?, ?> role) {
    String words = role.get("role") + " " + role.get("state");
    return role.get("reason") instanceof Map<?, ?> reason
        ? words + " (" + reason.get("code") + ")"
        : words;
  }
}
