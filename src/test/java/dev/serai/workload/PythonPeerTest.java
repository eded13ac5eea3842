package dev.serai.workload;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The Workload API as seen by another gRPC stack, the C core with Python on it. Its packages come
 * from Python's registry, so it runs with ./serai test --peers only.
 */
@Tag("peers")
class PythonPeerTest {
  private static final String GRPC = "1.76.0";

  @TempDir static Path tools;
  private static Path python;

  @TempDir Path dir;
  private WorkloadApiFixture api;

  @BeforeAll
  static void make_a_client_from_our_proto() throws Exception {
    Path venv = tools.resolve("venv");
    run("python3", "-m", "venv", venv.toString());
    python = venv.resolve("bin/python");
    run(
        python.toString(),
        "-m",
        "pip",
        "install",
        "-q",
        "grpcio==" + GRPC,
        "grpcio-tools==" + GRPC);
    Files.createDirectory(tools.resolve("stubs"));
    run(
        python.toString(),
        "-m",
        "grpc_tools.protoc",
        "-Isrc/main/proto",
        "--python_out=" + tools.resolve("stubs"),
        "--grpc_python_out=" + tools.resolve("stubs"),
        "src/main/proto/workload.proto",
        "src/main/proto/spire/api/types/sovereignattestation.proto");
    try (InputStream script =
        PythonPeerTest.class.getResourceAsStream("/peers/workload_client.py")) {
      Files.copy(script, tools.resolve("client.py"));
    }
  }

  @BeforeEach
  void start() throws Exception {
    api = new WorkloadApiFixture(dir);
  }

  @AfterEach
  void stop() throws Exception {
    api.close();
  }

  @Test
  void it_fetches_the_identity_of_its_user() throws Exception {
    int uid = (Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    api.give(api.identity("/py", "", "unix:uid:" + uid));

    JsonNode answer = ask("fetch");

    assertThat(answer.path("ids").get(0).asText()).isEqualTo("spiffe://test.example/py");
    assertThat(answer.path("crl").asInt()).isZero();
  }

  @Test
  void it_reads_the_bundle_of_the_trust_domain() throws Exception {
    int uid = (Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    api.give(api.identity("/py", "", "unix:uid:" + uid));

    assertThat(ask("bundles").path("domains").get(0).asText()).contains("test.example");
  }

  @Test
  void it_fetches_a_token_its_keys_and_a_verdict_on_it() throws Exception {
    int uid = (Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    api.give(api.identity("/py", "", "unix:uid:" + uid));

    JsonNode answer = ask("jwt");

    assertThat(answer.path("id").asText()).isEqualTo("spiffe://test.example/py");
    assertThat(answer.path("sub").asText()).isEqualTo("spiffe://test.example/py");
    assertThat(answer.path("uses")).singleElement().hasToString("\"jwt-svid\"");
  }

  @Test
  void without_the_header_its_call_is_an_invalid_argument() throws Exception {
    assertThat(ask("no-header").path("code").asText()).isEqualTo("INVALID_ARGUMENT");
  }

  @Test
  void without_an_entry_it_is_denied() throws Exception {
    api.give(api.identity("/other", "", "unix:uid:4294967290"));

    assertThat(ask("fetch").path("code").asText()).isEqualTo("PERMISSION_DENIED");
  }

  @Test
  void while_there_is_no_identity_yet_it_may_try_again() throws Exception {
    api.identities.waiting(new Reason(ReasonCode.AGENT_NOT_READY, "starting"));

    assertThat(ask("fetch").path("code").asText()).isEqualTo("UNAVAILABLE");
  }

  @Test
  void a_method_that_does_not_exist_is_unimplemented() throws Exception {
    assertThat(ask("unknown-method").path("code").asText()).isEqualTo("UNIMPLEMENTED");
  }

  private JsonNode ask(String command) throws Exception {
    return new ObjectMapper()
        .readTree(
            run(
                python.toString(),
                tools.resolve("client.py").toString(),
                tools.resolve("stubs").toString(),
                api.socket.toString(),
                command));
  }

  private static String run(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(List.of(command)).redirectErrorStream(true).start();
    String output =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    assertThat(process.waitFor()).as(output).isZero();
    return output.substring(output.lastIndexOf('\n') + 1);
  }
}
