package dev.serai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.serai.agent.AgentStatus;
import dev.serai.claims.Claims;
import dev.serai.claims.ClaimsExtension;
import dev.serai.net.SpiffeChannels;
import dev.serai.proto.serai.v1.NodeView;
import dev.serai.proto.serai.v1.NodesGrpc;
import dev.serai.proto.serai.v1.ShowNodeRequest;
import dev.serai.proto.spire.entry.v1.BatchCreateEntryRequest;
import dev.serai.proto.spire.entry.v1.EntryGrpc;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.SPIFFEID;
import dev.serai.proto.spire.types.Selector;
import dev.serai.proto.spire.types.SovereignAttestation;
import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc;
import dev.serai.proto.workload.X509SVIDRequest;
import dev.serai.proto.workload.X509SVIDResponse;
import dev.serai.reason.ReasonCode;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.SwTpm;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import io.spiffe.workloadapi.DefaultX509Source;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** All roles and a software TPM, on a machine that has to say where it is. */
@Tag("slow")
class LocatedNodeTest {
  private static final Duration SOON = Duration.ofSeconds(90);

  @TempDir Path dir;
  private final SwTpm swtpm = SwTpm.fresh();
  private Path site;
  private SeraiHarness serai;
  private ManagedChannel admin;
  private ManagedChannel workload;

  @BeforeEach
  void start() throws Exception {
    Path trust = Files.createDirectories(dir.resolve("ek"));
    Files.writeString(
        trust.resolve("ca.pem"),
        "-----BEGIN CERTIFICATE-----\n"
            + Base64.getMimeEncoder(64, new byte[] {'\n'})
                .encodeToString(SwTpm.ekRoot().getEncoded())
            + "\n-----END CERTIFICATE-----\n");
    Path policy = dir.resolve("policy.json");
    Files.writeString(
        policy,
        """
        {"name":"located","pcrs":{"sha256":{"7":"recorded-at-enrolment"}},
         "clock":{"allow-unsafe":true},
         "location":{"regions":{"madrid":{"circle":
             {"latitude":40.4,"longitude":-3.7,"radius-metres":20000}}},
           "default":{"need":"required","regions":["madrid"],"max-age":"30s",
             "sensors":["gnss:rack-12:SN-0815"],"device-check":"policy"}}}
        """);
    site = dir.resolve("site.json");
    plugIn();
    int tlsPort = SeraiHarness.freePort();
    serai =
        SeraiHarness.roles("issuer", "registrar", "verifier", "agent")
            .with("serai.registrar.tls-port", Integer.toString(tlsPort))
            .with("serai.agent.registrar", "https://127.0.0.1:" + tlsPort)
            .with("serai.tpm.tcti", swtpm.tcti())
            .with("serai.tpm.allow-software", "true")
            .with("serai.registrar.ek-trust-dir", trust.toString())
            .with("serai.verifier.policy", policy.toString())
            .with("serai.verifier.interval", "1s")
            .with("serai.verifier.tick", "200ms")
            .with("serai.issuer.challenge-location", "true")
            .with("serai.issuer.limit.attest", "100")
            .with("serai.issuer.limit.attest-burst", "100")
            .with("serai.agent.location.sensors", "file")
            .with("serai.agent.location.file", site.toString())
            .with("serai.agent.retry-first", "200ms")
            .with("serai.agent.retry-most", "1s")
            .with("serai.agent.denied-retry-first", "500ms")
            .with("serai.agent.denied-retry-most", "1s")
            .start();
    admin = SpiffeChannels.unix(Path.of(serai.setting("serai.issuer.admin-socket")));
    workload = SpiffeChannels.unix(Path.of(serai.setting("serai.agent.workload-socket")));
  }

  @AfterEach
  void end() {
    workload.shutdownNow();
    admin.shutdownNow();
    serai.close();
    swtpm.close();
  }

  private void plugIn() throws Exception {
    Path fresh = dir.resolve("site.new");
    Files.writeString(
        fresh,
        """
        {"type":"gnss","sensor_id":"rack-12","sensor_serial_number":"SN-0815","source":"file",
         "latitude":40.4168,"longitude":-3.7038,"accuracy":10}
        """);
    Files.setPosixFilePermissions(fresh, PosixFilePermissions.fromString("rw-------"));
    Files.move(fresh, site);
  }

  private void unplug() throws Exception {
    Files.delete(site);
  }

  private AgentStatus agent() {
    return serai.bean("agentStatus", AgentStatus.class);
  }

  private NodeView node() {
    return NodesGrpc.newBlockingStub(admin)
        .show(ShowNodeRequest.newBuilder().setId(agent().nodeId().orElseThrow()).build());
  }

