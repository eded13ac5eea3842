package dev.serai.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.serai.audit.Audit;
import dev.serai.audit.AuditKind;
import dev.serai.audit.AuditRecord;
import dev.serai.net.SpiffeChannels;
import dev.serai.proto.envoy.auth.v3.AuthorizationGrpc;
import dev.serai.proto.envoy.auth.v3.CheckResponse;
import dev.serai.proto.envoy.auth.v3.HeaderValueOption.HeaderAppendAction;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.Refused;
import dev.serai.role.RoleHealth;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.TestAuthority;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.support.DefaultExchange;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The gate as a proxy asks it: gRPC over mTLS, and a sensor service over mTLS behind it. */
@Tag("slow")
class GateTest {
  /** Of this test alone: the gate remembers devices. */
  private final String device = device();

  private static String device() {
    return UUID.randomUUID().toString().replace("-", "");
  }

  @TempDir Path dir;
  private static GateFixture asShipped;
  private GateFixture gate;

  @BeforeAll
  static void start() throws Exception {
    asShipped = new GateFixture(Map.of());
  }

  @AfterAll
  static void stop() {
    asShipped.close();
  }

  /** With the settings that are shipped; its clock stays where it is. */
  private void open() {
    gate = asShipped;
    gate.sensor.asked.clear();
    gate.sensor.status = 200;
    gate.sensor.reason = "";
    gate.sensor.answer = "{\"verification_result\":true}";
  }

