package dev.serai.appraisal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.PcrSelection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PolicyFileTest {
  private static final String HEX = "ab".repeat(32);

  @TempDir Path dir;

  @Test
  void every_kind_of_rule_is_read() throws Exception {
    Path file = dir.resolve("policy.json");
    Files.writeString(
        file,
        """
        {"name": "mine",
         "pcrs": {"sha256": {"0": "%s", "4": ["%s", "%s"], "7": "recorded-at-enrolment"}},
         "clock": {"allow-unsafe": true, "reboot-needs-attestation": true}}
        """
            .formatted(HEX, HEX, HEX.toUpperCase(Locale.ROOT).replace("A", "C")));
    AppraisalPolicy policy = PolicyFile.load(file.toString());

    assertThat(policy.name()).isEqualTo("mine");
    assertThat(policy.clock()).isEqualTo(new ClockPolicy(true, true));
    assertThat(policy.pcrs().selection()).isEqualTo(PcrSelection.of(TpmHash.SHA256, 0, 4, 7));
    assertThat(policy.pcrs().rules().get(TpmHash.SHA256).get(0))
        .isEqualTo(new PcrRule.AnyOf(Set.of(Bytes.ofHex(HEX))));
    assertThat(policy.pcrs().rules().get(TpmHash.SHA256).get(4))
        .isEqualTo(new PcrRule.AnyOf(Set.of(Bytes.ofHex(HEX), Bytes.ofHex("cb".repeat(32)))));
    assertThat(policy.pcrs().rules().get(TpmHash.SHA256).get(7))
        .isEqualTo(new PcrRule.RecordedAtEnrolment());
  }

  @ParameterizedTest
  @ValueSource(strings = {"recorded-at-enrolment", "demo", "demo-located", "exact-and-sets"})
  void the_policies_that_come_with_serai_are_good(String name) {
    assertThat(PolicyFile.load("builtin:" + name).name()).isEqualTo(name);
  }

  @Test
  void a_strict_clock_is_the_default() {
    assertThat(
            PolicyFile.parse("p", "{\"name\":\"p\",\"pcrs\":{\"sha256\":{\"0\":\"" + HEX + "\"}}}")
                .clock())
        .isEqualTo(ClockPolicy.STRICT);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "{ ; not JSON",
        "[] ; an object is needed",
        "{\"pcrs\":{}} ; key name",
        "{\"name\":\"x\"} ; key pcrs",
        "{\"name\":\"x\",\"pcrs\":{}} ; key pcrs: no bank",
        "{\"name\":\"x\",\"pcrs\":{\"sha256\":{}}} ; key pcrs.sha256: no PCR",
        "{\"name\":\"x\",\"pcrs\":{\"md5\":{\"0\":\"00\"}}} ; key pcrs.md5: no bank of that name",
        "{\"name\":\"x\",\"pcrs\":{\"sha256\":{\"24\":\"HEX\"}}} ; key pcrs.sha256.24: PCRs are",
        "{\"name\":\"x\",\"pcrs\":{\"sha256\":{\"0\":\"abc\"}}} ; key pcrs.sha256.0: 64 hex digits",
        "{\"name\":\"x\",\"pcrs\":{\"sha256\":{\"0\":[]}}} ; key pcrs.sha256.0: a hex value",
        "{\"name\":\"x\",\"pcrs\":{\"sha256\":{\"0\":[\"HEX\",1]}}} ; key pcrs.sha256.0[1]: 64 hex",
        "{\"name\":\"x\",\"pcrs\":{\"sha256\":{\"0\":null}}} ; key pcrs.sha256.0: a hex value",
        "{\"name\":\"x\",\"pcrs\":{\"sha256\":{\"0\":\"HEX\",\"0\":\"HEX\"}}} ; not JSON:"
            + " Duplicate",
        "{\"name\":\"x\",\"pcrs\":{\"sha256\":{\"0\":\"HEX\"}},\"cloc\":{}} ; key cloc: unknown"
            + " key",
        "{\"name\":\"x\",\"pcrs\":{\"sha256\":{\"0\":\"HEX\"}},\"clock\":{\"safe\":true}}"
            + " ; key clock.safe: unknown key",
        "{\"name\":\"x\",\"pcrs\":{\"sha256\":{\"0\":\"HEX\"}},\"clock\":{\"allow-unsafe\":\"yes\"}}"
            + " ; key clock.allow-unsafe: true or false"
      })
  void a_mistake_is_named_with_file_and_key(String json, String named) {
    assertThatThrownBy(() -> PolicyFile.parse("policies/x.json", json.replace("HEX", HEX)))
        .isInstanceOfSatisfying(
            RefusalException.class,
            e -> {
              assertThat(e.reason().code()).isEqualTo(ReasonCode.CONFIGURATION_INVALID);
              assertThat(e.reason().detail()).contains("policies/x.json").contains(named);
            });
  }

  @ParameterizedTest
  @ValueSource(strings = {"builtin:none", "builtin:../application", "/no/such/file.json", "\0"})
  void a_file_that_is_not_there_is_named(String location) {
    assertThatThrownBy(() -> PolicyFile.load(location))
        .isInstanceOfSatisfying(
            RefusalException.class,
            e -> assertThat(e.reason().code()).isEqualTo(ReasonCode.CONFIGURATION_INVALID));
  }
}
