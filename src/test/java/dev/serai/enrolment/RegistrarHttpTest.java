package dev.serai.enrolment;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.serai.audit.Audit;
import dev.serai.testing.SeraiHarness;
import dev.serai.testing.SwTpm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The registrar as shipped, over HTTP; the other side is tpm2-tools on a software TPM. */
@Tag("slow")
class RegistrarHttpTest {
  private static final String NODE = "d432fbb3-d2f1-4a97-9ef7-75bd81c00000";
  private static final ObjectMapper JSON = new ObjectMapper();

  private static PeerNode node;
  private static PeerNode other;

  @TempDir Path trust;
  @TempDir Path state;

  private Instant now = Instant.now();
  private final InstantSource clock = () -> now;
  private SeraiHarness serai;

  @BeforeAll
  static void makeNodes() {
    node = new PeerNode(SwTpm.fresh());
    other = new PeerNode(SwTpm.fresh());
  }

  @AfterAll
  static void endNodes() {
    node.close();
    other.close();
  }

  @BeforeEach
  void start() throws Exception {
    Files.write(trust.resolve("ca.cer"), SwTpm.ekCa().getEncoded());
    open();
  }

  private void open() {
    serai =
        SeraiHarness.roles("registrar")
            .withStateDir(state)
            .withClock(clock)
            .with("serai.registrar.ek-trust-dir", trust.toString())
            .start();
  }

  @AfterEach
  void stop() {
    serai.close();
  }

  private Http.Answer send(String method, String path, String body) {
    return Http.send("http://127.0.0.1:" + serai.port("serai.registrar.port"), method, path, body);
  }

  private static ObjectNode bodyOf(PeerNode peer) {
    return peer.body().put("ekcert", peer.certificatePem(0x01c00002));
  }

  private Http.Answer register(String id, ObjectNode body) {
    return send("POST", "/v2.6/agents/" + id, body.toString());
  }

  private void enrol(PeerNode peer, String id) {
    Http.Answer answer = register(id, bodyOf(peer));
    assertThat(answer.status()).as(answer.body()).isEqualTo(200);
    assertThat(send("PUT", "/v2.6/agents/" + id, peer.tag(answer.body(), id)).status())
        .isEqualTo(200);
  }

  private EnrolledNode stored(String id) {
    return new EnrolmentStore(serai.context().database(), Audit.of(serai.context()))
        .find(new dev.serai.keylime.AgentId(id))
        .orElseThrow();
  }

  @Test
  void a_tpm_registers_opens_the_blob_and_becomes_active() {
    Http.Answer registered = register(NODE, bodyOf(node));
    assertThat(registered.status()).as(registered.body()).isEqualTo(200);
    assertThat(registered.body()).startsWith("{\"code\":200,\"status\":\"Success\",\"results\":{");
    assertThat(stored(NODE).active()).isFalse();
    Http.Answer activated = send("PUT", "/v2.6/agents/" + NODE, node.tag(registered.body(), NODE));
    assertThat(activated.status()).isEqualTo(200);
    assertThat(activated.body()).isEqualTo("{\"code\":200,\"status\":\"Success\",\"results\":{}}");
    assertThat(stored(NODE).active()).isTrue();
    assertThat(stored(NODE).contact().port()).contains(9002);
  }

  @Test
  void an_elliptic_tpm_enrols_by_the_other_paths_too() throws IOException {
    try (PeerNode ecc = new PeerNode(SwTpm.fresh(), "ecc")) {
      ObjectNode body = ecc.body().put("ekcert", ecc.certificatePem(0x01c0000a));
      body.put("agent_id", "ecc-node");
      Http.Answer registered = send("POST", "/v2/agents", body.toString());
      assertThat(registered.status()).as(registered.body()).isEqualTo(200);
      String tag = ecc.tag(registered.body(), "ecc-node");
      assertThat(send("POST", "/v2.1/agents/ecc-node/activate", tag).status()).isEqualTo(200);
      assertThat(stored("ecc-node").active()).isTrue();
    }
  }

  @Test
  void a_record_survives_a_restart_between_every_two_steps() {
    Http.Answer registered = register(NODE, bodyOf(node));
    serai.close();
    open();
    String tag = node.tag(registered.body(), NODE);
    assertThat(send("PUT", "/v2.6/agents/" + NODE, tag).status()).isEqualTo(200);
    serai.close();
    open();
    assertThat(stored(NODE).active()).isTrue();
  }

  @Test
  void a_challenge_is_good_for_one_answer() {
    Http.Answer registered = register(NODE, bodyOf(node));
    String tag = node.tag(registered.body(), NODE);
    assertThat(send("PUT", "/v2.6/agents/" + NODE, tag).status()).isEqualTo(200);
    Http.Answer again = send("PUT", "/v2.6/agents/" + NODE, tag);
    assertThat(again.status()).isEqualTo(400);
    assertThat(again.reason()).isEqualTo("ACTIVATION_FAILED");
    assertThat(stored(NODE).active()).isTrue();
  }

