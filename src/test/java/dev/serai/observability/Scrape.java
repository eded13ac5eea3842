package dev.serai.observability;

import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What a process answered to GET /metrics: families with their types, and series with labels. */
final class Scrape {
  private static final Pattern HELP = Pattern.compile("# HELP (\\S+) ?(.*)");
  private static final Pattern TYPE = Pattern.compile("# TYPE (\\S+) (\\S+)");
  private static final Pattern SAMPLE =
      Pattern.compile("([a-zA-Z_:][a-zA-Z0-9_:]*)(\\{(.*)\\})? (\\S+).*");
  private static final Pattern LABEL = Pattern.compile("([a-zA-Z_][a-zA-Z0-9_]*)=\"([^\"]*)\"");

  /** One family as README's table shows it. */
  record Family(String type, String help, Set<String> labels) {}

  private final String text;

  /** By the name of the family. */
  final Map<String, Family> families = new TreeMap<>();

  /** Labels with their values, by the name of the series: with _bucket, _count, ... */
  final Map<String, Map<String, Set<String>>> series = new TreeMap<>();

  Scrape(String text) {
    this.text = text;
    Map<String, String> helps = new TreeMap<>();
    text.lines().forEach(line -> read(line, helps));
  }

  Scrape and(Scrape later) {
    return new Scrape(text + later.text);
  }

  private void read(String line, Map<String, String> helps) {
    Matcher help = HELP.matcher(line);
    if (help.matches()) {
      helps.put(help.group(1), help.group(2));
      return;
    }
    Matcher type = TYPE.matcher(line);
    if (type.matches()) {
      String name = type.group(1);
      families.putIfAbsent(
          name, new Family(type.group(2), helps.getOrDefault(name, ""), new TreeSet<>()));
      return;
    }
    Matcher sample = SAMPLE.matcher(line);
    if (!sample.matches()) {
      return;
    }
    Map<String, Set<String>> labels =
        series.computeIfAbsent(sample.group(1), name -> new TreeMap<>());
    Matcher label = LABEL.matcher(sample.group(3) == null ? "" : sample.group(3));
    while (label.find()) {
      labels.computeIfAbsent(label.group(1), name -> new TreeSet<>()).add(label.group(2));
      if (!label.group(1).equals("le")) {
        family(sample.group(1)).labels().add(label.group(1));
      }
    }
  }

  private Family family(String seriesName) {
    Family own = families.get(seriesName);
    return own != null
        ? own
        : families.getOrDefault(
            seriesName.replaceAll("_(bucket|count|sum)$", ""),
            new Family("unknown", "", new TreeSet<>()));
  }

  /** The values of all series of this name whose line the filter takes, added up. */
  double sum(String name, Predicate<String> filter) {
    return text.lines()
        .filter(line -> line.startsWith(name + "{") || line.startsWith(name + " "))
        .filter(filter)
        .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
        .sum();
  }
}
