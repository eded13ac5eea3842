package dev.serai.watching;

import dev.serai.appraisal.AppraisalJson;
import dev.serai.appraisal.NodeRecord;
import dev.serai.appraisal.NodeWatch;
import dev.serai.appraisal.StateReport;
import dev.serai.appraisal.Verdict;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.Role;
import dev.serai.role.RoleContext;
import dev.serai.testing.SeraiHarness;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/** The verifier role as shipped, between a registrar and an issuer that belong to the test. */
final class WatchFixture implements AutoCloseable {
  final Map<String, NodeRecord> registrar = new ConcurrentHashMap<>();
  final List<StateReport> reports = new CopyOnWriteArrayList<>();
  volatile boolean registrarAway;
  volatile boolean issuerAway;
  private volatile Duration offset = Duration.ZERO;
  private final Path state;
  private final Map<String, String> settings;
  private final Map<String, Processor> planted;
  SeraiHarness serai;

  /**
   * @param settings pairs of key and value
   */
  WatchFixture(Path state, Map<String, String> settings) {
    this(state, settings, Map.of());
  }

  /**
   * @param planted processors in the place of beans
   */
  WatchFixture(Path state, Map<String, String> settings, Map<String, Processor> planted) {
    this.state = state;
    this.settings = settings;
    this.planted = planted;
    try {
      Files.writeString(
          state.resolve("policy.json"),
          """
          {"name":"test","pcrs":{"sha256":{"0":"recorded-at-enrolment","7":"%s"}},
           "clock":{"reboot-needs-attestation":true}}
          """
              .formatted("00".repeat(32)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    open();
  }

  void open() {
    SeraiHarness harness =
        SeraiHarness.roles("verifier")
            .withStateDir(state)
            .withClock(() -> Instant.now().plus(offset))
            .with("serai.verifier.policy", state.resolve("policy.json").toString())
            .with("serai.verifier.interval", "200ms")
            .with("serai.verifier.quote-deadline", "20s")
            .with("serai.verifier.longest-back-off", "400ms")
            .with("serai.verifier.tick", "50ms")
            .with("serai.verifier.allow-clear-agents", "true")
            .with("serai.hop.node-record", "direct:test-registrar")
            .with("serai.hop.verdict", "direct:test-issuer");
    settings.forEach(harness::with);
    serai = harness.withRole(new Neighbours()).withRoutes(routes()).start();
  }

  private Path routes() {
    try {
      Path routes = Files.createDirectories(state.resolve("routes"));
      for (String name : List.of("test-registrar", "test-issuer")) {
        Files.writeString(
            routes.resolve(name + ".camel.yaml"),
            """
            - route:
                id: %1$s
                from:
                  uri: direct:%1$s
                  steps:
                    - process:
                        ref: %1$s
            """
                .formatted(name));
      }
      return routes;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A registrar and an issuer. */
  private final class Neighbours implements Role {
    @Override
    public String name() {
      return "neighbours";
    }

    @Override
    public void bind(RoleContext context) {
      context.bind("test-registrar", (Processor) WatchFixture.this::lookup);
      context.bind("test-issuer", (Processor) WatchFixture.this::apply);
      planted.forEach(
          (bean, instead) -> {
            context.camel().getRegistry().unbind(bean);
            context.bind(bean, instead);
          });
    }
  }

  private void lookup(Exchange exchange) {
    if (registrarAway) {
      throw new RefusalException(ReasonCode.REGISTRAR_UNREACHABLE, "away");
    }
    NodeRecord node = registrar.get(exchange.getMessage().getBody(String.class));
    if (node == null) {
      throw new RefusalException(ReasonCode.NODE_UNKNOWN, "not enrolled");
    }
    exchange.getMessage().setBody(node);
  }

  private void apply(Exchange exchange) throws InvalidPayloadException {
    if (issuerAway) {
      throw new RefusalException(ReasonCode.ISSUER_UNREACHABLE, "away");
    }
    reports.add(exchange.getMessage().getMandatoryBody(StateReport.class));
  }

  void advance(Duration by) {
    offset = offset.plus(by);
  }

  /** The node is enrolled and has just been trusted. */
  void attested(NodeRecord node) {
    attest(node);
  }

  /** What the issuer would get. */
  Object attest(NodeRecord node) {
    registrar.put(node.nodeId(), node);
    try {
      Verdict trusted =
          AppraisalJson.readVerdict(
              """
              {"trusted":true,"node_id":"%s","ek_name":"%s","ak_name":"%s",
               "clock":{"clock_ms":1,"reset_count":5,"restart_count":1,"safe":true},
               "firmware_version":"1","pcrs":{"sha256":{"0":"%s"}},"policy":"test",
               "baseline":{"recorded":{}}}
              """
                  .formatted(
                      node.nodeId(),
                      node.ek().name().toHex(),
                      node.ak().name().toHex(),
                      "00".repeat(32)));
      return serai.template().requestBody("direct:watch-from-now", trusted);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  NodeWatch.Watched watched(String id) {
    return serai.bean("nodeWatch", NodeWatch.class).byId(id).orElseThrow();
  }

  List<StateReport> reports(String id) {
    return reports.stream().filter(report -> report.nodeId().equals(id)).toList();
  }

  @Override
  public void close() {
    serai.close();
  }
}
