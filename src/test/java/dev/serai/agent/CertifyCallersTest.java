package dev.serai.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.spiffe.TrustDomain;
import dev.serai.testing.TestAuthority;
import java.net.InetAddress;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Who may have the App Key certified, and how often. */
class CertifyCallersTest {
  private static final TestAuthority AUTHORITY = new TestAuthority("test.example");
  private static final Optional<InetAddress> LOOPBACK =
      Optional.of(InetAddress.getLoopbackAddress());
  private Instant now = Instant.parse("2026-11-26T10:20:40Z");

  private CertifyCallers callers(String... allowed) {
    InstantSource clock = () -> now;
    return new CertifyCallers(
        List.of(allowed),
        TrustDomain.parse("test.example"),
        new TokenBuckets(10 / 60.0, 10),
        clock);
  }

  private static X509Certificate svid(String path) {
    return AUTHORITY.material(path).chain().get(0);
  }

  private static void assertRefused(
      ReasonCode code, CertifyCallers callers, Optional<InetAddress> from, X509Certificate caller) {
    assertThatThrownBy(() -> callers.require(from, caller))
        .isInstanceOfSatisfying(
            RefusalException.class, e -> assertThat(e.reason().code()).isEqualTo(code));
  }

  @Test
  void an_address_or_an_id_on_the_list_is_enough_and_nothing_else() throws Exception {
    Optional<InetAddress> far = Optional.of(InetAddress.getByName("192.0.2.1"));
    CertifyCallers callers = callers("127.0.0.1", "/serai/verifier");
    callers.require(LOOPBACK, svid("/other"));
    callers.require(far, svid("/serai/verifier"));
    callers.require(Optional.empty(), svid("/serai/verifier"));
    assertRefused(ReasonCode.CALLER_NOT_ALLOWED, callers, far, svid("/other"));
    assertRefused(ReasonCode.CALLER_NOT_ALLOWED, callers, Optional.empty(), svid("/other"));
    X509Certificate foreign =
        new TestAuthority("foreign.example").material("/serai/verifier").chain().get(0);
    assertRefused(ReasonCode.CALLER_NOT_ALLOWED, callers, far, foreign);
    assertRefused(ReasonCode.CALLER_NOT_ALLOWED, callers(), LOOPBACK, svid("/serai/verifier"));
  }

  @Test
  void n42_a_flood_of_one_caller_is_429_for_it_alone_and_refused_calls_cost_nothing() {
    CertifyCallers callers = callers("127.0.0.1");
    X509Certificate loud = svid("/loud");
    for (int i = 0; i < 10; i++) {
      callers.require(LOOPBACK, loud);
    }
    for (int i = 0; i < 1000; i++) {
      assertRefused(ReasonCode.RATE_LIMITED, callers, LOOPBACK, loud);
    }
    callers.require(LOOPBACK, svid("/quiet")); // of the same address
    now = now.plusSeconds(7);
    callers.require(LOOPBACK, loud);
    assertRefused(ReasonCode.RATE_LIMITED, callers, LOOPBACK, loud);
  }
}
