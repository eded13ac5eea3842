package dev.serai;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The shipped route files are readable in the same way, and none walks on after a failure. */
class RouteFilesLintTest {
  private static final Path ROUTES = Path.of("routes");
  private static final Pattern PLACEHOLDER = Pattern.compile("\\{\\{\\??([A-Za-z0-9.\\-]+)");

  /** Keys that are not steps although they stand in a list of steps. */
  private static final Set<String> NOT_STEPS = Set.of("steps", "when", "otherwise");

  private static final Map<Path, JsonNode> FILES = new TreeMap<>();

  @BeforeAll
  static void read() throws IOException {
    ObjectMapper yaml = new ObjectMapper(new YAMLFactory());
    try (Stream<Path> files = Files.walk(ROUTES)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".yaml")).toList()) {
        FILES.put(file, yaml.readTree(file.toFile()));
      }
    }
    assertThat(FILES).isNotEmpty();
  }

  @Test
  void a_file_is_named_after_its_route_and_tells_one_story() {
    FILES.forEach(
        (file, root) -> {
          List<JsonNode> routes = routes(root);
          if (routes.isEmpty()) {
            return; // a routeConfiguration
          }
          assertThat(routes).as(file.toString()).hasSize(1);
          assertThat(file.getFileName().toString())
              .isEqualTo(routes.get(0).path("id").asText() + ".camel.yaml");
        });
  }

  @Test
  void every_route_says_what_it_does() {
    FILES.forEach(
        (file, root) ->
            routes(root)
                .forEach(
                    route ->
                        assertThat(route.path("description").asText())
                            .as(file.toString())
                            .hasSizeGreaterThan(15)));
  }

  @Test
  void every_step_has_an_id_and_no_id_stands_twice() {
    Set<String> seen = new HashSet<>();
    FILES.forEach(
        (file, root) ->
            routes(root)
                .forEach(
                    route -> {
                      assertThat(seen.add(route.path("id").asText())).as("%s", file).isTrue();
                      for (Step step : steps(route)) {
                        assertThat(step.options.path("id").asText())
                            .as("%s: a step %s without id", file, step.kind)
                            .isNotEmpty();
                        assertThat(seen.add(step.options.path("id").asText()))
                            .as("%s: id %s stands twice", file, step.options.path("id"))
                            .isTrue();
                      }
                    }));
  }

  @Test
  void no_route_walks_on_after_a_failure_or_lets_a_message_choose_a_method() {
    FILES.forEach(
        (file, root) ->
            routes(root)
                .forEach(
                    route ->
                        assertThat(steps(route).stream().map(Step::kind))
                            .as(file.toString())
                            .doesNotContain("doTry", "bean", "script", "recipientList", "toD")));
    FILES.forEach(
        (file, root) -> assertThat(root.findValues("continued")).as(file.toString()).isEmpty());
  }

  @Test
  void a_choice_ends_in_an_otherwise() {
    FILES.forEach(
        (file, root) ->
            routes(root).stream()
                .flatMap(route -> steps(route).stream())
                .filter(step -> step.kind.equals("choice"))
                .forEach(
                    step ->
                        assertThat(step.options.has("otherwise"))
                            .as("%s: %s", file, step.options.path("id"))
                            .isTrue()));
  }

  @Test
  void every_property_is_explained_in_the_configuration() throws IOException {
    String explained = Files.readString(Path.of("config/application.properties"));
    for (Path file : FILES.keySet()) {
      Matcher matcher = PLACEHOLDER.matcher(Files.readString(file));
      while (matcher.find()) {
        assertThat(explained)
            .as("%s uses {{%s}}", file, matcher.group(1))
            .containsPattern("(?m)^" + Pattern.quote(matcher.group(1)) + "=");
      }
    }
  }

  private record Step(String kind, JsonNode options) {}

  private static List<JsonNode> routes(JsonNode root) {
    List<JsonNode> routes = new ArrayList<>();
    root.forEach(
        item -> {
          if (item.has("route")) {
            routes.add(item.get("route"));
          }
        });
    return routes;
  }

  private static List<Step> steps(JsonNode route) {
    List<Step> found = new ArrayList<>();
    collect(route.path("from").path("steps"), found);
    return found;
  }

  private static void collect(JsonNode steps, List<Step> found) {
    for (JsonNode item : steps) {
      item.fields()
          .forEachRemaining(
              field -> {
                found.add(new Step(field.getKey(), field.getValue()));
                descend(field.getValue(), found);
              });
    }
  }

  private static void descend(JsonNode options, List<Step> found) {
    if (options.isArray()) {
      options.forEach(option -> descend(option, found));
    } else if (options.isObject()) {
      options
          .fields()
          .forEachRemaining(
              field -> {
                if (field.getKey().equals("steps")) {
                  collect(field.getValue(), found);
                } else if (NOT_STEPS.contains(field.getKey())) {
                  descend(field.getValue(), found);
                }
              });
    }
  }
}
