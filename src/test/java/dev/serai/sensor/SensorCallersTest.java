package dev.serai.sensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.RateLimits;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import org.apache.camel.Exchange;
import org.apache.camel.component.netty.NettyConstants;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.support.DefaultExchange;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SensorCallersTest {
  private static final String TOKEN = "0123456789abcdef0123456789abcdef";
  private static final int BURST = 3;

  @TempDir Path dir;
  private ReadSensorCallProcessor step;

  @BeforeEach
  void make() throws Exception {
    Path file = Files.writeString(dir.resolve("token"), TOKEN + "\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    step =
        new ReadSensorCallProcessor(
            Optional.of(BearerToken.of(Optional.of(file), null)),
            Set.of(),
            new RateLimits("requests", 1, BURST, () -> Instant.EPOCH),
            new SidecarMeters());
  }

  private void call(String authorization) {
    Exchange exchange = new DefaultExchange(new DefaultCamelContext());
    exchange.getMessage().setHeader(Exchange.HTTP_METHOD, "POST");
    exchange.getMessage().setHeader(Exchange.HTTP_PATH, "/verify");
    exchange
        .getMessage()
        .setHeader(
            NettyConstants.NETTY_REMOTE_ADDRESS,
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 40_000));
    if (!authorization.isEmpty()) {
      exchange.getMessage().setHeader("Authorization", authorization);
    }
    step.process(exchange);
    assertThat(exchange.getMessage().getBody()).isInstanceOf(SensorCall.class);
  }

  private void refused(String authorization, ReasonCode code) {
    assertThatThrownBy(() -> call(authorization))
        .isInstanceOfSatisfying(
            RefusalException.class, e -> assertThat(e.reason().code()).isEqualTo(code));
  }

  /** All callers on loopback have one address. */
  @Test
  void who_has_no_token_does_not_use_up_the_calls_of_those_who_have_it() {
    for (int i = 0; i < BURST; i++) {
      refused(i % 2 == 0 ? "" : "Bearer wrong", ReasonCode.CALLER_NOT_AUTHENTICATED);
    }
    refused("", ReasonCode.RATE_LIMITED);
    for (int i = 0; i < BURST; i++) {
      call("Bearer " + TOKEN);
    }
    refused("Bearer " + TOKEN, ReasonCode.RATE_LIMITED);
  }
}
