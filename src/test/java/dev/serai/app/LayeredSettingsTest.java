package dev.serai.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LayeredSettingsTest {
  @TempDir Path dir;

  private Path file(String text) throws Exception {
    return Files.writeString(dir.resolve("serai.properties"), text);
  }

  private static LayeredSettings load(Path file, Map<String, String> environment) {
    return LayeredSettings.load(Optional.of(file), environment, Map.of());
  }

  private static void refuses(ThrowingCallable call, String... parts) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            RefusalException.class,
            e -> {
              assertThat(e.reason().code()).isEqualTo(ReasonCode.CONFIGURATION_INVALID);
              assertThat(e.reason().detail()).contains(parts);
            });
  }

  @Test
  void the_environment_beats_the_file_and_the_file_the_default() throws Exception {
    Path file = file("serai.issuer.port=1\nserai.verifier.port=2\n");
    LayeredSettings settings = load(file, Map.of("SERAI_VERIFIER_PORT", "3"));
    assertThat(settings.integer("serai.registrar.port")).isEqualTo(8890);
    assertThat(settings.integer("serai.issuer.port")).isEqualTo(1);
    assertThat(settings.integer("serai.verifier.port")).isEqualTo(3);
  }

  @Test
  void an_unknown_key_in_the_file_is_named_with_its_file() throws Exception {
    Path file = file("serai.isuer.port=1\n");
    refuses(() -> load(file, Map.of()), "serai.isuer.port", file.toString(), "did you mean serai.");
  }

  @Test
  void a_missing_file_is_named() {
    refuses(() -> load(dir.resolve("none"), Map.of()), dir.resolve("none").toString());
  }

  @Test
  void all_values_of_the_wrong_type_are_named_at_once_with_key_and_place() throws Exception {
    Path file =
        file("# one\nserai.issuer.port=many\n\nserai.stop-timeout=soon\nserai.agent.ak=dsa\n");
    refuses(
        () -> load(file, Map.of("SERAI_TPM_ALLOW_SOFTWARE", "yes")),
        "serai.issuer.port from " + file + ":2 is \"many\", which is not a port from 1 to 65535",
        "serai.stop-timeout from " + file + ":4 is \"soon\", which is not a duration",
        "serai.agent.ak from " + file + ":5 is \"dsa\", which is not ecdsa or rsassa",
        "serai.tpm.allow-software from environment SERAI_TPM_ALLOW_SOFTWARE is \"yes\", which is"
            + " not true or false");
  }

  @Test
  void a_variable_that_is_no_key_is_refused() throws Exception {
    Path file = file("");
    refuses(() -> load(file, Map.of("SERAI_ISUER_PORT", "1")), "SERAI_ISUER_PORT");
    refuses(
        () -> load(file, Map.of("SERAI_ISSUER_PORT", "tcp://10.0.0.1:8081")),
        "serai.issuer.port",
        "enableServiceLinks: false");
    refuses(
        () -> load(file, Map.of("SERAI_ISSUER_SERVICE_HOST", "10.0.0.1")),
        "SERAI_ISSUER_SERVICE_HOST",
        "enableServiceLinks: false");
  }

  @Test
  void a_key_that_stands_twice_is_refused_unless_it_says_the_same() throws Exception {
    Path file = file("serai.issuer.port=1\nserai.issuer.port=2\n");
    refuses(() -> load(file, Map.of()), "serai.issuer.port stands twice", file + ":2", "line 1");
    assertThat(
            load(file("serai.issuer.port=1\nserai.issuer.port=1\n"), Map.of())
                .integer("serai.issuer.port"))
        .isEqualTo(1);
  }

  @Test
  void lines_are_counted_across_continued_ones_and_malformed_ones_are_named() throws Exception {
    Path file = file("serai.roles=issuer,\\\n  agent\nserai.agent.ak=\\uXYZ\nserai.agent.ek=no\n");
    refuses(() -> load(file, Map.of()), file + ":3: ", "serai.agent.ek from " + file + ":4");
  }

  @Test
  void a_credential_of_the_service_manager_stands_for_a_file() throws Exception {
    Files.writeString(dir.resolve("verifier.token"), "x");
    Path file = file("serai.role.join-token-file=credential:verifier.token\n");
    LayeredSettings settings = load(file, Map.of("CREDENTIALS_DIRECTORY", dir.toString()));
    assertThat(settings.text("serai.role.join-token-file"))
        .isEqualTo(dir.resolve("verifier.token").toString());
    refuses(() -> load(file, Map.of()), "serai.role.join-token-file", "CREDENTIALS_DIRECTORY");
    Path other = file("serai.role.join-token-file=credential:none\n");
    refuses(
        () -> load(other, Map.of("CREDENTIALS_DIRECTORY", dir.toString())),
        "there is no credential none");
    Path outside = file("serai.role.join-token-file=credential:../x\n");
    refuses(
        () -> load(outside, Map.of("CREDENTIALS_DIRECTORY", dir.toString())),
        "names no credential");
  }

  /** Found by fuzzing: it failed only where it was turned into milliseconds. */
  @Test
  void a_duration_that_no_clock_can_count_is_refused() throws Exception {
    Path file = file("serai.audit.keep=999999999999d\n");
    refuses(() -> load(file, Map.of()), "serai.audit.keep", "from 1m to 36500d");
    assertThat(
            load(file("serai.audit.keep=36500d\n"), Map.of())
                .duration("serai.audit.keep")
                .toNanos())
        .isPositive();
  }

  @Test
  void a_required_value_that_is_missing_is_named_with_its_variable() {
    LayeredSettings settings = LayeredSettings.load(Optional.empty(), Map.of(), Map.of());
    refuses(() -> settings.text("serai.trust-domain"), "SERAI_TRUST_DOMAIN");
  }

  @Test
  void durations_and_lists_are_read() throws Exception {
    LayeredSettings settings =
        load(file("serai.stop-timeout=250ms\nserai.roles= issuer, ,agent \n"), Map.of());
    assertThat(settings.duration("serai.stop-timeout")).isEqualTo(Duration.ofMillis(250));
    assertThat(settings.list("serai.roles")).containsExactly("issuer", "agent");
  }

  @Test
  void no_two_keys_share_an_environment_variable() {
    Set<String> names = new HashSet<>();
    for (String key : LayeredSettings.shipped().keySet()) {
      assertThat(names.add(LayeredSettings.environmentName(key))).as(key).isTrue();
    }
  }

  @Test
  void a_hop_is_direct_when_its_role_is_here_and_a_call_when_it_is_not() {
    LayeredSettings here = LayeredSettings.load(Optional.empty(), Map.of(), Map.of());
    DerivedSettings.fill(here, dir, Set.of("issuer", "verifier"));
    assertThat(here.text("serai.hop.appraise")).isEqualTo("direct:appraise-evidence");
    assertThat(here.text("serai.hop.node-record")).isEqualTo("direct:call-registrar-lookup");
    assertThat(here.text("serai.issuer.admin-socket"))
        .isEqualTo(dir.resolve("run/issuer/admin.sock").toString());
  }
}