  private GateFixture open(String... pairs) throws Exception {
    Map<String, String> settings = new HashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      settings.put(pairs[i], pairs[i + 1]);
    }
    gate = new GateFixture(settings);
    return gate;
  }

  @AfterEach
  void close() {
    if (gate != null && gate != asShipped) {
      gate.close();
    }
  }

  private static void assertDenied(CheckResponse answer, int status, String body, ReasonCode code) {
    assertThat(answer.getStatus().getMessage()).isEqualTo(code.name());
    assertThat(answer.getStatus().getCode()).isNotZero();
    assertThat(answer.hasOkResponse()).isFalse();
    assertThat(answer.getDeniedResponse().getStatus().getCode()).isEqualTo(status);
    assertThat(answer.getDeniedResponse().getBody()).isEqualTo(body);
    assertThat(answer.getDeniedResponse().getHeaders(0).getHeader().getValue())
        .isEqualTo(code.name());
  }

  private static void assertAllowed(CheckResponse answer) {
    assertThat(answer.getStatus().getCode()).as(answer.toString()).isZero();
    assertThat(answer.hasOkResponse()).isTrue();
  }

  private double denials(ReasonCode code) {
    return gate.serai
        .context()
        .meters()
        .get("serai.gate.denials")
        .tag("reason", code.name())
        .counter()
        .count();
  }

  @Test
  void a_workload_with_a_confirmed_location_passes_and_the_service_behind_learns_who_it_is()
      throws Exception {
    open();
    CheckResponse answer = gate.check(gate.svids.svid(Svids.mobile("claimed", device)));

    assertAllowed(answer);
    assertThat(GateFixture.header(answer, "x-serai-spiffe-id")).isEqualTo(Svids.ID);
    assertThat(GateFixture.header(answer, "x-serai-region")).isEqualTo("madrid");
    assertThat(GateFixture.header(answer, "x-serai-assurance")).isEqualTo("operator-verified");
    assertThat(answer.getOkResponse().getHeadersToRemoveList()).contains("x-forwarded-client-cert");
    assertThat(answer.getOkResponse().getHeadersList())
        .as("what the client wrote under these names is replaced, whatever the proxy's default is")
        .hasSize(3)
        .allMatch(
            header -> header.getAppendAction() == HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD);
    assertThat(gate.sensor.asked).hasSize(1);
    assertThat(gate.sensor.asked.get(0))
        .contains("\"device\":\"" + device + "\"")
        .contains("\"sensor_type\":\"mobile\"")
        .contains("\"skip_cache\":false");
  }

  @Test
  void without_a_certificate_nobody_passes() throws Exception {
    open();
    assertDenied(
        gate.check("", Map.of()),
        403,
        "Client certificate required",
        ReasonCode.GATE_NO_CERTIFICATE);
    assertThat(gate.sensor.asked).isEmpty();
  }

  @Test
  void n35_a_header_that_the_client_wrote_is_nothing() throws Exception {
    open();
    double before = denials(ReasonCode.GATE_CLAIM_MISSING);
    String spoofed = Svids.encoded(gate.svids.svid(Svids.mobile("both", device)));
    Map<String, String> headers =
        Map.of("x-forwarded-client-cert", "Cert=\"" + spoofed + "\"", "x-serai-region", "madrid");
    assertDenied(
        gate.check("", headers),
        403,
        "Client certificate required",
        ReasonCode.GATE_NO_CERTIFICATE);
    assertDenied(
        gate.check(Svids.encoded(gate.svids.svid(Svids.WORKLOAD_ONLY)), headers),
        403,
        "Geo Claim Missing",
        ReasonCode.GATE_CLAIM_MISSING);
    assertThat(denials(ReasonCode.GATE_CLAIM_MISSING)).isEqualTo(before + 1);
  }

  @Test
  void n35_a_sanitized_header_counts_where_that_is_configured_and_an_appended_one_does_not()
      throws Exception {
    open("serai.gate.certificate", "xfcc", "serai.gate.mode", "trust");
    String good = Svids.encoded(gate.svids.svid(Svids.mobile("operator-verified", device)));
    String poor = Svids.encoded(gate.svids.svid(Svids.WORKLOAD_ONLY));
    String element = "By=spiffe://test.example/envoy/edge;Hash=00;Cert=\"%s\";URI=" + Svids.ID;
    assertAllowed(gate.check("", Map.of("x-forwarded-client-cert", element.formatted(good))));
    for (String header :
        List.of(
            element.formatted(good) + "," + element.formatted(poor),
            element.formatted(poor) + "," + element.formatted(good),
            "Cert=\"" + poor + "\";Cert=\"" + good + "\"",
            "Cert=\"" + good)) {
      assertDenied(
          gate.check("", Map.of("x-forwarded-client-cert", header)),
          403,
          "Client certificate not trusted",
          ReasonCode.GATE_CERTIFICATE_INVALID);
    }
    assertDenied(
        gate.check("", Map.of("x-forwarded-client-cert", "Hash=00;Chain=\"" + good + "\"")),
        403,
        "Client certificate required",
        ReasonCode.GATE_NO_CERTIFICATE);
    assertDenied(
        gate.check(good, Map.of()),
        403,
        "Client certificate required",
        ReasonCode.GATE_NO_CERTIFICATE);
  }

  @Test
  void n36_a_second_certificate_with_better_claims_is_not_looked_at() throws Exception {
    open("serai.gate.mode", "trust");
    String foreign =
        new Svids(new TestAuthority("other.example")).svid(Svids.mobile("both", device));
    String leaf = gate.svids.svid(Svids.WORKLOAD_ONLY);
    for (String chain : List.of(leaf + foreign, foreign + leaf)) {
      assertDenied(
          gate.check(chain),
          403,
          "Client certificate not trusted",
          ReasonCode.GATE_CERTIFICATE_INVALID);
    }
    assertDenied(gate.check(leaf), 403, "Geo Claim Missing", ReasonCode.GATE_CLAIM_MISSING);
  }

  @ParameterizedTest
  @ValueSource(strings = {"trust", "runtime", "strict"})
  void n37_a_claim_set_that_only_names_the_workload_opens_nothing(String mode) throws Exception {
    if (mode.equals("runtime")) {
      open();
    } else {
      open("serai.gate.mode", mode);
    }
    for (String claims :
        List.of(
            "",
            Svids.WORKLOAD_ONLY,
            "{\"grc.workload\":{\"workload-id\":\""
                + Svids.ID
                + "\",\"key-source\":\"workload-key\"}}",
            "{\"v\":1,\"grc.geolocation\":\"yes\"}")) {
      assertDenied(
          gate.check(gate.svids.svid(claims)),
          403,
          "Geo Claim Missing",
          ReasonCode.GATE_CLAIM_MISSING);
    }
    assertThat(gate.sensor.asked).isEmpty();
  }

  @Test
  void n38_an_unknown_mode_is_an_error_at_start_that_names_file_and_key() throws Exception {
    Path file = Files.writeString(dir.resolve("gate.properties"), "serai.gate.mode=runtimes\n");
    assertThatThrownBy(() -> SeraiHarness.roles("gate").withConfig(file).start())
        .hasMessageContaining(ReasonCode.CONFIGURATION_INVALID.name())
        .hasMessageContaining("serai.gate.mode")
        .hasMessageContaining(file.toString())
        .hasMessageContaining("trust, runtime or strict");
  }

  @Test
  void n47_an_svid_of_another_trust_domain_or_of_nobody_is_refused() throws Exception {
    open("serai.gate.mode", "trust");
    String claims = Svids.mobile("both", device);
    TestAuthority samename = new TestAuthority("test.example");
    List<String> bad =
        List.of(
            new Svids(new TestAuthority("other.example")).svid(claims),
            new Svids(samename).svid(claims),
            gate.svids.svid(claims, Duration.ofSeconds(-30)),
            Svids.pem(gate.authority.certificate()),
            Svids.pem(
                gate.authority.leaf(
                    TestAuthority.keyPair(), List.of("https://test.example/web"), false)),
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "no certificate");
    for (String certificate : bad) {
      assertDenied(
          gate.check(certificate),
          403,
          "Client certificate not trusted",
          ReasonCode.GATE_CERTIFICATE_INVALID);
    }
    String good = gate.svids.svid(claims);
    assertAllowed(gate.check(good));
    gate.advance(Duration.ofHours(2));
    assertDenied(
        gate.check(good),
        403,
        "Client certificate not trusted",
        ReasonCode.GATE_CERTIFICATE_INVALID);
  }

  @Test
  void trust_asks_nobody_runtime_remembers_and_strict_asks_each_time() throws Exception {
    open("serai.gate.mode", "trust");
    String svid = gate.svids.svid(Svids.mobile("operator-verified", device));
    assertAllowed(gate.check(svid));
    assertThat(gate.sensor.asked).isEmpty();
    gate.close();

    open("serai.gate.mode", "runtime");
    svid = gate.svids.svid(Svids.mobile("operator-verified", device));
    assertAllowed(gate.check(svid));
    assertAllowed(gate.check(gate.svids.svid(Svids.mobile("operator-verified", device))));
    assertThat(gate.sensor.asked).hasSize(1);
    assertAllowed(gate.check(gate.svids.svid(Svids.mobile("claimed", "cd".repeat(32)))));
    assertThat(gate.sensor.asked).as("another device").hasSize(2);
    gate.advance(Duration.ofSeconds(31));
    assertAllowed(gate.check(svid));
    assertThat(gate.sensor.asked).hasSize(3);
    gate.close();

    open("serai.gate.mode", "strict");
    svid = gate.svids.svid(Svids.mobile("operator-verified", device));
    assertAllowed(gate.check(svid));
    assertAllowed(gate.check(svid));
    assertThat(gate.sensor.asked).hasSize(2).allMatch(q -> q.contains("\"skip_cache\":true"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "200|{\"verification_result\":false}|403|Location Verification Failed|GATE_LOCATION_DENIED",
        "404|{\"error\":\"sensor_not_found\"}|403|Location Verification"
            + " Failed|GATE_LOCATION_DENIED",
        "200|{\"verification_result\":null,\"verification_status\":\"UNKNOWN\"}|403|Location Not"
            + " Verified|GATE_LOCATION_UNKNOWN",
        "200|{\"verification_result\":true,\"verification_status\":\"PARTIAL\"}|403|Location Not"
            + " Verified|GATE_LOCATION_UNKNOWN",
        "500|{}|503|Verification service unavailable|GATE_UNAVAILABLE",
        "503|{}|503|Verification service unavailable|GATE_UNAVAILABLE",
        "429|{}|503|Verification service unavailable|GATE_UNAVAILABLE",
        "200|{}|503|Verification service response invalid|GATE_ANSWER_INVALID",
        "200|{\"verification_result\":\"TRUE\"}|503|Verification service response invalid|"
            + "GATE_ANSWER_INVALID",
        "200|{\"verification_result\":\"yes\"}|503|Verification service response invalid|"
            + "GATE_ANSWER_INVALID",
        "200|<html>|503|Verification service response invalid|GATE_ANSWER_INVALID",
        "400|{\"error\":\"x\"}|503|Verification service response invalid|GATE_ANSWER_INVALID"
      })
  void only_a_plain_yes_is_one(int status, String answer, int expected, String text, String code)
      throws Exception {
    open();
    gate.sensor.status = status;
    gate.sensor.answer = answer;
    double before = denials(ReasonCode.valueOf(code));
    CheckResponse denied = gate.check(gate.svids.svid(Svids.mobile("both", device)));
    assertDenied(denied, expected, text, ReasonCode.valueOf(code));
    assertThat(denials(ReasonCode.valueOf(code))).isEqualTo(before + 1);
  }

  @Test
  void a_sensor_service_that_is_away_opens_its_breaker_and_lets_nobody_pass() throws Exception {
    open("serai.breaker.provider-failures", "2", "serai.breaker.provider-open", "1h");
    gate.sensor.status = 503;
    String svid = gate.svids.svid(Svids.mobile("both", device));
    for (int i = 0; i < 4; i++) {
      assertDenied(
          gate.check(svid), 503, "Verification service unavailable", ReasonCode.GATE_UNAVAILABLE);
    }
    assertThat(gate.sensor.asked).hasSize(2);
    gate.sensor.status = 200;
    gate.advance(Duration.ofHours(1).plusSeconds(1));
    assertAllowed(
        gate.check(
            gate.svids.svid(
                Svids.located("mobile", "madrid", "both", device, Instant.now().plusSeconds(7200)),
                Duration.ofHours(3))));
  }

  /** Anybody with one such device would close the gate for all others by it. */
  @ParameterizedTest
  @CsvSource({
    "503, OPERATOR_AUTHORIZATION_PENDING",
    "503, OPERATOR_REFUSED",
    "503, OPERATOR_UNREACHABLE",
    "404, OPERATOR_DEVICE_UNKNOWN"
  })
  void a_device_that_the_operator_does_not_answer_for_closes_the_gate_for_itself_alone(
      int status, String reason) throws Exception {
    open("serai.breaker.provider-failures", "2", "serai.breaker.provider-open", "1h");
    gate.sensor.status = status;
    gate.sensor.reason = reason;
    String svid = gate.svids.svid(Svids.mobile("both", device));
    for (int i = 0; i < 4; i++) {
      assertDenied(
          gate.check(svid), 503, "Verification service unavailable", ReasonCode.GATE_UNAVAILABLE);
    }
    assertThat(gate.sensor.asked).hasSize(4);
    gate.sensor.status = 200;
    gate.sensor.reason = "";
    assertAllowed(gate.check(gate.svids.svid(Svids.mobile("both", device()))));
  }

  @Test
  void a_service_that_has_no_such_path_says_nothing_of_the_device() throws Exception {
    open();
    gate.sensor.status = 404;
    gate.sensor.reason = "UNKNOWN_OPERATION";
    assertDenied(
        gate.check(gate.svids.svid(Svids.mobile("both", device))),
        503,
        "Verification service response invalid",
        ReasonCode.GATE_ANSWER_INVALID);
  }

  @Test
  void a_receiver_alone_is_as_good_as_the_policy_says() throws Exception {
    String claims = Svids.located("gnss", "madrid", "gnss", device, Instant.now().plusSeconds(900));
    open();
    assertDenied(
        gate.check(gate.svids.svid(claims)),
        403,
        "Location Assurance Too Low",
        ReasonCode.GATE_ASSURANCE_TOO_LOW);
    open("serai.gate.minimum-assurance", "gnss");
    assertAllowed(gate.check(gate.svids.svid(claims)));
    assertThat(gate.sensor.asked).isEmpty();
  }

  @Test
  void the_operator_s_word_does_not_stand_in_for_a_receiver_s() throws Exception {
    open("serai.gate.minimum-assurance", "gnss");
    assertDenied(
        gate.check(gate.svids.svid(Svids.mobile("operator-verified", device))),
        403,
        "Location Assurance Too Low",
        ReasonCode.GATE_ASSURANCE_TOO_LOW);
    assertAllowed(gate.check(gate.svids.svid(Svids.mobile("both", device))));
  }

  @Test
  void a_claim_has_an_end_and_a_region() throws Exception {
    open("serai.gate.mode", "trust", "serai.gate.regions", "madrid,lisbon");
    assertAllowed(gate.check(gate.svids.svid(Svids.mobile("both", device))));
    assertDenied(
        gate.check(
            gate.svids.svid(
                Svids.located("mobile", "madrid", "both", device, Instant.now().minusSeconds(1)))),
        403,
        "Geo Claim Expired",
        ReasonCode.GATE_CLAIM_EXPIRED);
    assertDenied(
        gate.check(
            gate.svids.svid(
                Svids.located("mobile", "paris", "both", device, Instant.now().plusSeconds(60)))),
        403,
        "Region Not Allowed",
        ReasonCode.GATE_REGION_NOT_ALLOWED);
    assertDenied(
        gate.check(gate.svids.svid(Svids.prototype(true))),
        403,
        "Region Not Allowed",
        ReasonCode.GATE_REGION_NOT_ALLOWED);
  }

  @Test
  void the_prototype_s_claims_are_understood_and_its_ids_only_go_to_the_sensor_service()
      throws Exception {
    open();
    assertAllowed(gate.check(gate.svids.svid(Svids.prototype(false))));
    assertThat(gate.sensor.asked.get(0))
        .contains("\"sensor_id\":\"12d1:1433\"")
        .contains("\"sensor_imei\":\"" + Svids.IMEI + "\"")
        .contains("\"sensor_imsi\":\"" + Svids.IMSI + "\"");
    open("serai.gate.mode", "trust");
    assertAllowed(gate.check(gate.svids.svid(Svids.prototype(true))));
    assertDenied(
        gate.check(gate.svids.svid(Svids.prototype(false))),
        403,
        "Location Assurance Too Low",
        ReasonCode.GATE_ASSURANCE_TOO_LOW);
  }

  @Test
  void a_gate_without_a_bundle_says_that_it_cannot_decide() throws Exception {
    open();
    String svid = gate.svids.svid(Svids.mobile("both", device));
    assertAllowed(gate.check(svid));
    gate.identities.away("/serai/gate", true);
    assertDenied(
        gate.check(svid), 503, "Verification service unavailable", ReasonCode.GATE_UNAVAILABLE);
    RoleHealth.Standing standing = gate.serai.bean("roleHealth-gate", RoleHealth.class).standing();
    assertThat(standing.notReady().orElseThrow().code()).isEqualTo(ReasonCode.GATE_UNAVAILABLE);
    gate.identities.away("/serai/gate", false);
    assertThat(gate.serai.bean("roleHealth-gate", RoleHealth.class).standing().notReady())
        .isEmpty();
  }

  @Test
  void only_proxies_on_the_list_are_answered() throws Exception {
    open();
    ManagedChannel stranger = gate.channel("/ns/edge/sa/web");
    try {
      StatusRuntimeException refused =
          catchThrowableOfType(
              StatusRuntimeException.class,
              () ->
                  AuthorizationGrpc.newBlockingStub(stranger)
                      .withDeadlineAfter(60, TimeUnit.SECONDS)
                      .check(GateFixture.request("", Map.of())));
      // The handshake ends it; a name that was taken off the list meanwhile is refused by the step.
      assertThat(refused.getStatus().getCode())
          .isIn(Status.Code.UNAVAILABLE, Status.Code.PERMISSION_DENIED);
    } finally {
      stranger.shutdownNow();
    }
    assertThat(gate.sensor.asked).isEmpty();
  }

  @Test
  void on_the_unix_socket_the_kernel_names_the_proxy() throws Exception {
    Path socket = dir.resolve("gate.sock");
    int self = (Integer) Files.getAttribute(dir, "unix:uid");
    open(
        "serai.gate.socket",
        socket.toString(),
        "serai.gate.proxy-users",
        Integer.toString(self),
        "serai.gate.mode",
        "trust");
    assertAllowed(checkAt(socket, gate.svids.svid(Svids.mobile("both", device))));
    gate.close();

    open(
        "serai.gate.socket",
        socket.toString(),
        "serai.gate.proxy-users",
        Integer.toString(self + 1));
    StatusRuntimeException refused =
        catchThrowableOfType(StatusRuntimeException.class, () -> checkAt(socket, ""));
    assertThat(refused.getStatus().getCode()).isEqualTo(Status.Code.PERMISSION_DENIED);
    assertThat(refused.getStatus().getDescription()).contains("CALLER_NOT_ALLOWED");
  }

  private static CheckResponse checkAt(Path socket, String pem) {
    ManagedChannel channel = SpiffeChannels.unix(socket);
    try {
      return AuthorizationGrpc.newBlockingStub(channel)
          .withDeadlineAfter(60, TimeUnit.SECONDS)
          .check(GateFixture.request(Svids.encoded(pem), Map.of()));
    } finally {
      channel.shutdownNow();
    }
  }

  @Test
  void a_route_of_an_operator_asks_the_same_gate() throws Exception {
    open();
    Object yes =
        gate.serai
            .template()
            .requestBody("direct:gate", gate.svids.svid(Svids.mobile("claimed", device)));
    assertThat(yes)
        .isInstanceOfSatisfying(
            GateDecision.class, decision -> assertThat(decision.isAllowed()).isTrue());
    Object no =
        gate.serai.template().requestBody("direct:gate", gate.svids.svid(Svids.WORKLOAD_ONLY));
    assertThat(no)
        .isInstanceOfSatisfying(
            GateDecision.class,
            decision -> {
              assertThat(decision.isAllowed()).isFalse();
              assertThat(decision.httpStatus()).isEqualTo(403);
              assertThat(decision.text()).isEqualTo("Geo Claim Missing");
            });
    gate.sensor.status = 500;
    Object unknown =
        gate.serai
            .template()
            .requestBody("direct:gate", gate.svids.svid(Svids.mobile("claimed", "cd".repeat(32))));
    assertThat(unknown)
        .isInstanceOfSatisfying(
            Refused.class,
            refused -> assertThat(refused.reason().code()).isEqualTo(ReasonCode.GATE_UNAVAILABLE));
    Object nonsense = gate.serai.template().requestBody("direct:gate", 7);
    assertThat(((Refused) nonsense).reason().code()).isEqualTo(ReasonCode.MALFORMED_REQUEST);
  }

  @Test
  void denials_are_counted_for_the_audit_log_without_anybody_s_numbers() throws Exception {
    open("serai.audit.tick", "1h");
    gate.sensor.answer = "{\"verification_result\":false}";
    for (int i = 0; i < 3; i++) {
      gate.check(gate.svids.svid(Svids.prototype(true).replace("12d1:1433", device)));
    }
    Exchange tick = new DefaultExchange(gate.serai.camel());
    gate.serai.bean("tendAudit", Processor.class).process(tick);
    AuditRecord record =
        Audit.find(gate.serai.context())
            .orElseThrow()
            .lastOf(AuditKind.CALLER_REFUSED)
            .orElseThrow();
    assertThat(record.toString())
        .contains("GATE_LOCATION_DENIED", "decide-gate")
        .doesNotContain(Svids.IMEI, Svids.IMSI, "34696810912", "40.33");
  }
}
