package dev.serai.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/** The typed model: every key has a type, every contradiction is refused at start. */
class ConfigModelTest {
  @TempDir Path dir;

  private Stream<String> ownShippedKeys() {
    return LayeredSettings.shipped().keySet().stream().filter(key -> key.startsWith("serai."));
  }

  @Test
  void every_shipped_key_is_in_the_model_and_every_key_of_the_model_is_shipped() {
    assertThat(ConfigModel.keys()).containsExactlyInAnyOrderElementsOf(ownShippedKeys().toList());
  }

  @Test
  void the_readme_names_the_keys_that_a_reload_applies() throws Exception {
    String readme = Files.readString(Path.of("README.md"));
    int from = readme.indexOf("These keys are applied");
    String paragraph = readme.substring(from, readme.indexOf("A new interval", from));
    assertThat(paragraph.split("`"))
        .filteredOn(word -> word.startsWith("serai."))
        .containsExactlyInAnyOrderElementsOf(ConfigModel.liveKeys());
  }

  @Test
  void every_default_has_the_type_of_its_key() {
    assertThat(LayeredSettings.read(Optional.empty(), Map.of(), Map.of()).problems()).isEmpty();
  }

  /** A value that no type but text takes. */
  @Test
  void every_key_with_a_type_refuses_what_is_not_of_it() {
    for (String key : ConfigModel.keys()) {
      ConfigType type = ConfigModel.type(key).orElseThrow();
      if (!type.wanted().equals("text") && !type.wanted().contains("path")) {
        assertThat(type.accepts().test("no such \u0001 value")).as(key).isFalse();
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "serai.issuer.port, 0",
    "serai.issuer.port, 65536",
    "serai.issuer.challenge-ttl, 61s",
    "serai.stop-timeout, 7s",
    "serai.agent.issuer, 127.0.0.1",
    "serai.agent.issuer, host:0",
    "serai.agent.registrar, ftp://host:1",
    "serai.agent.registrar, http://user:word@host:1",
    "serai.verifier.registrar, http://127.0.0.1:8891",
    "serai.roles, issuer;agent",
    "serai.roles, 'all,agent'",
    "serai.roles, 'agent,agent'",
    "serai.trust-domain, Not A Domain",
    "serai.registrar.readers, verifier",
    "serai.registrar.ek-allow-list, xyz",
    "serai.issuer.challenge-pcrs, sha256",
    "serai.hop.appraise, appraise",
    "serai.camara.url, http://operator.example",
    "serai.camara.verify-path, verify",
    "serai.camara.dialect, v2",
    "serai.privacy, none",
    "serai.log.level, LOUD",
    "serai.agent.quote-burst, -1",
    "serai.management.host, not a host"
  })
  void a_value_out_of_its_type_or_range_is_refused(String key, String text) {
    assertThatThrownBy(() -> LayeredSettings.load(Optional.empty(), Map.of(), Map.of(key, text)))
        .isInstanceOfSatisfying(
            RefusalException.class,
            e -> {
              assertThat(e.reason().code()).isEqualTo(ReasonCode.CONFIGURATION_INVALID);
              assertThat(e.reason().detail()).contains(key, text);
            });
  }

  private List<String> problems(String roles, String... keysAndValues) {
    Map<String, String> values = new TreeMap<>();
    values.put("serai.roles", roles);
    values.put("serai.trust-domain", "test.example");
    values.put("serai.state-dir", dir.resolve("state").toString());
    for (int i = 0; i < keysAndValues.length; i += 2) {
      values.put(keysAndValues[i], keysAndValues[i + 1]);
    }
    LayeredSettings settings = LayeredSettings.read(Optional.empty(), Map.of(), values);
    return ConfigRules.problems(settings, RoleCatalog.known(RoleCatalog.wanted(settings)));
  }

  @Test
  void the_shipped_configuration_needs_a_trust_domain_and_a_state_directory_and_no_more() {
    assertThat(problems("all")).isEmpty();
    assertThat(problems("all", "serai.trust-domain", "", "serai.state-dir", ""))
        .satisfiesExactly(
            first -> assertThat(first).contains("serai.trust-domain", "SERAI_TRUST_DOMAIN"),
            second -> assertThat(second).contains("serai.state-dir", "SERAI_STATE_DIR"));
  }

  @ParameterizedTest
  @CsvSource({
    "all, serai.issuer.port, 9988, serai.management.port",
    "registrar, serai.registrar.tls-port, 8890, serai.registrar.port",
    "issuer, serai.issuer.svid-ttl, 25h, serai.issuer.ca-ttl",
    "issuer, serai.issuer.agent-ttl, 25h, serai.issuer.ca-ttl",
    "issuer, serai.issuer.rotation-check, 5h, serai.issuer.ca-ttl",
    "verifier, serai.verifier.unreachable-grace, 15s, serai.verifier.interval",
    "verifier, serai.verifier.longest-back-off, 5s, serai.verifier.interval",
    "verifier, serai.verifier.tick, 11s, serai.verifier.interval",
    "verifier, serai.verifier.policy, /nowhere/policy.json, /nowhere/policy.json",
    "verifier, serai.hop.node-record, direct:lookup-node, registrar",
    "issuer, serai.hop.appraise, direct:appraise-evidence, verifier",
    "verifier, serai.hop.verdict, direct:apply-verdict, issuer",
    "registrar, serai.registrar.ek-trust-dir, /nowhere/ek, /nowhere/ek",
    "registrar, serai.registrar.ek-trust-shipped, false, serai.registrar.ek-allow-list",
    "sensor, serai.sensor.host, 0.0.0.0, serai.sensor.tls",
    "sensor, serai.sensor.port, 9988, serai.management.port",
    "sensor, serai.camara.url, https://operator.example, serai.camara.credentials-file",
    "sensor, serai.camara.credentials-file, /etc/operator, serai.camara.url",
    "agent, serai.agent.retry-first, 2m, serai.agent.retry-most",
    "agent, serai.agent.denied-retry-first, 1h, serai.agent.denied-retry-most",
    "agent, serai.agent.call-timeout, 1m, serai.agent.attest-timeout",
    "agent, serai.agent.registrar-ca, /etc/ca.pem, serai.agent.registrar",
    "agent, serai.workload.max-connections-per-user, 5000, serai.workload.max-connections"
  })
  void keys_that_contradict_each_other_are_refused(
      String roles, String key, String text, String alsoNamed) {
    assertThat(problems(roles, key, text))
        .satisfiesExactly(problem -> assertThat(problem).contains(key, alsoNamed));
  }

  @Test
  void a_greatest_age_that_the_dialect_cannot_ask_for_is_refused() {
    String[] v0 = {
      "serai.camara.url", "https://operator.example",
      "serai.camara.credentials-file", "/etc/operator",
      "serai.camara.dialect", "v0",
      "serai.camara.max-age", "2m"
    };
    assertThat(problems("sensor", v0))
        .satisfiesExactly(
            problem ->
                assertThat(problem).contains("serai.camara.max-age", "serai.camara.dialect"));
    v0[5] = "camara";
    assertThat(problems("sensor", v0)).isEmpty();
  }

  @Test
  void a_contradiction_of_a_role_that_is_not_here_does_not_matter() {
    assertThat(problems("agent", "serai.issuer.port", "9988", "serai.issuer.svid-ttl", "25h"))
        .isEmpty();
  }

  @Test
  void every_address_meets_each_single_one_and_another_address_does_not() {
    assertThat(problems("issuer", "serai.issuer.host", "0.0.0.0", "serai.issuer.port", "9988"))
        .hasSize(1);
    assertThat(problems("issuer", "serai.issuer.host", "127.0.0.2", "serai.issuer.port", "9988"))
        .isEmpty();
  }

  @Test
  void state_in_the_run_directory_and_one_path_for_two_sockets_are_refused() {
    assertThat(problems("issuer", "serai.run-dir", dir.toString()))
        .satisfiesExactly(
            problem -> assertThat(problem).contains("serai.state-dir", "serai.run-dir"));
    String socket = dir.resolve("one.sock").toString();
    assertThat(
            problems(
                "all", "serai.issuer.admin-socket", socket, "serai.agent.workload-socket", socket))
        .satisfiesExactly(
            problem ->
                assertThat(problem)
                    .contains("serai.issuer.admin-socket", "serai.agent.workload-socket"));
    assertThat(problems("issuer", "serai.issuer.admin-socket", "/" + "x".repeat(107)))
        .satisfiesExactly(problem -> assertThat(problem).contains("107"));
  }

  /** Of the whole command: exit code and a line for each problem. */
  private record Called(int exit, String out, List<String> err) {}

  private static Called call(String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine line = Main.commandLine();
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(err, true));
    int exit = line.execute(arguments);
    return new Called(exit, out.toString(), err.toString().lines().toList());
  }