  @Test
  void a_challenge_ends() {
    Http.Answer registered = register(NODE, bodyOf(node));
    now = now.plus(Duration.ofMinutes(11));
    Http.Answer late = send("PUT", "/v2.6/agents/" + NODE, node.tag(registered.body(), NODE));
    assertThat(late.reason()).isEqualTo("ACTIVATION_FAILED");
  }

  @Test
  void a_wrong_tag_is_refused_and_removes_a_node_that_was_never_active() {
    Http.Answer registered = register(NODE, bodyOf(node));
    Http.Answer refused =
        send("PUT", "/v2.6/agents/" + NODE, "{\"auth_tag\":\"" + "ab".repeat(48) + "\"}");
    assertThat(refused.status()).isEqualTo(400);
    assertThat(refused.reason()).isEqualTo("ACTIVATION_FAILED");
    String right = node.tag(registered.body(), NODE);
    assertThat(refused.body()).doesNotContain(right.substring(13, 109));
    Http.Answer after = send("PUT", "/v2.6/agents/" + NODE, right);
    assertThat(after.status()).isEqualTo(404);
    assertThat(after.reason()).isEqualTo("NODE_UNKNOWN");
    assertThat(after.body()).contains("Agent with ID '" + NODE + "' not found");
  }

  @Test
  void a_wrong_tag_voids_the_challenge_of_an_active_node_and_nothing_else() {
    enrol(node, NODE);
    Http.Answer registered = register(NODE, bodyOf(node).put("port", 9999));
    assertThat(registered.status()).isEqualTo(200);
    Http.Answer refused =
        send("PUT", "/v2.6/agents/" + NODE, "{\"auth_tag\":\"" + "ab".repeat(48) + "\"}");
    assertThat(refused.reason()).isEqualTo("ACTIVATION_FAILED");
    assertThat(stored(NODE).active()).isTrue();
    assertThat(stored(NODE).contact().port()).contains(9002);
    Http.Answer late = send("PUT", "/v2.6/agents/" + NODE, node.tag(registered.body(), NODE));
    assertThat(late.reason()).isEqualTo("ACTIVATION_FAILED");
  }

  @Test
  void where_the_agent_listens_changes_only_once_the_tpm_has_answered() {
    enrol(node, NODE);
    Http.Answer registered = register(NODE, bodyOf(node).put("port", 9999));
    assertThat(stored(NODE).contact().port()).contains(9002);
    send("PUT", "/v2.6/agents/" + NODE, node.tag(registered.body(), NODE));
    assertThat(stored(NODE).contact().port()).contains(9999);
    assertThat(stored(NODE).registrationCount()).isEqualTo(2);
  }

  @Test
  void another_tpm_does_not_get_the_node_id() {
    enrol(node, NODE);
    Http.Answer refused = register(NODE, bodyOf(other));
    assertThat(refused.status()).isEqualTo(403);
    assertThat(refused.reason()).isEqualTo("NODE_TPM_CHANGED");
    assertThat(refused.body())
        .contains(
            "Agent re-registration with different TPM identity is forbidden for security reasons");
    assertThat(stored(NODE).ek().sized().toBase64()).isEqualTo(node.ekTpm());
  }

  @Test
  void another_attestation_key_does_not_get_the_node_id() throws IOException {
    try (PeerNode changing = new PeerNode(SwTpm.fresh())) {
      enrol(changing, NODE);
      changing.newAk("rsa");
      Http.Answer refused = register(NODE, bodyOf(changing));
      assertThat(refused.status()).isEqualTo(403);
      assertThat(refused.reason()).isEqualTo("NODE_TPM_CHANGED");
    }
  }

  @Test
  void one_tpm_does_not_get_a_second_node_id() {
    enrol(node, NODE);
    Http.Answer refused = register("second-id", bodyOf(node));
    assertThat(refused.status()).isEqualTo(403);
    assertThat(refused.reason()).isEqualTo("EK_HAS_OTHER_NODE");
    assertThat(refused.body()).doesNotContain(NODE);
  }

  @Test
  void an_endorsement_key_under_a_changed_name_is_still_the_same_key() throws Exception {
    enrol(node, NODE);
    byte[] changed = java.util.Base64.getDecoder().decode(node.ekTpm());
    changed[20] ^= 1; // in authPolicy: another Name, the same key
    Http.Answer refused =
        register(
            "second-id",
            bodyOf(node).put("ek_tpm", java.util.Base64.getEncoder().encodeToString(changed)));
    assertThat(refused.reason()).isEqualTo("EK_HAS_OTHER_NODE");
    new EnrolmentStore(serai.context().database(), Audit.of(serai.context()))
        .delete(new dev.serai.keylime.AgentId(NODE));
    Http.Answer afterDeletion =
        register(
            "second-id",
            bodyOf(node).put("ek_tpm", java.util.Base64.getEncoder().encodeToString(changed)));
    assertThat(afterDeletion.reason()).isEqualTo("EK_NOT_TRUSTED");
    enrol(node, "second-id");
  }

