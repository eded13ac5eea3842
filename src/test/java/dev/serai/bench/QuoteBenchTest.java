package dev.serai.bench;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.testing.SwTpm;
import org.junit.jupiter.api.Test;

class QuoteBenchTest {

  @Test
  void gives_one_line_of_figures_and_leaves_nothing_in_the_tpm() throws Exception {
    try (SwTpm software = SwTpm.blank()) {
      String line = QuoteBench.run(software.tcti(), 4, 16);
      assertThat(line).doesNotContain("\n");
      JsonNode figures = new ObjectMapper().readTree(line);
      for (String key : new String[] {"ecdsa_p256_", "rsassa_2048_"}) {
        assertThat(figures.get(key + "serai_us").asDouble()).isPositive();
        assertThat(figures.get(key + "esys_us").asDouble()).isPositive();
        assertThat(figures.get(key + "tpm2_quote_us").asDouble()).isPositive();
      }
      assertThat(software.tool("tpm2_getcap", "handles-transient")).isEmpty();
      assertThat(software.tool("tpm2_getcap", "handles-persistent")).isEmpty();
    }
  }
}
