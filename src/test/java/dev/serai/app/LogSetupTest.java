package dev.serai.app;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LoggingEvent;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Map;
import org.junit.jupiter.api.Test;

class LogSetupTest {
  private static LoggingEvent event(String message) {
    LoggingEvent event = new LoggingEvent();
    event.setLoggerContext(new LoggerContext());
    event.setLoggerName("dev.serai.x");
    event.setThreadName("t");
    event.setLevel(Level.INFO);
    event.setTimeStamp(0);
    event.setMessage(message);
    event.setMDCPropertyMap(Map.of("traceId", "abc"));
    return event;
  }

  @Test
  void text_is_one_line_with_the_trace_whatever_the_message_holds() {
    String line = new LogSetup.TextLayout().doLayout(event("a \"b\"\nlevel=ERROR forged"));
    assertThat(line)
        .startsWith("time=1970-01-01T00:00:00Z level=INFO trace=abc logger=dev.serai.x")
        .endsWith("msg=\"a \\\"b\\\"\\nlevel=ERROR forged\"\n");
    assertThat(line.lines()).hasSize(1);
  }

  @Test
  void json_is_one_object_on_one_line() throws Exception {
    String line = new LogSetup.JsonLayout().doLayout(event("a \"b\"\nc"));
    assertThat(line.lines()).hasSize(1);
    JsonNode json = new ObjectMapper().readTree(line);
    assertThat(json.path("msg").asText()).isEqualTo("a \"b\"\nc");
    assertThat(json.path("trace").asText()).isEqualTo("abc");
    assertThat(json.path("level").asText()).isEqualTo("INFO");
  }
}
