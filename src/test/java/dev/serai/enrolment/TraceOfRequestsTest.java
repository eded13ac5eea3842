package dev.serai.enrolment;

import static org.assertj.core.api.Assertions.assertThat;

import dev.serai.keylime.HttpAnswer;
import dev.serai.role.Role;
import dev.serai.role.RoleContext;
import dev.serai.role.TraceId;
import dev.serai.testing.SeraiHarness;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.camel.Processor;
import org.junit.jupiter.api.Test;
import org.slf4j.MDC;

class TraceOfRequestsTest {
  private final List<String> seen = new CopyOnWriteArrayList<>();

  @Test
  void each_request_of_one_connection_has_a_trace_id_of_its_own() {
    Role listening =
        new Role() {
          @Override
          public String name() {
            return "listening";
          }

          @Override
          public void bind(RoleContext context) {
            context.camel().getRegistry().unbind("answerRegistrarVersions");
            context.bind(
                "answerRegistrarVersions",
                (Processor)
                    exchange -> {
                      seen.add(TraceId.of(exchange));
                      assertThat(MDC.get(TraceId.VARIABLE)).isEqualTo(TraceId.of(exchange));
                      exchange.getMessage().setBody(HttpAnswer.empty(200));
                    });
          }
        };
    try (SeraiHarness serai = SeraiHarness.roles("registrar").withRole(listening).start()) {
      String base = "http://127.0.0.1:" + serai.port("serai.registrar.port");
      for (int i = 0; i < 5; i++) {
        assertThat(Http.send(base, "GET", "/version", "").status()).isEqualTo(200);
      }
    }
    assertThat(seen).hasSize(5).doesNotHaveDuplicates();
  }
}
