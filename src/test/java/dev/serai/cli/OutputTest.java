package dev.serai.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class OutputTest {
  private static final String HOSTILE = "n1\nstate: TRUSTED\u001b[2J\u009b1A\u202e";

  @Test
  void a_value_can_neither_add_a_line_nor_steer_the_terminal() {
    assertThat(Output.facts(Map.of("reason", HOSTILE)))
        .isEqualTo("reason: n1?state: TRUSTED?[2J?1A?\n");
    assertThat(Output.facts(Map.of("reason", List.of(HOSTILE))).lines()).hasSize(1);
    assertThat(Output.table(List.of("ID"), List.of(List.of(HOSTILE))))
        .isEqualTo("ID\nn1?state: TRUSTED?[2J?1A?\n");
  }
}
