package dev.serai.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** F25: what is left when nodes do not attest with their TPM. */
class FeaturesTest {
  @TempDir Path directory;

  private LayeredSettings settings(String roles, Map<String, String> features) {
    Map<String, String> overrides = new HashMap<>(Features.settings(features));
    overrides.put("serai.roles", roles);
    overrides.put("serai.trust-domain", "test.example");
    overrides.put("serai.state-dir", directory.toString());
    return LayeredSettings.read(Optional.empty(), Map.of(), overrides);
  }

  @Test
  void all_roles_of_a_plain_issuer_are_the_issuer() {
    LayeredSettings plain = settings("all", Map.of("unified_identity", "false"));
    assertThat(RoleCatalog.wanted(plain)).containsExactly("issuer");
    assertThat(ConfigRules.problems(plain, RoleCatalog.known(RoleCatalog.wanted(plain)))).isEmpty();
    LayeredSettings whole = settings("all", Map.of("unified_identity", "true"));
    assertThat(RoleCatalog.wanted(whole)).containsExactly("all");
  }

  @Test
  void a_role_that_nobody_could_use_without_the_feature_is_refused_by_name() {
    LayeredSettings plain = settings("issuer,registrar", Map.of("unified_identity", "false"));
    assertThat(ConfigRules.problems(plain, RoleCatalog.known(RoleCatalog.wanted(plain))))
        .singleElement()
        .asString()
        .contains("registrar", "serai.feature.unified-identity");
    for (String role : List.of("verifier", "agent")) { // these say so to their callers
      LayeredSettings off = settings("issuer," + role, Map.of("unified_identity", "false"));
      assertThat(ConfigRules.problems(off, RoleCatalog.known(RoleCatalog.wanted(off)))).isEmpty();
    }
  }

  @Test
  void a_feature_or_value_that_there_is_not_is_a_start_up_error() {
    for (Map<String, String> wrong :
        List.of(
            Map.of("unified-identity", "false"),
            Map.of("unified_identity", "no"),
            Map.of("skip_verify", "true"))) {
      assertThatThrownBy(() -> Features.settings(wrong))
          .isInstanceOfSatisfying(
              RefusalException.class,
              e -> assertThat(e.reason().code()).isEqualTo(ReasonCode.CONFIGURATION_INVALID));
    }
  }
}
