package dev.serai.observability;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The names in a PromQL expression: metrics, the labels each is selected by, the labels it is
 * grouped by. Enough of the language for our own rules and panels; a name it does not understand
 * counts as a metric, so nothing is passed over.
 */
final class PromQl {
  private static final Set<String> WORDS =
      Set.of("and", "or", "unless", "bool", "offset", "inf", "nan");
  private static final Set<String> GROUPING =
      Set.of("by", "without", "on", "ignoring", "group_left", "group_right");
  private static final Pattern TOKEN =
      Pattern.compile(
          "\"(?:[^\"\\\\]|\\\\.)*\"|'[^']*'|[a-zA-Z_:][a-zA-Z0-9_:]*|\\[[^\\]]*\\]|[0-9][0-9.a-z]*"
              + "|=~|!~|!=|==|>=|<=|\\S");

  /** One matcher: label, operator, value. */
  record Match(String label, String operator, String value) {}

  /** Metrics with the matchers they stand with. */
  final Map<String, List<Match>> metrics = new TreeMap<>();

  /** Labels that results are grouped by. */
  final Set<String> groupedBy = new TreeSet<>();

  PromQl(String expression) {
    List<String> tokens = new ArrayList<>();
    Matcher matcher = TOKEN.matcher(expression);
    while (matcher.find()) {
      tokens.add(matcher.group());
    }
    for (int i = 0; i < tokens.size(); i++) {
      String token = tokens.get(i);
      String next = i + 1 < tokens.size() ? tokens.get(i + 1) : "";
      if (!token.matches("[a-zA-Z_:].*") || WORDS.contains(token)) {
        continue;
      }
      if (GROUPING.contains(token)) {
        int end = i + tokens.subList(i, tokens.size()).indexOf(")");
        tokens.subList(i + 2, end).stream().filter(t -> !t.equals(",")).forEach(groupedBy::add);
        i = end;
      } else if (next.equals("{")) {
        int end = i + tokens.subList(i, tokens.size()).indexOf("}");
        metrics
            .computeIfAbsent(token, name -> new ArrayList<>())
            .addAll(matches(tokens.subList(i + 2, end)));
        i = end;
      } else if (!next.equals("(") && !GROUPING.contains(next)) {
        metrics.computeIfAbsent(token, name -> new ArrayList<>());
      }
    }
  }

  private static List<Match> matches(List<String> tokens) {
    List<Match> found = new ArrayList<>();
    for (int i = 0; i + 2 < tokens.size(); i += 4) {
      String value = tokens.get(i + 2);
      found.add(
          new Match(tokens.get(i), tokens.get(i + 1), value.substring(1, value.length() - 1)));
    }
    return found;
  }

  /**
   * What in this expression a scrape does not have.
   *
   * @param growing metrics whose label values come only when they occur
   */
  List<String> unknownIn(Scrape scrape, Set<String> growing) {
    List<String> unknown = new ArrayList<>();
    Set<String> labels = new LinkedHashSet<>(List.of("job", "instance", "le"));
    metrics.forEach(
        (name, selected) -> {
          if (name.equals("up")) { // made by Prometheus itself
            return;
          }
          Map<String, Set<String>> known = scrape.series.get(name);
          if (known == null) {
            unknown.add("metric " + name);
            return;
          }
          labels.addAll(known.keySet());
          for (Match match : selected) {
            if (match.label().equals("instance") || match.label().equals("job")) {
              continue;
            }
            if (!known.containsKey(match.label())) {
              unknown.add("label %s of %s".formatted(match.label(), name));
            } else if (!growing.contains(name.replaceAll("_(bucket|count|sum)$", ""))) {
              values(match).stream()
                  .filter(value -> !known.get(match.label()).contains(value))
                  .forEach(value -> unknown.add("%s{%s=%s}".formatted(name, match.label(), value)));
            }
          }
        });
    groupedBy.stream()
        .filter(label -> !labels.contains(label))
        .forEach(label -> unknown.add("grouping label " + label));
    return unknown;
  }

  private static List<String> values(Match match) {
    return match.operator().endsWith("~")
        ? List.of(match.value().split("\\|"))
        : List.of(match.value());
  }
}
