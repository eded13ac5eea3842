package dev.serai.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The health document for people: what is wrong comes first, no line is wider than a terminal. */
final class HealthTable {
  private static final int WIDTH = 80;

  private final StringBuilder text = new StringBuilder();

  private HealthTable() {}

  static String of(JsonNode health) {
    HealthTable table = new HealthTable();
    table.head(health);
    table.roles(health.path("roles"));
    table.breakers(health.path("breakers"));
    table.routes(health.path("routes"));
    return table.text.toString();
  }

  private void head(JsonNode health) {
    List<String> waiting = new ArrayList<>();
    for (JsonNode role : health.path("roles")) {
      if (!role.path("ready").asBoolean()) {
        waiting.add(role.path("role").asText());
      }
    }
    boolean ready = health.path("ready").asBoolean();
    String up = age(Duration.ofSeconds(health.path("uptimeSeconds").asLong()));
    line(
        ready
            ? "ready, up " + up
            : "NOT READY"
                + (waiting.isEmpty() ? "" : ": " + String.join(", ", waiting))
                + ", up "
                + up,
        0);
  }

  private void roles(JsonNode roles) {
    blank();
    row("%-11s%-7s%s", "ROLE", "READY", "STATE");
    for (JsonNode role :
        worstFirst(roles, Comparator.comparing(r -> r.path("ready").asBoolean()))) {
      boolean ready = role.path("ready").asBoolean();
      row("%-11s%-7s%s", cut(role, "role", 10), ready ? "yes" : "no", cut(role, "state", 40));
      JsonNode reason = role.path("reason");
      if (reason.isObject()) {
        line(reason.path("code").asText() + ": " + reason.path("detail").asText(), 2);
        line("remedy: " + reason.path("remedy").asText(), 2);
      }
    }
  }

  private void breakers(JsonNode kinds) {
    if (kinds.isEmpty()) {
      return;
    }
    blank();
    row("%-11s%8s%11s%6s", "BREAKERS", "CLOSED", "HALF OPEN", "OPEN");
    Map<String, JsonNode> byKind = new TreeMap<>(Comparator.reverseOrder()); // providers first
    kinds.fields().forEachRemaining(kind -> byKind.put(kind.getKey(), kind.getValue()));
    byKind.forEach(
        (kind, counts) -> {
          row(
              "%-11s%8s%11s%6s",
              Output.plain(kind),
              counts.path("closed").asText(),
              counts.path("halfOpen").asText(),
              counts.path("open").asText());
          for (JsonNode breaker : counts.path("list")) {
            if (!breaker.path("state").asText().equals("CLOSED")) {
              line(
                  "%s %s since %s, %s failures, next try %s"
                      .formatted(
                          breaker.path("name").asText(),
                          breaker.path("state").asText(),
                          breaker.path("since").asText(),
                          breaker.path("failures").asText(),
                          breaker.path("nextTry").asText()),
                  2);
              line(breaker.path("trouble").asText(), 4);
            }
          }
        });
  }

  private void routes(JsonNode routes) {
    blank();
    row("%-34s%-11s%-11s%9s%8s%6s", "ROUTE", "ROLE", "STATE", "TOTAL", "FAILED", "NOW");
    Comparator<JsonNode> byTrouble =
        Comparator.<JsonNode, Boolean>comparing(r -> r.path("started").asBoolean())
            .thenComparing(
                r -> r.path("lastFailure").path("at").asText(), Comparator.reverseOrder())
            .thenComparing(r -> r.path("id").asText());
    for (JsonNode route : worstFirst(routes, byTrouble)) {
      JsonNode counts = route.path("exchanges");
      row(
          "%-34s%-11s%-11s%9s%8s%6s",
          cut(route, "id", 33),
          cut(route, "role", 10),
          cut(route, "state", 10),
          counts.path("total").asText(),
          counts.path("failed").asText(),
          counts.path("inflight").asText());
      JsonNode restart = route.path("restart");
      if (restart.isObject()) {
        line(
            "does not start: %s (tried %s times, next try %s)"
                .formatted(
                    restart.path("cause").asText(),
                    restart.path("tries").asText(),
                    restart.path("nextTry").asText("now")),
            2);
      }
      JsonNode last = route.path("lastFailure");
      if (last.isObject()) {
        line("last: " + last.path("code").asText() + " at " + last.path("at").asText(), 2);
      }
    }
  }

  private static List<JsonNode> worstFirst(JsonNode all, Comparator<JsonNode> order) {
    List<JsonNode> sorted = new ArrayList<>();
    all.forEach(sorted::add);
    sorted.sort(order);
    return sorted;
  }

  private void blank() {
    text.append('\n');
  }

  private void row(String format, Object... cells) {
    String row = format.formatted(cells).stripTrailing();
    text.append(row, 0, Math.min(row.length(), WIDTH)).append('\n');
  }

  /** Broken at spaces where it is too wide. */
  private void line(String words, int indent) {
    String rest = Output.plain(words).strip();
    int room = WIDTH - indent;
    while (!rest.isEmpty()) {
      int end = rest.length();
      if (end > room) {
        int space = rest.lastIndexOf(' ', room);
        end = space > room / 2 ? space : room;
      }
      text.append(" ".repeat(indent)).append(rest, 0, end).append('\n');
      rest = rest.substring(end).strip();
    }
  }

  private static String cut(JsonNode node, String field, int most) {
    String value = Output.plain(node.path(field).asText());
    return value.length() <= most ? value : value.substring(0, most - 1) + "~";
  }

  private static String age(Duration up) {
    if (up.toDays() > 0) {
      return up.toDays() + "d" + up.toHoursPart() + "h";
    }
    return up.toHours() > 0
        ? up.toHours() + "h" + up.toMinutesPart() + "m"
        : up.toMinutes() > 0
            ? up.toMinutes() + "m" + up.toSecondsPart() + "s"
            : up.toSeconds() + "s";
  }
}