  private static SPIFFEID id(String path) {
    return SPIFFEID.newBuilder().setTrustDomain("test.example").setPath(path).build();
  }

  private void createEntry() {
    String uid = Long.toString(new com.sun.security.auth.module.UnixSystem().getUid());
    EntryGrpc.newBlockingStub(admin)
        .batchCreateEntry(
            BatchCreateEntryRequest.newBuilder()
                .addEntries(
                    Entry.newBuilder()
                        .setSpiffeId(id("/app"))
                        .setParentId(
                            id("/spire/agent/unified_identity/" + agent().nodeId().orElseThrow()))
                        .addSelectors(Selector.newBuilder().setType("unix").setValue("uid:" + uid)))
                .build());
  }

  private X509SVIDResponse fetch() {
    Metadata header = new Metadata();
    header.put(Metadata.Key.of("workload.spiffe.io", Metadata.ASCII_STRING_MARSHALLER), "true");
    return SpiffeWorkloadAPIGrpc.newBlockingStub(workload)
        .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(header))
        .withDeadlineAfter(20, TimeUnit.SECONDS)
        .fetchX509SVID(
            X509SVIDRequest.newBuilder()
                .setSovereignAttestation(
                    SovereignAttestation.newBuilder().setKeylimeAgentUuid("somebody-else"))
                .build())
        .next();
  }

  @Test
  void a_node_has_its_identities_while_its_location_is_proven_and_no_longer() throws Exception {
    await()
        .atMost(SOON)
        .ignoreExceptions()
        .until(() -> agent().attested() && node().getState().equals("TRUSTED"));
    createEntry();
    X509SVIDResponse answer =
        await().atMost(SOON).ignoreExceptions().until(this::fetch, a -> a.getSvidsCount() == 1);
    assertThat(answer.getAttestedClaims(0).getGeolocation()).contains("\"region\":\"madrid\"");
    assertThat(answer.toByteString().toString(StandardCharsets.ISO_8859_1))
        .doesNotContain("40.4168", "3.7038", "SN-0815", "rack-12");
    X509Certificate leaf = stockClientsLeaf();
    Claims claims = ClaimsExtension.read(leaf).orElseThrow();
    Claims.Geolocation place = claims.geolocation().orElseThrow();
    assertThat(place.region()).contains("madrid");
    assertThat(place.assurance().orElseThrow().word()).isEqualTo("claimed");
    assertThat(leaf.getNotAfter().toInstant())
        .isBeforeOrEqualTo(place.validUntil().orElseThrow())
        .isBefore(Instant.now().plusSeconds(31));
    isRenewedInTime(leaf);

    unplug();
    await()
        .atMost(SOON)
        .ignoreExceptions()
        .untilAsserted(
            () -> {
              NodeView lost = node();
              assertThat(lost.getState()).isEqualTo("UNTRUSTED");
              assertThat(lost.getReasons(0).getCode())
                  .isEqualTo(ReasonCode.LOCATION_MISSING.name());
            });
    await().atMost(SOON).until(() -> code() == Status.Code.PERMISSION_DENIED);

    plugIn();
    await()
        .atMost(SOON)
        .ignoreExceptions()
        .until(() -> agent().attested() && node().getState().equals("TRUSTED"));
    await().atMost(SOON).until(() -> code() == Status.Code.OK);
  }

  /** The node attests before its location ends, and its workload has the next SVID before, too. */
  private void isRenewedInTime(X509Certificate first) {
    Instant end = first.getNotAfter().toInstant();
    await()
        .atMost(SOON)
        .untilAsserted(
            () -> {
              X509Certificate served = stockClientsLeaf();
              Instant now = Instant.now();
              assertThat(served.getNotAfter().toInstant()).isAfter(now);
              assertThat(served.getNotAfter().toInstant()).isAfter(end);
              assertThat(served.getNotBefore().toInstant()).isBefore(end);
            });
    assertThat(agent().attested()).isTrue();
  }

  private Status.Code code() {
    try {
      return fetch().getSvidsCount() > 0 ? Status.Code.OK : Status.Code.UNKNOWN;
    } catch (StatusRuntimeException e) {
      return e.getStatus().getCode();
    }
  }

  /** As java-spiffe takes and validates it. */
  private X509Certificate stockClientsLeaf() throws Exception {
    var options =
        DefaultX509Source.X509SourceOptions.builder()
            .spiffeSocketPath("unix:" + serai.setting("serai.agent.workload-socket"))
            .initTimeout(Duration.ofSeconds(60))
            .build();
    try (DefaultX509Source source = DefaultX509Source.newSource(options)) {
      return source.getX509Svid().getLeaf();
    }
  }
}
