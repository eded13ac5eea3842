package dev.serai.observability;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.serai.agent.AgentStatus;
import dev.serai.net.SpiffeChannels;
import dev.serai.observability.OtlpReceiver.Received;
import dev.serai.proto.spire.agent.v1.AgentGrpc;
import dev.serai.proto.spire.agent.v1.CreateJoinTokenRequest;
import dev.serai.proto.spire.types.SPIFFEID;
import dev.serai.reason.RefusalException;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.SwTpm;
import io.grpc.ManagedChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** Spans as a collector gets them, from roles that call each other over the network. */
@Tag("slow")
class TracingTest {
  private static final Duration SOON = Duration.ofSeconds(90);

  @TempDir Path dir;
  private final ListAppender<ILoggingEvent> log = new ListAppender<>();
  private final Logger logger = (Logger) LoggerFactory.getLogger("dev.serai");
  private final int collectorPort = SeraiHarness.freePort();
  private final Deque<AutoCloseable> open = new ArrayDeque<>();

  @BeforeEach
  void listen() {
    log.start();
    logger.addAppender(log);
  }

  @AfterEach
  void end() throws Exception {
    while (!open.isEmpty()) {
      open.pop().close();
    }
    logger.detachAppender(log);
  }

  private <T extends AutoCloseable> T closedAtEnd(T closeable) {
    open.push(closeable);
    return closeable;
  }

  private SeraiHarness traced(String role) {
    return SeraiHarness.roles(role)
        .with("serai.tracing.enabled", "true")
        .with("serai.tracing.endpoint", "http://127.0.0.1:" + collectorPort + "/v1/traces");
  }

  private SeraiHarness remote(
      String role, SeraiHarness issuer, ManagedChannel admin, int issuerPort) throws Exception {
    Path token = dir.resolve(role + ".token");
    Files.writeString(
        token,
        AgentGrpc.newBlockingStub(admin)
            .createJoinToken(
                CreateJoinTokenRequest.newBuilder()
                    .setTtl(600)
                    .setAgentId(
                        SPIFFEID
                            .newBuilder()
                            .setTrustDomain("test.example")
                            .setPath("/serai/" + role))
                    .build())
            .getValue());
    return traced(role)
        .with("serai.role.join-token-file", token.toString())
        .with("serai.agent.issuer", "127.0.0.1:" + issuerPort)
        .with("serai.agent.trust-bundle", issuer.setting("serai.agent.trust-bundle"));
  }

  @Test
  void one_attestation_is_one_trace_through_four_processes() throws Exception {
    OtlpReceiver collector = closedAtEnd(new OtlpReceiver(collectorPort));
    SwTpm tpm = closedAtEnd(SwTpm.fresh());
    int issuerPort = SeraiHarness.freePort();
    int verifierPort = SeraiHarness.freePort();
    int registrarTlsPort = SeraiHarness.freePort();
    Path trust = Files.createDirectories(dir.resolve("ek"));
    Files.write(trust.resolve("ca.der"), SwTpm.ekRoot().getEncoded());
    SeraiHarness issuer =
        closedAtEnd(
            traced("issuer")
                .with("serai.issuer.port", Integer.toString(issuerPort))
                .with("serai.issuer.verifier", "127.0.0.1:" + verifierPort)
                .with("serai.issuer.limit.attest-burst", "100")
                .start());
    ManagedChannel admin =
        SpiffeChannels.unix(Path.of(issuer.setting("serai.issuer.admin-socket")));
    closedAtEnd(admin::shutdownNow);
    closedAtEnd(
        remote("registrar", issuer, admin, issuerPort)
            .with("serai.registrar.tls-port", Integer.toString(registrarTlsPort))
            .with("serai.registrar.ek-trust-dir", trust.toString())
            .start());
    closedAtEnd(
        remote("verifier", issuer, admin, issuerPort)
            .with("serai.verifier.port", Integer.toString(verifierPort))
            .with("serai.verifier.registrar", "https://127.0.0.1:" + registrarTlsPort)
            .with("serai.verifier.issuer", "127.0.0.1:" + issuerPort)
            .with("serai.verifier.policy", "builtin:demo")
            .start());
    SeraiHarness agent =
        closedAtEnd(
            traced("agent")
                .with("serai.tpm.tcti", tpm.tcti())
                .with("serai.tpm.allow-software", "true")
                .with("serai.agent.issuer", "127.0.0.1:" + issuerPort)
                .with("serai.agent.trust-bundle", issuer.setting("serai.agent.trust-bundle"))
                .with("serai.agent.registrar", "https://127.0.0.1:" + registrarTlsPort)
                .with("serai.agent.retry-first", "200ms")
                .with("serai.agent.retry-most", "1s")
                .with("serai.agent.denied-retry-first", "500ms")
                .with("serai.agent.denied-retry-most", "1s")
                .start());
    await().atMost(SOON).until(() -> agent.bean("agentStatus", AgentStatus.class).attested());

    // The log says which trace the attestation was; the spans have the same.
    String traceId = appraisedTrace();
    await()
        .atMost(SOON)
        .untilAsserted(
            () -> {
              List<Received> trace = trace(collector, traceId);
              assertThat(trace)
                  .extracting(Received::service)
                  .contains("serai-agent", "serai-issuer", "serai-verifier", "serai-registrar");
              assertThat(trace)
                  .extracting(Received::name)
                  .contains("attest-to-issuer", "attest-agent", "appraise-evidence");
              assertThat(trace)
                  .filteredOn(span -> span.parent().isEmpty())
                  .extracting(Received::service)
                  .containsExactly("serai-agent");
              // Each process delivers when it likes: a span may come before its parent.
              assertCalledFrom(trace, "serai-issuer", "attest-agent", "serai-agent");
              assertCalledFrom(trace, "serai-verifier", "verifier-https", "serai-issuer");
              assertCalledFrom(trace, "serai-registrar", "registrar-https", "serai-verifier");
            });
    for (Received span : collector.spans) {
      assertThat(span.attributes().keySet())
          .isSubsetOf(Set.of("component", "op", "http.status_code", "serai.reason"));
      assertThat(span.events()).isZero();
      assertThat(span.name()).doesNotContain("?").doesNotContain("timer");
    }
    assertThat(
            agent
                .context()
                .meters()
                .get("serai.tracing.spans")
                .tag("result", "delivered")
                .counter()
                .count())
        .isPositive();
  }

