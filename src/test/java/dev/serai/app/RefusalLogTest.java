package dev.serai.app;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** What a refusal that goes on and on leaves in the log. */
class RefusalLogTest {
  private final ListAppender<ILoggingEvent> lines = new ListAppender<>();
  private final Logger logger = (Logger) LoggerFactory.getLogger(RefuseProcessor.class);
  private Instant now = Instant.EPOCH;
  private final RefusalLog log = new RefusalLog(() -> now);

  @BeforeEach
  void listen() {
    lines.start();
    logger.addAppender(lines);
  }

  @AfterEach
  void end() {
    logger.detachAppender(lines);
    logger.setLevel(null);
  }

  private void refuse(String route, ReasonCode code) {
    log.tell(route, new Reason(code, "again"), "0".repeat(32), new IllegalStateException("x"));
  }

  private List<String> said() {
    return lines.list.stream().map(ILoggingEvent::getFormattedMessage).toList();
  }

  @Test
  void an_hour_of_the_same_refusal_is_a_few_lines_and_a_count() {
    for (int i = 0; i < 3600; i++) {
      refuse("sync-entries", ReasonCode.ISSUER_UNREACHABLE);
      now = now.plusSeconds(1);
    }
    assertThat(said()).hasSizeBetween(60, 130).last().asString().contains("left-out=");
    assertThat(said().subList(0, 5)).noneMatch(line -> line.contains("left-out"));
  }

  @Test
  void another_code_and_another_route_are_told_all_the_same() {
    for (int i = 0; i < 100; i++) {
      refuse("sync-entries", ReasonCode.ISSUER_UNREACHABLE);
    }
    refuse("sync-entries", ReasonCode.NODE_BANNED);
    refuse("attest-agent", ReasonCode.ISSUER_UNREACHABLE);
    assertThat(said()).hasSize(7);
    assertThat(said().get(5)).startsWith("refused code=NODE_BANNED route=sync-entries");
  }

  @Test
  void a_bug_that_repeats_prints_few_stacks() {
    for (int i = 0; i < 1000; i++) {
      refuse("attest-agent", ReasonCode.INTERNAL_ERROR);
    }
    assertThat(lines.list)
        .hasSize(5)
        .allMatch(event -> event.getLevel() == Level.ERROR && event.getThrowableProxy() != null);
  }

  @Test
  void debug_shows_all_of_them() {
    logger.setLevel(Level.DEBUG);
    for (int i = 0; i < 20; i++) {
      refuse("sync-entries", ReasonCode.ISSUER_UNREACHABLE);
    }
    assertThat(lines.list).hasSize(20);
  }

  @Test
  void a_clock_that_goes_back_silences_nothing_for_long() {
    now = Instant.EPOCH.plusSeconds(100_000);
    for (int i = 0; i < 10; i++) {
      refuse("sync-entries", ReasonCode.ISSUER_UNREACHABLE);
    }
    now = Instant.EPOCH;
    refuse("sync-entries", ReasonCode.ISSUER_UNREACHABLE);
    now = now.plusSeconds(31);
    refuse("sync-entries", ReasonCode.ISSUER_UNREACHABLE);
    assertThat(said()).hasSize(6).last().asString().contains("left-out=6");
  }
}
