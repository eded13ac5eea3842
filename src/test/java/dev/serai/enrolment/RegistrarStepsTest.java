package dev.serai.enrolment;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import dev.serai.audit.Audit;
import dev.serai.keylime.AgentId;
import dev.serai.role.Role;
import dev.serai.role.RoleContext;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.SwTpm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.camel.Processor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Each step of enrolment and activation that throws, or does nothing, makes no node active. */
@Tag("slow")
class RegistrarStepsTest {
  private static final String NODE = "steps";
  private static PeerNode node;

  @TempDir Path trust;

  @BeforeAll
  static void makeNode() {
    node = new PeerNode(SwTpm.fresh());
  }

  @AfterAll
  static void endNode() {
    node.close();
  }

  /** Bean names of the steps, in the order of the files. */
  static Stream<String> steps() throws IOException {
    Map<String, String> found = new TreeMap<>();
    for (String route : List.of("registrar-http", "enrol-node", "activate-node")) {
      collect(
          new ObjectMapper(new YAMLFactory())
              .readTree(Path.of("routes/registrar/" + route + ".camel.yaml").toFile()),
          found);
    }
    return found.values().stream();
  }

  private static void collect(JsonNode json, Map<String, String> found) {
    if (json.isObject() && json.has("process")) {
      found.put(json.at("/process/id").asText(), json.at("/process/ref").asText());
    }
    json.forEach(child -> collect(child, found));
  }

  /** Bound after the registrar's own, so it takes the place of that one. */
  private record Planted(String bean, Processor instead) implements Role {
    @Override
    public String name() {
      return "planted";
    }

    @Override
    public void bind(RoleContext context) {
      context.camel().getRegistry().unbind(bean); // else both would be there, by their types
      context.bind(bean, instead);
    }
  }

  private Http.Answer enrol(String bean, Processor instead) throws Exception {
    Files.write(trust.resolve("ca.cer"), SwTpm.ekCa().getEncoded());
    try (SeraiHarness serai =
        SeraiHarness.roles("registrar")
            .with("serai.registrar.ek-trust-dir", trust.toString())
            .withRole(new Planted(bean, instead))
            .start()) {
      String base = "http://127.0.0.1:" + serai.port("serai.registrar.port");
      String path = "/v2.6/agents/" + NODE;
      String body = node.body().put("ekcert", node.certificatePem(0x01c00002)).toString();
      Http.Answer answer = Http.send(base, "POST", path, body);
      if (answer.status() == 200 && answer.body().contains("blob")) {
        answer = Http.send(base, "PUT", path, node.tag(answer.body(), NODE));
      }
      boolean active =
          new EnrolmentStore(serai.context().database(), Audit.of(serai.context()))
              .find(new AgentId(NODE))
              .map(EnrolledNode::active)
              .orElse(false);
      if (!bean.equals("writeHttpAnswer")) { // the node is active, the answer went wrong
        assertThat(active).as(bean).isEqualTo(HARMLESS.contains(bean) && answer.status() == 200);
      }
      return answer;
    }
  }

  /** A step that only refuses early, for good nodes: without it they enrol all the same. */
  private static final List<String> HARMLESS = List.of("checkNodeBinding", "checkAttestationKey");

  @ParameterizedTest
  @MethodSource("steps")
  void a_step_that_throws_refuses(String bean) throws Exception {
    Http.Answer answer =
        enrol(
            bean,
            exchange -> {
              throw new IllegalStateException("planted in " + bean);
            });
    assertThat(answer.status()).isEqualTo(500);
    assertThat(answer.reason()).isEqualTo("INTERNAL_ERROR");
    assertThat(answer.body()).doesNotContain("planted");
  }

  @ParameterizedTest
  @MethodSource("steps")
  void a_step_that_does_nothing_makes_nobody_active_who_should_not_be(String bean)
      throws Exception {
    Http.Answer answer = enrol(bean, exchange -> {});
    if (HARMLESS.contains(bean)) {
      assertThat(answer.status()).isEqualTo(200);
    } else {
      assertThat(answer.reason()).as(bean).isIn("INTERNAL_ERROR", "NODE_UNKNOWN", "");
    }
  }
}