  @Test
  void a_registration_that_was_never_answered_does_not_hold_the_id_for_ever() {
    assertThat(register(NODE, bodyOf(other)).status()).isEqualTo(200);
    assertThat(register(NODE, bodyOf(node)).reason()).isEqualTo("NODE_TPM_CHANGED");
    now = now.plus(Duration.ofMinutes(11));
    enrol(node, NODE);
    assertThat(stored(NODE).ek().sized().toBase64()).isEqualTo(node.ekTpm());
  }

  @Test
  void a_banned_tpm_enrols_under_no_id() {
    enrol(node, NODE);
    NodeBans bans = serai.bean("nodeBans", NodeBans.class);
    String ekName = stored(NODE).ek().name().toHex();
    assertThat(bans.ban(ekName)).isTrue();
    assertThat(stored(NODE).banned()).isTrue();
    assertThat(register(NODE, bodyOf(node)).reason()).isEqualTo("NODE_BANNED");
    new EnrolmentStore(serai.context().database(), Audit.of(serai.context()))
        .delete(new dev.serai.keylime.AgentId(NODE));
    assertThat(register("other-id", bodyOf(node)).reason()).isEqualTo("NODE_BANNED");
    assertThat(bans.ban("000b00")).isFalse();
    assertThat(bans.unban(ekName)).isTrue();
    enrol(node, "other-id");
  }

  @Test
  void an_untrusted_endorsement_key_is_refused() throws IOException {
    Http.Answer without = register(NODE, node.body());
    assertThat(without.status()).isEqualTo(403);
    assertThat(without.reason()).isEqualTo("EK_NOT_TRUSTED");
    Files.delete(trust.resolve("ca.cer"));
    serai.close();
    open();
    Http.Answer unknownIssuer = register(NODE, bodyOf(node));
    assertThat(unknownIssuer.status()).isEqualTo(403);
    assertThat(unknownIssuer.reason()).isEqualTo("EK_NOT_TRUSTED");
  }

  @Test
  void the_certificate_of_another_tpm_is_refused() {
    ObjectNode body = bodyOf(node).put("ekcert", other.certificatePem(0x01c00002));
    Http.Answer refused = register(NODE, body);
    assertThat(refused.status()).isEqualTo(400);
    assertThat(refused.reason()).isEqualTo("EK_CERTIFICATE_MISMATCH");
    assertThat(refused.body()).contains("Could not register agent with invalid data");
  }

  @Test
  void an_unrestricted_attestation_key_is_refused() {
    try (PeerNode forger = new PeerNode(SwTpm.fresh())) {
      forger.unrestrictedAk();
      Http.Answer refused = register(NODE, bodyOf(forger));
      assertThat(refused.status()).isEqualTo(403);
      assertThat(refused.reason()).isEqualTo("AK_ATTRIBUTES_WRONG");
    }
  }

