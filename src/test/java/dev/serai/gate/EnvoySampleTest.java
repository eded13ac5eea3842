package dev.serai.gate;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import dev.serai.app.LayeredSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The sample configuration of Envoy keeps what the gate rests on. */
class EnvoySampleTest {
  private static JsonNode sample;

  @BeforeAll
  static void read() throws IOException {
    sample =
        new ObjectMapper(new YAMLFactory()).readTree(Path.of("config/envoy/gate.yaml").toFile());
  }

  private static JsonNode only(String field) {
    List<JsonNode> found = sample.findValues(field);
    assertThat(found).as(field).hasSize(1);
    return found.get(0);
  }

  private static JsonNode cluster(String name) {
    for (JsonNode cluster : sample.at("/static_resources/clusters")) {
      if (cluster.path("name").asText().equals(name)) {
        return cluster;
      }
    }
    throw new AssertionError("no cluster " + name);
  }

  @Test
  void the_proxy_s_own_tls_peer_is_the_only_one_that_is_spoken_of() {
    assertThat(only("forward_client_cert_details").asText()).isEqualTo("SANITIZE_SET");
    assertThat(only("require_client_certificate").booleanValue()).isTrue();
    assertThat(only("include_peer_certificate").booleanValue()).isTrue();
    assertThat(only("disable_stateless_session_resumption").booleanValue()).isTrue();
  }

  @Test
  void a_gate_that_cannot_be_asked_lets_nobody_pass() {
    assertThat(only("failure_mode_allow").isBoolean()).isTrue();
    assertThat(only("failure_mode_allow").booleanValue()).isFalse();
    assertThat(only("status_on_error").path("code").asText()).isEqualTo("ServiceUnavailable");
    assertThat(only("transport_api_version").asText()).isEqualTo("V3");
    assertThat(sample.findValue("http_filters").get(0).path("name").asText())
        .isEqualTo("envoy.filters.http.ext_authz");
  }

  @Test
  void the_gate_is_reached_by_mutual_tls_at_the_port_that_is_shipped() {
    JsonNode gate = cluster("serai-gate");
    LayeredSettings shipped = LayeredSettings.load(Optional.empty(), Map.of(), Map.of());
    assertThat(gate.findValue("port_value").asInt()).isEqualTo(shipped.integer("serai.gate.port"));
    JsonNode tls = gate.at("/transport_socket/typed_config/common_tls_context");
    assertThat(tls.path("tls_certificates")).hasSize(1);
    assertThat(tls.at("/alpn_protocols/0").asText()).isEqualTo("h2");
    assertThat(tls.at("/validation_context/trusted_ca/filename").asText()).isNotEmpty();
    assertThat(tls.at("/validation_context/match_typed_subject_alt_names/0/matcher/exact").asText())
        .isEqualTo("spiffe://example.org/serai/gate");
    assertThat(gate.toString()).contains("http2_protocol_options");
  }

  @Test
  void envoy_waits_longer_than_the_gate() {
    LayeredSettings shipped = LayeredSettings.load(Optional.empty(), Map.of(), Map.of());
    String timeout = sample.findValue("grpc_service").path("timeout").asText();
    assertThat(Long.parseLong(timeout.replace("s", "")))
        .isGreaterThan(shipped.duration("serai.gate.deadline").toSeconds());
  }
}