  private Path file(String... lines) throws Exception {
    return Files.writeString(
        dir.resolve("serai.properties"), String.join("\n", Arrays.asList(lines)) + "\n");
  }

  @Test
  void check_and_run_name_every_problem_on_a_line_of_its_own_and_exit_with_2() throws Exception {
    Path file =
        file(
            "serai.state-dir=" + dir.resolve("state"),
            "serai.isuer.port=1",
            "serai.issuer.port=99999",
            "serai.agent.retry-first=2m",
            "serai.registrar.tls-port=8890");
    for (String verb : List.of("config check", "run")) {
      Called called = call((verb + " --config " + file).split(" "));
      assertThat(called.exit()).as(verb).isEqualTo(2);
      assertThat(called.err())
          .hasSize(5)
          .allSatisfy(line -> assertThat(line).startsWith("serai: CONFIGURATION_INVALID: "))
          .anySatisfy(line -> assertThat(line).contains("serai.isuer.port in " + file + ":2"))
          .anySatisfy(line -> assertThat(line).contains("serai.issuer.port from " + file + ":3"))
          .anySatisfy(line -> assertThat(line).contains("serai.trust-domain has no value"))
          .anySatisfy(line -> assertThat(line).contains("serai.agent.retry-first is longer"))
          .anySatisfy(line -> assertThat(line).contains("are both 127.0.0.1:8890"));
    }
  }