  private String appraisedTrace() {
    List<ILoggingEvent> events = List.copyOf(log.list);
    return events.stream()
        .filter(event -> event.getFormattedMessage().startsWith("appraised node="))
        .filter(event -> event.getFormattedMessage().contains("result=trusted"))
        .map(event -> event.getMDCPropertyMap().get("traceId"))
        .findFirst()
        .orElseThrow();
  }

  private static List<Received> trace(OtlpReceiver collector, String traceId) {
    return collector.spans.stream().filter(span -> span.traceId().equals(traceId)).toList();
  }

  /** Each such span of the service has its parent in the other service, among what was received. */
  private static void assertCalledFrom(
      List<Received> trace, String service, String name, String from) {
    List<Received> entries =
        trace.stream()
            .filter(span -> span.service().equals(service) && span.name().equals(name))
            .toList();
    assertThat(entries).as("%s in %s", name, service).isNotEmpty();
    for (Received entry : entries) {
      Optional<Received> parent =
          trace.stream().filter(span -> span.spanId().equals(entry.parent())).findFirst();
      assertThat(parent).as("parent of %s", entry).isPresent();
      assertThat(parent.get().service()).as("parent of %s", entry).isEqualTo(from);
    }
  }

  @Test
  void a_collector_that_is_away_costs_one_line_and_holds_up_nothing() throws Exception {
    SeraiHarness verifier =
        closedAtEnd(traced("verifier").with("serai.verifier.policy", "builtin:demo").start());
    for (int i = 0; i < 5_000; i++) { // more than wait for the collector
      verifier.template().requestBody("direct:list-watched", "");
    }
    await().atMost(SOON).until(() -> lost(verifier) >= 2 * 256);
    assertThat(lines("tracing cannot deliver")).isEqualTo(1);
    OtlpReceiver collector = closedAtEnd(new OtlpReceiver(collectorPort));
    await()
        .atMost(SOON)
        .until(
            () -> {
              verifier.template().requestBody("direct:list-watched", "");
              return !collector.spans.isEmpty();
            });
    await().atMost(SOON).until(() -> lines("again") == 1);
    assertThat(lines("tracing cannot deliver")).isEqualTo(1);
  }

  private static double lost(SeraiHarness process) {
    return process
        .context()
        .meters()
        .get("serai.tracing.spans")
        .tag("result", "lost")
        .counter()
        .count();
  }

  private long lines(String part) {
    return List.copyOf(log.list).stream()
        .filter(event -> event.getLoggerName().startsWith("dev.serai.tracing"))
        .filter(event -> event.getFormattedMessage().contains(part))
        .filter(event -> event.getLevel().isGreaterOrEqual(Level.INFO))
        .count();
  }

  @Test
  void what_is_no_collector_or_no_ratio_stops_the_start() {
    for (Map.Entry<String, String> wrong :
        Map.of(
                "serai.tracing.endpoint", "collector:4318",
                "serai.tracing.ratio", "2")
            .entrySet()) {
      SeraiHarness process =
          SeraiHarness.roles("verifier")
              .with("serai.tracing.enabled", "true")
              .with(wrong.getKey(), wrong.getValue());
      open.push(process);
      assertThatThrownBy(process::start)
          .isInstanceOf(RefusalException.class)
          .hasMessageContaining(wrong.getKey());
    }
  }
}
