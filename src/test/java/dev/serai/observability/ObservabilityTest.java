package dev.serai.observability;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import dev.serai.reason.ReasonCode;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Metrics and logs of a real run against what README, dashboard and alert rules say of them. A new
 * meter needs a row in README between the METRICS_TABLE markers; the failure prints it.
 */
@Tag("slow")
class ObservabilityTest {
  private static final Path CONFIG = Path.of("config/observability");
  private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory());
  private static final Pattern ROW =
      Pattern.compile("\\| `(serai_[a-z0-9_]+)` \\| (\\w+) \\| (.*?) \\| (.*?) \\| (.+?) \\|");
  private static final Pattern LOG_ROW =
      Pattern.compile("(?m)^\\| `([^`]+)` \\| (\\w+) \\| .+\\|$");
  private static final Pattern TEXT_LINE =
      Pattern.compile("time=\\S+ level=[A-Z]+ (trace=[0-9a-f]{32} )?logger=\\S+ thread=\".*");

  @TempDir static Path dir;
  private static ObservedRun run;
  private static String readme;

  @BeforeAll
  static void drive() throws Exception {
    readme = Files.readString(Path.of("README.md"));
    run = new ObservedRun(dir);
    run.go();
  }

  @AfterAll
  static void end() throws IOException {
    run.close();
  }

  // --- Metrics -----------------------------------------------------------------------------------

  /** Rows as README has them: type and labels by name; "always" or when it appears. */
  private record Row(String type, Set<String> labels, String there) {}

  private static Map<String, Row> table() {
    Map<String, Row> rows = new TreeMap<>();
    Matcher matcher = ROW.matcher(between("METRICS_TABLE"));
    while (matcher.find()) {
      Set<String> labels = new TreeSet<>(Arrays.asList(matcher.group(3).split(", ")));
      labels.remove("");
      rows.put(matcher.group(1), new Row(matcher.group(2), labels, matcher.group(4)));
    }
    return rows;
  }

  private static String between(String marker) {
    int from = readme.indexOf("<!-- " + marker + " -->");
    int to = readme.indexOf("<!-- /" + marker + " -->");
    assertThat(from).as("README has no <!-- %s -->", marker).isNotNegative();
    return readme.substring(from, to);
  }

  /** Ours; the greatest value that comes with each histogram is no name of its own. */
  private static Map<String, Scrape.Family> ours() {
    Map<String, Scrape.Family> ours = new TreeMap<>(run.scrape.families);
    ours.keySet().removeIf(name -> !name.startsWith("serai_"));
    ours.keySet()
        .removeIf(
            name ->
                name.endsWith("_max")
                    && run.scrape.families.containsKey(name.substring(0, name.length() - 4)));
    return ours;
  }

  @Test
  void every_metric_that_is_scraped_stands_in_the_table_with_type_and_labels() {
    Map<String, Row> rows = table();
    List<String> missing = new ArrayList<>();
    ours()
        .forEach(
            (name, family) -> {
              Row row = rows.get(name);
              if (row == null
                  || !row.type().equals(family.type())
                  || !row.labels().equals(family.labels())) {
                missing.add(
                    "| `%s` | %s | %s | always | %s |"
                        .formatted(
                            name,
                            family.type(),
                            String.join(", ", family.labels()),
                            family.help()));
              }
            });
    assertThat(missing).as("rows to add to README between the METRICS_TABLE markers").isEmpty();
  }

  @Test
  void every_metric_of_the_table_is_scraped() {
    Set<String> absent = new TreeSet<>();
    table()
        .forEach(
            (name, row) -> {
              if (row.there().equals("always") && !ours().containsKey(name)) {
                absent.add(name);
              }
            });
    assertThat(table()).hasSizeGreaterThan(30);
    assertThat(absent)
        .as("in README's table, but a run has them not (say there when they appear)")
        .isEmpty();
  }

  @Test
  void every_meter_of_ours_says_what_it_means() {
    ours().forEach((name, family) -> assertThat(family.help()).as(name).isNotBlank());
  }

  @Test
  void a_label_has_only_values_that_are_ours() {
    Set<String> reasons =
        Stream.concat(Stream.of("NONE"), Arrays.stream(ReasonCode.values()).map(ReasonCode::name))
            .collect(Collectors.toSet());
    run.scrape.series.forEach(
        (name, labels) -> {
          if (!name.startsWith("serai_")) {
            return;
          }
          labels.forEach(
              (label, values) -> {
                if (label.equals("reason")) {
                  assertThat(reasons).as(name).containsAll(values);
                } else if (!label.equals("node")) { // one for each node, at most ten thousand
                  assertThat(values).as("%s of %s", label, name).hasSizeLessThan(80);
                  assertThat(values)
                      .as("%s of %s", label, name)
                      .allMatch(value -> value.matches("[A-Za-z0-9._/+-]+"))
                      .noneMatch(value -> value.matches(".*[0-9a-f]{8}-[0-9a-f]{4}-.*"));
                }
              });
        });
  }

  @Test
  void the_run_is_counted() {
    Scrape scrape = new Scrape(""); // shows that a sum of nothing is nothing
    assertThat(scrape.sum("serai_svids_issued_total", line -> true)).isZero();
    assertThat(run.scrape.sum("serai_svids_issued_total", line -> line.contains("x509")))
        .isPositive();
    assertThat(run.scrape.sum("serai_svids_issued_total", line -> line.contains("jwt")))
        .isPositive();
    assertThat(
            run.scrape.sum("serai_attestations_total", line -> line.contains("JOIN_TOKEN_UNKNOWN")))
        .isPositive();
    assertThat(
            run.scrape.sum(
                "serai_workload_denials_total", line -> line.contains("WORKLOAD_NO_ENTRY")))
        .isPositive();
    assertThat(
            run.scrape.sum(
                "serai_workload_denials_total", line -> line.contains("SECURITY_HEADER_MISSING")))
        .isPositive();
    assertThat(run.scrape.sum("serai_node_state", line -> line.contains("\"TRUSTED\"")))
        .isPositive();
    assertThat(run.scrape.sum("serai_tpm_state", line -> line.contains("\"ok\""))).isPositive();
    assertThat(run.scrape.sum("serai_entries", line -> true)).isPositive();
    assertThat(run.scrape.sum("serai_bundle_sequence", line -> true)).isPositive();
    assertThat(run.scrape.sum("serai_registrar_nodes", line -> line.contains("active")))
        .isPositive();
    assertThat(run.scrape.sum("serai_authority_expiry_timestamp_seconds", line -> true))
        .isGreaterThan(System.currentTimeMillis() / 1000.0);
    assertThat(run.scrape.sum("serai_internal_errors_total", line -> true)).isZero();
  }

  // --- Dashboard and alerts ----------------------------------------------------------------------

  @Test
  void the_dashboard_asks_for_metrics_and_labels_that_exist() throws IOException {
    JsonNode dashboard =
        new ObjectMapper().readTree(CONFIG.resolve("grafana-dashboard.json").toFile());
    List<String> unknown = new ArrayList<>();
    Set<Integer> ids = new TreeSet<>();
    int panels = 0;
    for (JsonNode panel : dashboard.path("panels")) {
      assertThat(ids.add(panel.path("id").asInt())).as("panel ids").isTrue();
      JsonNode place = panel.path("gridPos");
      assertThat(place.path("x").asInt() + place.path("w").asInt()).isLessThanOrEqualTo(24);
      for (JsonNode target : panel.path("targets")) {
        panels++;
        assertThat(target.path("datasource").path("uid").asText()).isEqualTo("${datasource}");
        String expression = target.path("expr").asText().replace("$__rate_interval", "5m");
        PromQl query = new PromQl(expression);
        assertThat(query.metrics).as(expression).isNotEmpty();
        query
            .unknownIn(run.scrape, growing())
            .forEach(name -> unknown.add(panel.path("title") + ": " + name));
        Matcher legend =
            Pattern.compile("\\{\\{(\\w+)}}").matcher(target.path("legendFormat").asText());
        while (legend.find()) {
          assertThat(query.groupedBy).as(expression).contains(legend.group(1));
        }
      }
    }
    assertThat(panels).isGreaterThan(30);
    assertThat(unknown).isEmpty();
    assertThat(dashboard.path("templating").path("list").findValuesAsText("name"))
        .contains("datasource", "instance");
  }

  /** Metrics of which README says that they are there only from some event on. */
  private static Set<String> growing() {
    return table().entrySet().stream()
        .filter(row -> !row.getValue().there().equals("always"))
        .map(Map.Entry::getKey)
        .collect(Collectors.toSet());
  }

  private static List<JsonNode> alerts() throws IOException {
    List<JsonNode> alerts = new ArrayList<>();
    for (JsonNode group :
        YAML.readTree(CONFIG.resolve("prometheus-alerts.yaml").toFile()).path("groups")) {
      group.path("rules").forEach(alerts::add);
    }
    return alerts;
  }

  @Test
  void the_alerts_watch_metrics_and_labels_that_exist() throws IOException {
    List<String> unknown = new ArrayList<>();
    for (JsonNode alert : alerts()) {
      PromQl query = new PromQl(alert.path("expr").asText());
      assertThat(query.metrics).as(alert.toString()).isNotEmpty();
      query
          .unknownIn(run.scrape, growing())
          .forEach(name -> unknown.add(alert.path("alert") + ": " + name));
    }
    assertThat(alerts()).hasSizeGreaterThan(20);
    assertThat(unknown).isEmpty();
  }

  @Test
  void a_name_a_label_or_a_value_that_does_not_exist_is_found() throws IOException {
    assertThat(new PromQl("rate(serai_no_such_total[5m]) > 0").unknownIn(run.scrape, growing()))
        .containsExactly("metric serai_no_such_total");
    assertThat(new PromQl("serai_node_state{state=\"LOST\"} > 0").unknownIn(run.scrape, growing()))
        .containsExactly("serai_node_state{state=LOST}");
    assertThat(
            new PromQl("sum by (stat) (serai_node_state{sate=\"A\"})")
                .unknownIn(run.scrape, growing()))
        .containsExactly("label sate of serai_node_state", "grouping label stat");
  }

  @Test
  void each_alert_says_how_bad_it_is_and_where_to_read_on() throws IOException {
    Set<String> names = new TreeSet<>();
    for (JsonNode alert : alerts()) {
      String name = alert.path("alert").asText();
      assertThat(names.add(name)).as("%s stands twice", name).isTrue();
      assertThat(alert.path("for").asText()).as(name).matches("\\d+[smh]");
      assertThat(alert.path("labels").path("severity").asText())
          .as(name)
          .isIn("warning", "critical");
      assertThat(alert.path("annotations").path("summary").asText()).as(name).isNotBlank();
      assertThat(alert.path("annotations").path("description").asText()).as(name).isNotBlank();
      String anchor = name.toLowerCase(Locale.ROOT);
      assertThat(alert.path("annotations").path("runbook_url").asText())
          .isEqualTo("README.md#" + anchor);
      assertThat(between("ALERT_TABLE"))
          .contains("| <a id=\"%s\"></a>`%s` |".formatted(anchor, name));
    }
    Matcher rows = Pattern.compile("<a id=\"[a-z]+\"></a>`(\\w+)`").matcher(between("ALERT_TABLE"));
    while (rows.find()) {
      assertThat(names).as("an alert of README's table that no rule has").contains(rows.group(1));
    }
  }

  @Test
  void the_scrape_example_names_our_port_and_rules() throws IOException {
    JsonNode scrape = YAML.readTree(CONFIG.resolve("prometheus-scrape.yaml").toFile());
    JsonNode job = scrape.path("scrape_configs").get(0);
    assertThat(job.path("job_name").asText()).isEqualTo("serai");
    assertThat(job.path("metrics_path").asText()).isEqualTo("/metrics");
    assertThat(job.path("static_configs").get(0).path("targets").get(0).asText())
        .isEqualTo("127.0.0.1:9988");
    assertThat(CONFIG.resolve(scrape.path("rule_files").get(0).asText())).exists();
  }

  /** With Prometheus' own tool where it is installed; ./serai test fetches it. */
  @Test
  void prometheus_takes_the_rules_and_they_fire_when_they_should() throws Exception {
    Optional<Path> tool = onPath("promtool");
    Assumptions.assumeTrue(tool.isPresent(), "no promtool here");
    assertThat(output(tool.get(), "check", "config", CONFIG.resolve("prometheus-scrape.yaml")))
        .contains("SUCCESS");
    assertThat(
            output(
                tool.get(),
                "test",
                "rules",
                Path.of("src/test/resources/observability/alerts-test.yaml")))
        .contains("SUCCESS");
  }

  private static Optional<Path> onPath(String tool) {
    return Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
        .map(folder -> Path.of(folder, tool))
        .filter(Files::isExecutable)
        .findFirst();
  }

  private static String output(Object... command) throws Exception {
    Process process =
        new ProcessBuilder(Arrays.stream(command).map(Object::toString).toList())
            .redirectErrorStream(true)
            .start();
    String said =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    assertThat(process.waitFor()).as(said).isZero();
    return said;
  }

  // --- Logs --------------------------------------------------------------------------------------

  @Test
  void no_secret_of_the_run_stands_in_a_log() {
    assertThat(run.secrets.size()).isGreaterThan(15);
    for (List<String> log : List.of(run.jsonLog, run.textLog)) {
      for (String line : log) {
        assertThat(run.secrets.in(line)).as(line).isEmpty();
      }
    }
  }

  @Test
  void the_search_finds_a_secret_in_every_spelling() {
    byte[] secret = new byte[32];
    for (int i = 0; i < secret.length; i++) {
      secret[i] = (byte) (7 * i + 200);
    }
    Secrets planted = new Secrets();
    planted.addBytes("planted", secret);
    planted.addText("password", "correct-horse");
    byte[] longer = new byte[40];
    System.arraycopy(secret, 0, longer, 4, 32);
    var hex = java.util.HexFormat.of();
    for (String leak :
        List.of(
            hex.formatHex(secret),
            hex.withUpperCase().formatHex(secret),
            java.util.Base64.getEncoder().encodeToString(secret),
            java.util.Base64.getUrlEncoder().withoutPadding().encodeToString(secret),
            java.util.Base64.getEncoder().encodeToString(longer),
            Arrays.toString(secret),
            "user serai:correct-horse",
            java.util.Base64.getEncoder()
                .encodeToString("serai:correct-horse".getBytes(StandardCharsets.UTF_8)))) {
      assertThat(planted.in("msg=\"x " + leak + " y\"")).as(leak).isPresent();
    }
    assertThat(planted.in("msg=\"nothing of it\"")).isEmpty();
  }

  @Test
  void no_selectors_of_a_caller_and_no_subscriber_numbers_stand_in_a_log() {
    for (List<String> log : List.of(run.jsonLog, run.textLog)) {
      assertThat(log)
          .noneMatch(line -> line.contains("unix:path:") || line.contains("unix:sha256:"))
          .noneMatch(line -> line.contains("unix:uid:"))
          .noneMatch(
              line -> Pattern.compile("(?<![0-9a-f])\\d{15}(?![0-9a-f])").matcher(line).find());
    }
  }

  /** libtss2, libraries and the JVM write nothing of their own to standard error. */
  @Test
  void every_line_is_one_of_ours_in_the_format_asked_for() throws IOException {
    assertThat(run.jsonLog).hasSizeGreaterThan(50);
    Set<String> keys = new TreeSet<>();
    for (String line : run.jsonLog) {
      JsonNode event = new ObjectMapper().readTree(line);
      Iterator<String> names = event.fieldNames();
      names.forEachRemaining(keys::add);
      assertThat(event.path("level").asText()).isIn("ERROR", "WARN", "INFO", "DEBUG");
      assertThat(event.path("msg").isTextual()).isTrue();
    }
    for (String key : keys) {
      assertThat(between("LOG_KEYS")).contains("| `" + key + "` |");
    }
    assertThat(run.textLog).hasSizeGreaterThan(50).allMatch(l -> TEXT_LINE.matcher(l).matches());
  }

  @Test
  void the_lines_that_operators_watch_for_are_logged() {
    Matcher rows = LOG_ROW.matcher(between("LOG_EVENTS"));
    int checked = 0;
    while (rows.find()) {
      if (rows.group(2).equals("every")) { // in every run
        String begin = rows.group(1).replaceAll("<.*", "");
        assertThat(run.jsonLog).as(begin).anyMatch(line -> line.contains("\"msg\":\"" + begin));
        checked++;
      }
    }
    assertThat(checked).isGreaterThanOrEqualTo(5);
  }

  @Test
  void without_tracing_nothing_of_it_is_loaded() {
    assertThat(run.loadedClasses)
        .hasSizeGreaterThan(1000)
        .anyMatch(c -> c.contains("dev.serai.app"));
    assertThat(run.loadedClasses)
        .noneMatch(name -> name.contains("io.opentelemetry"))
        .noneMatch(name -> name.contains("org.apache.camel.telemetry"))
        .noneMatch(name -> name.contains("dev.serai.tracing"));
  }

  @Test
  void a_good_run_says_nothing_at_warning_level_that_nobody_can_act_on() {
    assertThat(run.textLog)
        .filteredOn(line -> line.contains(" level=WARN ") || line.contains(" level=ERROR "))
        .isEmpty();
  }
}