  @Test
  void check_of_a_good_file_exits_with_0() throws Exception {
    Path file = file("serai.trust-domain=test.example", "serai.state-dir=" + dir.resolve("state"));
    Called called = call("config", "check", "--config", file.toString());
    assertThat(called.exit()).isZero();
    assertThat(called.err()).isEmpty();
    assertThat(called.out()).contains("can be used");
  }

  @Test
  void print_shows_value_and_origin_of_every_key_and_no_secret() throws Exception {
    Path file =
        file(
            "serai.trust-domain=test.example",
            "serai.state-dir=" + dir.resolve("state"),
            "camel.component.x.ssl-key-password=hunter2",
            "camel.vault.aws.secretKey=hunter2");
    Called text = call("config", "print", "--config", file.toString(), "--roles", "issuer");
    assertThat(text.exit()).isZero();
    assertThat(text.out())
        .contains(
            "serai.trust-domain=test.example  # " + file + ":1",
            "serai.roles=issuer  # command line",
            "serai.issuer.port=8081  # default",
            "serai.run-dir=" + dir.resolve("state/run") + "  # derived",
            "camel.component.x.ssl-key-password=(secret)  # " + file + ":3")
        .doesNotContain("hunter2");
    Called called = call("config", "print", "--json", "--config", file.toString());
    assertThat(called.out()).doesNotContain("hunter2");
    JsonNode rows = new ObjectMapper().readTree(called.out());
    assertThat(rows).hasSizeGreaterThan(ConfigModel.keys().size());
    assertThat(rows)
        .anySatisfy(
            row -> {
              assertThat(row.path("key").asText()).isEqualTo("serai.trust-domain");
              assertThat(row.path("value").asText()).isEqualTo("test.example");
              assertThat(row.path("origin").asText()).isEqualTo("file");
              assertThat(row.path("where").asText()).isEqualTo(file + ":1");
            });
  }

  @Test
  void a_camel_key_that_camel_does_not_know_ends_run_with_its_place() throws Exception {
    Path file =
        file(
            "serai.roles=issuer",
            "serai.trust-domain=test.example",
            "serai.state-dir=" + dir.resolve("state"),
            "serai.management.port=" + FreePorts.next(),
            "serai.issuer.port=" + FreePorts.next(),
            "camel.main.nonsense=1");
    assertThatThrownBy(
            () -> {
              try (SeraiProcess process =
                  new SeraiProcess(
                      LayeredSettings.load(Optional.of(file), Map.of(), Map.of()),
                      Optional.empty())) {
                process.start();
              }
            })
        .isInstanceOfSatisfying(
            RefusalException.class,
            e -> {
              assertThat(e.reason().code()).isEqualTo(ReasonCode.CONFIGURATION_INVALID);
              assertThat(e.reason().detail()).contains("camel.main.nonsense from " + file + ":6");
            });
  }
}
