package dev.serai.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.claims.Claims;
import dev.serai.claims.ClaimsExtension;
import dev.serai.location.Assurance;
import dev.serai.testing.operator.FakeOperator;
import io.spiffe.bundle.x509bundle.X509Bundle;
import io.spiffe.spiffeid.TrustDomain;
import io.spiffe.svid.x509svid.X509Svid;
import io.spiffe.svid.x509svid.X509SvidValidator;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The demo in a process of its own: what a new user sees first. */
@Tag("slow")
class DemoTest {
  @TempDir Path dir;

  /** Where its classes are: serai-fake-operator.jar is made of them. */
  private static String fakeOperator() throws Exception {
    return Path.of(FakeOperator.class.getProtectionDomain().getCodeSource().getLocation().toURI())
        .toString();
  }

  private record Ended(int exit, String said) {}

  private static Ended demo(Path out, String operator) throws Exception {
    Process demo =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                "dev.serai.app.Main",
                "demo",
                "--once",
                "--swtpm",
                "--fake-operator",
                operator,
                "--out",
                out.toString())
            .redirectErrorStream(true)
            .start();
    String said = new String(demo.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(demo.waitFor(180, TimeUnit.SECONDS)).isTrue();
    return new Ended(demo.exitValue(), said);
  }

  @Test
  void the_demo_ends_with_an_identity_that_openssl_and_java_spiffe_accept() throws Exception {
    Path out = dir.resolve("out");
    Ended demo = demo(out, fakeOperator());
    assertThat(demo.exit()).as(demo.said()).isZero();
    assertThat(demo.said())
        .contains("fake mobile operator (demo only) at https://127.0.0.1:")
        .contains("region demo, operator-verified, until ")
        .contains("403 Geo Claim Missing");

    JsonNode report = new ObjectMapper().readTree(out.resolve("report.json").toFile());
    assertThat(report.path("steps").findValuesAsText("step"))
        .containsExactly(
            "tpm",
            "start",
            "enrol",
            "attest",
            "certify",
            "location",
            "operator",
            "entry",
            "svid",
            "gate");
    assertThat(report.path("steps").findValuesAsText("ok")).containsOnly("true");
    assertThat(report.path("node").path("state").asText()).isEqualTo("TRUSTED");
    assertThat(report.path("node").path("id").asText()).isNotBlank();
    assertThat(report.path("svid").path("id").asText()).startsWith("spiffe://demo.example/user/");
    assertThat(report.path("svid").path("notAfter").asText()).contains("T");
    assertThat(
            PosixFilePermissions.toString(Files.getPosixFilePermissions(out.resolve("svid.key"))))
        .isEqualTo("rw-------");

    Claims.Geolocation place =
        ClaimsExtension.read(svid(out).getLeaf()).flatMap(Claims::geolocation).orElseThrow();
    assertThat(place.region()).contains("demo");
    assertThat(place.assurance()).contains(Assurance.OPERATOR_VERIFIED);
    assertThat(place.sensor()).isEmpty();

    Process openssl =
        new ProcessBuilder("openssl", "verify", "-CAfile", "bundle.pem", "svid.pem")
            .directory(out.toFile())
            .redirectErrorStream(true)
            .start();
    String verified = new String(openssl.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(openssl.waitFor()).as(verified).isZero();

    X509Svid svid = svid(out);
    X509Bundle bundle =
        X509Bundle.load(TrustDomain.parse("demo.example"), out.resolve("bundle.pem"));
    X509SvidValidator.verifyChain(svid.getChain(), bundle);
    assertThat(svid.getSpiffeId().toString()).isEqualTo(report.path("svid").path("id").asText());
  }

  private static X509Svid svid(Path out) throws Exception {
    return X509Svid.load(out.resolve("svid.pem"), out.resolve("svid.key"));
  }

  /** As an earlier version leaves its home: a node that is attested, without a location. */
  @Test
  void in_the_home_of_an_earlier_demo_the_node_attests_again_with_its_location() throws Exception {
    Path home = dir.resolve("serai-demo");
    Process earlier =
        inHome(
            Map.of(
                "SERAI_VERIFIER_POLICY",
                "builtin:demo",
                "SERAI_ISSUER_CHALLENGE_LOCATION",
                "false"));
    try {
      awaitLine(earlier, home.resolve("serai.log"), "agent is ATTESTED");
    } finally {
      stop(earlier);
    }
    Files.delete(home.resolve("serai.log"));
    Process now = inHome(Map.of());
    try {
      awaitLine(now, dir.resolve("said"), "ok     gate");
    } finally {
      stop(now);
    }
    assertThat(dir.resolve("said")).content().contains("region demo, operator-verified, until ");
    assertThat(home.resolve("serai.log")).content().contains("NODE_NOT_ATTESTED");
  }

  private Process inHome(Map<String, String> environment) throws Exception {
    ProcessBuilder demo =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                "dev.serai.app.Main",
                "demo",
                "--swtpm",
                "--fake-operator",
                fakeOperator())
            .redirectErrorStream(true)
            .redirectOutput(dir.resolve("said").toFile());
    demo.environment().put("XDG_STATE_HOME", dir.toString());
    demo.environment().putAll(environment);
    return demo.start();
  }

  private static void awaitLine(Process demo, Path file, String line) {
    await()
        .atMost(Duration.ofSeconds(180))
        .until(
            () -> {
              assertThat(demo.isAlive()).as("the demo runs").isTrue();
              return Files.exists(file) && Files.readString(file).contains(line);
            });
  }

  private static void stop(Process demo) throws InterruptedException {
    demo.destroy();
    assertThat(demo.waitFor(60, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void without_its_operator_the_demo_says_so_and_fails() throws Exception {
    Path out = dir.resolve("out");
    Ended demo = demo(out, dir.resolve("none.jar").toString());
    assertThat(demo.exit()).as(demo.said()).isEqualTo(1);
    assertThat(demo.said())
        .contains("the fake mobile operator (demo only) did not start")
        .contains("DEMO_OPERATOR_UNAVAILABLE")
        .contains("remedy: run ./serai demo in the source tree");
    JsonNode steps = new ObjectMapper().readTree(out.resolve("report.json").toFile()).path("steps");
    assertThat(steps.findValuesAsText("step")).containsExactly("operator");
    assertThat(steps.findValuesAsText("ok")).containsExactly("false");
  }
}
