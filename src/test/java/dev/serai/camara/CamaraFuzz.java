package dev.serai.camara;

import static org.assertj.core.api.Assertions.assertThat;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/** What an operator answers. */
public final class CamaraFuzz {
  private static final Instant NOW = Instant.parse("2026-11-24T12:00:00Z");

  private CamaraFuzz() {}

  private static OperatorReply reply(byte[] in) {
    return new OperatorReply(200, Bytes.copyOf(in), Optional.empty());
  }

  public static void camara(byte[] in) throws MalformedStructureException {
    check(LocationDialect.CAMARA.read(Bytes.copyOf(in)));
  }

  public static void v0(byte[] in) throws MalformedStructureException {
    check(LocationDialect.V0.read(Bytes.copyOf(in)));
  }

  private static void check(OperatorVerdict verdict) {
    assertThat(verdict.isTrue() && verdict.isFalse()).isFalse();
    verdict.matchRate().ifPresent(rate -> assertThat(rate).isBetween(0, 100));
  }

  public static void grant(byte[] in) throws MalformedStructureException {
    AccessTokens.Grant grant = AccessTokens.Grant.of(reply(in), NOW);
    assertThat(grant.until()).isAfter(NOW).isBefore(NOW.plus(Duration.ofMinutes(11)));
    assertThat(grant.toString()).matches("Grant\\[requestId=Secret, until=\\S+, interval=\\S+\\]");
  }

  public static void token(byte[] in) throws MalformedStructureException {
    AccessTokens.Given given = AccessTokens.Given.of(reply(in));
    assertThat(given.life()).isBetween(Duration.ofSeconds(1), Duration.ofHours(24));
  }

  /** The body of an error, then a line end and the header Retry-After. */
  public static void error(byte[] in) {
    String text = Bytes.copyOf(in).toText();
    int end = text.indexOf('\n');
    String header = end < 0 ? text : text.substring(end + 1);
    OperatorReply reply =
        new OperatorReply(
            429, Bytes.ofText(end < 0 ? text : text.substring(0, end)), Optional.of(header));
    assertThat(reply.code()).matches("[A-Za-z_.]{0,64}");
    assertThat(reply.pause(NOW)).isBetween(Duration.ofSeconds(1), Duration.ofHours(1));
  }
}
