package dev.serai.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.app.CommandLineTest.Called;
import dev.serai.reason.ReasonCode;
import dev.serai.testing.SwTpm;
import org.junit.jupiter.api.Test;

/** serai tpm info and doctor, as an operator calls them. */
class TpmCommandsTest {
  @Test
  void a_tpm_that_can_be_used_is_exit_0_with_what_to_look_at() throws Exception {
    try (SwTpm software = SwTpm.provisioned()) {
      Called text = CommandLineTest.call("tpm", "doctor", "--tcti", software.tcti());
      assertThat(text.exit()).isZero();
      assertThat(text.out().lines().findFirst())
          .contains("The TPM can be used; look at TPM_SOFTWARE.");
      assertThat(text.out())
          .contains(
              "WARNING TPM_SOFTWARE: a software TPM proves nothing about this machine | remedy: ");
      Called json = CommandLineTest.call("tpm", "doctor", "--json", "--tcti", software.tcti());
      JsonNode report = new ObjectMapper().readTree(json.out());
      assertThat(report.path("healthy").asBoolean()).isTrue();
      assertThat(report.path("findings").get(0).path("code").asText()).isEqualTo("TPM_SOFTWARE");
      Called info = CommandLineTest.call("tpm", "info", "--tcti", software.tcti());
      assertThat(info.exit()).isZero();
    }
  }

  @Test
  void a_tpm_that_is_gone_or_badly_named_is_exit_1_with_code_and_remedy() throws Exception {
    SwTpm software = SwTpm.blank();
    software.close();
    Called gone = CommandLineTest.call("tpm", "doctor", "--json", "--tcti", software.tcti());
    assertThat(gone.exit()).isEqualTo(1);
    JsonNode finding = new ObjectMapper().readTree(gone.out()).path("findings").get(0);
    assertThat(finding.path("severity").asText()).isEqualTo("ERROR");
    assertThat(finding.path("code").asText()).isEqualTo("TPM_UNAVAILABLE");
    Called bad = CommandLineTest.call("tpm", "doctor", "--tcti", "cmd:sh");
    assertThat(bad.exit()).isEqualTo(1);
    assertThat(bad.out().lines().findFirst().orElseThrow())
        .startsWith("The TPM cannot be used. TPM_BAD_TCTI: TCTI \"cmd:sh\"")
        .endsWith("| remedy: correct serai.tpm.tcti, or leave it empty");
    Called info = CommandLineTest.call("tpm", "info", "--tcti", "cmd:sh");
    assertThat(info.exit()).isEqualTo(1);
    assertThat(info.err())
        .startsWith("serai: " + ReasonCode.TPM_BAD_TCTI + ": ")
        .contains("| remedy: correct serai.tpm.tcti");
  }
}