  @Test
  void the_name_of_an_endorsement_key_on_the_allow_list_is_enough() throws Exception {
    Path list = trust.resolve("list");
    Files.writeString(list, "# nobody yet\n");
    serai.close();
    serai =
        SeraiHarness.roles("registrar")
            .withStateDir(state)
            .with("serai.registrar.ek-allow-list", list.toString())
            .start();
    assertThat(register(NODE, node.body()).reason()).isEqualTo("EK_NOT_TRUSTED");
    String name =
        dev.serai.tpm.wire.TpmtPublic.parseSized(dev.serai.tpm.Bytes.ofBase64(node.ekTpm()))
            .name()
            .toHex();
    Files.writeString(list, name + " # the lab's machine\n");
    Http.Answer registered = register(NODE, node.body());
    assertThat(registered.status()).as(registered.body()).isEqualTo(200);
    assertThat(send("PUT", "/v2.6/agents/" + NODE, node.tag(registered.body(), NODE)).status())
        .isEqualTo(200);
    Files.delete(list);
    Http.Answer unreadable = register("other", other.body());
    assertThat(unreadable.reason()).isEqualTo("INTERNAL_ERROR");
    assertThat(unreadable.body()).doesNotContain(list.toString());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{ | MALFORMED_REQUEST",
        "[] | MALFORMED_REQUEST",
        "null | MALFORMED_REQUEST",
        "{\"ek_tpm\":5,\"ek_tpm\":6} | MALFORMED_REQUEST",
        "{} | EK_MISSING",
        "{\"ek_tpm\":\"\"} | EK_MISSING",
        "{\"ek_tpm\":\"!!!\"} | MALFORMED_REQUEST",
        "{\"ek_tpm\":\"AAAA\"} | MALFORMED_REQUEST"
      })
  void malformed_registrations_are_refused(String body, String reason) {
    Http.Answer refused = send("POST", "/v2.6/agents/" + NODE, body);
    assertThat(refused.status()).isEqualTo(400);
    assertThat(refused.reason()).isEqualTo(reason);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "aik_tpm | | AK_MISSING",
        "aik_tpm | A?== | MALFORMED_REQUEST",
        "ekcert | AAAA | MALFORMED_REQUEST",
        "ekcert | -----BEGIN CERTIFICATE----- | MALFORMED_REQUEST",
        "ekcert | -----BEGIN CERTIFICATE---------END CERTIFICATE----- | MALFORMED_REQUEST",
        "ip | 10.0.0.1/../x | MALFORMED_REQUEST",
        "port | 70000 | MALFORMED_REQUEST",
        "port | x | MALFORMED_REQUEST",
        "mtls_cert | nonsense | MALFORMED_REQUEST"
      })
  void one_bad_field_is_enough(String field, String value, String reason) {
    ObjectNode body = bodyOf(node).put(field, value == null ? "" : value);
    Http.Answer refused = register(NODE, body);
    assertThat(refused.status()).isEqualTo(400);
    assertThat(refused.reason()).isEqualTo(reason);
  }

  @Test
  void too_many_certificates_are_refused() {
    ObjectNode body = bodyOf(node).put("ekcert", node.certificatePem(0x01c00002).repeat(9));
    assertThat(register(NODE, body).reason()).isEqualTo("MALFORMED_REQUEST");
  }

  @Test
  void an_oversize_body_is_refused_with_its_reason_and_a_huge_one_at_the_door() {
    Http.Answer refused =
        send("POST", "/v2.6/agents/" + NODE, "{\"x\":\"" + "a".repeat(70_000) + "\"}");
    assertThat(refused.status()).isEqualTo(413);
    assertThat(refused.reason()).isEqualTo("REQUEST_TOO_LARGE");
    assertThat(send("POST", "/v2.6/agents/" + NODE, "a".repeat(140_000)).status()).isEqualTo(413);
  }

  @ParameterizedTest
  @CsvSource({
    "GET, /v9.9/agents/, 404",
    "GET, /v3.0/agents, 404",
    "GET, /nothing, 404",
    "GET, /v2.6/nothing, 404",
    "POST, /v2.6/agents/x/y/z, 404",
    "DELETE, /version, 405",
    "PATCH, /v2.6/agents/x, 405",
    "GET, /v2.6/agents, 400",
    "GET, /v2.6/agents/, 400",
    "GET, /v2.6/agents/x, 400",
    "DELETE, /v2.6/agents/x, 400"
  })
  void what_is_not_served_here_gets_keylimes_bare_status(String method, String path, int status) {
    Http.Answer answer = send(method, path, "");
    assertThat(answer.status()).isEqualTo(status);
    assertThat(answer.body()).isEmpty();
    assertThat(answer.reason())
        .isEqualTo(status == 400 ? "CALLER_NOT_ALLOWED" : "UNKNOWN_OPERATION");
  }

  @Test
  void the_versions_served_are_2_0_to_2_6() throws IOException {
    Http.Answer answer = send("GET", "/version", "");
    assertThat(answer.status()).isEqualTo(200);
    var results = JSON.readTree(answer.body()).path("results");
    assertThat(results.path("current_version").asText()).isEqualTo("2.6");
    assertThat(results.path("supported_versions")).hasSize(7);
  }

  @ParameterizedTest
  @ValueSource(strings = {"a%20b", "a$b", "ä", "a%00"})
  void odd_node_ids_are_refused(String id) {
    Http.Answer refused =
        register(
            java.net.URLEncoder.encode(id, java.nio.charset.StandardCharsets.UTF_8), bodyOf(node));
    assertThat(refused.status()).isEqualTo(400);
    assertThat(refused.reason()).isEqualTo("NODE_ID_INVALID");
  }

  @ParameterizedTest
  @ValueSource(strings = {"{}", "{\"auth_tag\":null}", "{\"auth_tag\":\"xyz\"}", "no"})
  void malformed_activations_are_refused_and_void_nothing(String body) {
    Http.Answer registered = register(NODE, bodyOf(node));
    Http.Answer refused = send("PUT", "/v2.6/agents/" + NODE, body);
    assertThat(refused.status()).isEqualTo(400);
    assertThat(refused.reason()).isEqualTo("MALFORMED_REQUEST");
    assertThat(send("PUT", "/v2.6/agents/" + NODE, node.tag(registered.body(), NODE)).status())
        .isEqualTo(200);
  }
}
