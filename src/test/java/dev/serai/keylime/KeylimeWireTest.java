package dev.serai.keylime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KeylimeWireTest {

  @Test
  void a_register_body_of_the_rust_agent_is_read_with_its_null_and_unknown_fields()
      throws Exception {
    RegisterRequest request =
        KeylimeJson.read(
            Bytes.ofText(
                """
                {"ekcert":null,"ek_tpm":"AAA=","aik_tpm":"BBB=","iak_tpm":null,"ip":"10.0.0.1",
                 "port":"9002","mtls_cert":"disabled","something_new":{"a":[1,2]}}\
                """),
            RegisterRequest.MAX_SIZE,
            RegisterRequest.class);
    assertThat(request.ekCertificate()).isEmpty();
    assertThat(request.ekTpm()).contains("AAA=");
    assertThat(request.port()).contains(9002);
    assertThat(request.agentId()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "null",
        "[]",
        "{",
        "{} {}",
        "{\"ek_tpm\":\"a\",\"ek_tpm\":\"b\"}",
        "{\"port\":\"ninety\"}",
        "{\"ek_tpm\":{}}",
        "{\"ek_tpm\":[\"a\"]}"
      })
  void other_bodies_are_malformed(String body) {
    assertThatThrownBy(() -> KeylimeJson.read(Bytes.ofText(body), 1024, RegisterRequest.class))
        .isInstanceOf(MalformedStructureException.class);
  }

  /** Found by fuzzing: the first zeros say UTF-32, and then there is no such character. */
  @ParameterizedTest
  @ValueSource(strings = {"0000007b7d7d7d7d", "7b000000ffffffff", "fffe0000ffff1100"})
  void bytes_that_are_no_text_are_malformed(String hex) {
    assertThatThrownBy(() -> KeylimeJson.read(Bytes.ofHex(hex), 1024, RegisterRequest.class))
        .isInstanceOf(MalformedStructureException.class);
  }

  /** Found by fuzzing: what cannot be written again is not read. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"mtls_cert\":\"\\ud800\"}",
        "{\"mtls_cert\":\"\\udc00\\ud800\"}",
        "{\"mtls_cert\":\"\\ud83d x\"}"
      })
  void half_a_character_is_malformed(String body) {
    assertThatThrownBy(() -> KeylimeJson.read(Bytes.ofText(body), 1024, RegisterRequest.class))
        .isInstanceOf(MalformedStructureException.class)
        .hasMessageContaining("mtls_cert");
  }

  @Test
  void a_character_of_two_halves_is_read_and_written() throws Exception {
    RegisterRequest request =
        KeylimeJson.read(
            Bytes.ofText("{\"mtls_cert\":\"\\ud83d\\ude00\"}"), 1024, RegisterRequest.class);
    assertThat(request.mtlsCertificate()).contains(Character.toString(0x1f600));
    assertThat(KeylimeJson.read(KeylimeJson.write(request), 1024, RegisterRequest.class))
        .isEqualTo(request);
  }

  @Test
  void a_body_is_measured_before_it_is_parsed() {
    assertThatThrownBy(
            () -> KeylimeJson.read(Bytes.ofText(" ".repeat(101)), 100, RegisterRequest.class))
        .isInstanceOf(MalformedStructureException.class)
        .hasMessageContaining("at most 100");
  }

  @Test
  void deep_nesting_is_malformed_and_harmless() {
    assertThatThrownBy(
            () ->
                KeylimeJson.read(
                    Bytes.ofText("{\"x\":" + "[".repeat(30_000)), 64_000, RegisterRequest.class))
        .isInstanceOf(MalformedStructureException.class);
  }

  @Test
  void the_error_does_not_repeat_the_value_it_complains_about() {
    assertThatThrownBy(
            () ->
                KeylimeJson.read(
                    Bytes.ofText("{\"port\":\"hunter2\"}"), 1024, RegisterRequest.class))
        .hasMessageContaining("port")
        .hasMessageNotContaining("hunter2");
  }

  @Test
  void what_is_written_is_read_again() throws Exception {
    RegistrarRecord node =
        new RegistrarRecord(
            Optional.of("n1"),
            "AAA=",
            Optional.empty(),
            "BBB=",
            Optional.of("disabled"),
            Optional.of("10.0.0.1"),
            Optional.of(9002),
            3);
    Bytes json = KeylimeJson.write(Envelope.success(node));
    assertThat(json.toText())
        .isEqualTo(
            "{\"code\":200,\"status\":\"Success\",\"results\":{\"agent_id\":\"n1\",\"ek_tpm\":\"AAA=\","
                + "\"ekcert\":null,\"aik_tpm\":\"BBB=\",\"mtls_cert\":\"disabled\",\"ip\":\"10.0.0.1\","
                + "\"port\":9002,\"regcount\":3}}");
    assertThat(KeylimeJson.readEnvelope(json, 1024, RegistrarRecord.class).results())
        .isEqualTo(node);
  }

  @Test
  void a_quote_answer_without_optional_parts_has_no_such_fields() {
    assertThat(
            KeylimeJson.write(
                    new QuoteResults(
                        "rAA==:AA==:AA==",
                        "sha256",
                        "ecc256",
                        "ecdsa",
                        Optional.empty(),
                        Optional.empty(),
                        Optional.of(0L),
                        Optional.empty()))
                .toText())
        .doesNotContain("pubkey")
        .contains("\"ima_measurement_list_entry\":0");
  }

  @Test
  void a_required_field_that_is_missing_or_null_is_malformed() {
    for (String body :
        List.of(
            "{\"code\":200,\"status\":\"Success\",\"results\":{\"hash_alg\":\"sha256\"}}",
            "{\"code\":200,\"status\":\"Success\",\"results\":null}",
            "{\"code\":200,\"status\":\"Success\"}")) {
      assertThatThrownBy(
              () -> KeylimeJson.readEnvelope(Bytes.ofText(body), 1024, QuoteResults.class))
          .isInstanceOf(MalformedStructureException.class);
    }
  }

  @Test
  void versions_2_0_to_2_6_are_served_and_no_other() {
    assertThat(ApiVersion.supportedTexts())
        .containsExactly("2.0", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6");
    assertThat(ApiVersion.ofPrefix("v2")).contains(new ApiVersion(2, 6));
    assertThat(ApiVersion.ofPrefix("v2.1")).contains(new ApiVersion(2, 1));
    for (String other : List.of("v1.0", "v2.7", "v3.0", "v9.9", "2.1", "v2.", "v", "", "V2.1")) {
      assertThat(ApiVersion.ofPrefix(other)).as(other).isEmpty();
    }
    assertThat(ApiVersion.newestCommon(List.of("1.0", "2.1", "2.3", "3.0")))
        .contains(new ApiVersion(2, 3));
    assertThat(ApiVersion.newestCommon(List.of("3.0"))).isEmpty();
  }

  @Test
  void paths_are_taken_apart() {
    ApiPath path = ApiPath.of("/v2.3/agents/n1/activate");
    assertThat(path.versioned()).isTrue();
    assertThat(path.rest()).containsExactly("agents", "n1", "activate");
    assertThat(ApiPath.of("/v2.3/agents/").rest()).containsExactly("agents");
    assertThat(ApiPath.of("/version").is("version")).isTrue();
    assertThat(ApiPath.of("/v9.9/agents").versioned()).isFalse();
    assertThat(ApiPath.of("/v9.9/agents").claimsVersion()).isTrue();
    assertThat(ApiPath.of("//v2.3/agents").versioned()).isFalse();
    assertThat(ApiPath.of("").segments()).isEmpty();
    assertThat(ApiPath.of("/").segments()).isEmpty();
    assertThat(ApiPath.of("/v2.3/" + "a".repeat(600)).versioned()).isFalse();
  }

  @Test
  void node_ids_are_bounded_and_plain() {
    assertThat(AgentId.parse("d432fbb3-d2f1-4a97-9ef7-75bd81c00000")).isPresent();
    assertThat(AgentId.parse("a".repeat(80))).isPresent();
    for (String bad :
        List.of(
            ".",
            "..",
            "",
            "a".repeat(81),
            "a/b",
            "a b",
            "a\n",
            "ä",
            "%2e",
            "a;DROP TABLE",
            "a\u0000")) {
      assertThat(AgentId.parse(bad)).as(bad).isEmpty();
    }
  }

  @Test
  void a_quote_string_comes_back_as_it_was() throws Exception {
    QuoteString quote =
        new QuoteString(Bytes.ofText("attest"), Bytes.ofText("signature"), Bytes.ofText("pcrs"));
    assertThat(quote.encode()).isEqualTo("rYXR0ZXN0:c2lnbmF0dXJl:cGNycw==");
    assertThat(QuoteString.parse(quote.encode())).isEqualTo(quote);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "r", "YQ==:YQ==:YQ==", "rYQ==:YQ==", "rYQ==:YQ==:YQ==:YQ==", "r!:YQ==:YQ=="})
  void other_texts_are_no_quote_strings(String text) {
    assertThatThrownBy(() -> QuoteString.parse(text))
        .isInstanceOf(MalformedStructureException.class);
  }

  @Test
  void oversize_parts_are_no_quote_strings() {
    String large = "A".repeat(QuoteString.MAX_ATTEST * 2);
    assertThatThrownBy(() -> QuoteString.parse("r" + large + ":AA==:AA=="))
        .isInstanceOf(MalformedStructureException.class);
    assertThatThrownBy(() -> QuoteString.parse("r".repeat(1_000_000)))
        .isInstanceOf(MalformedStructureException.class);
  }

  /** The expected value is from {@code openssl dgst -sha384 -hmac} with the base64 text as key. */
  @Test
  void the_tag_is_keyed_with_the_base64_text_of_the_challenge() {
    Bytes challenge = Bytes.ofText("abcdefghijklmnopqrstuvwxyz012345");
    AgentId id = new AgentId("d432fbb3-d2f1-4a97-9ef7-75bd81c00000");
    String tag =
        "5722855ab92301434883bdfc0d1810450154c06bdeaa1b3f"
            + "fe1f7fcaabca35756506b94d53773738c43cf9a866ad3f0e";
    assertThat(AuthTag.of(challenge, id)).isEqualTo(tag);
    assertThat(AuthTag.matches(tag, challenge, id)).isTrue();
    assertThat(AuthTag.matches(tag.toUpperCase(java.util.Locale.ROOT), challenge, id)).isTrue();
    assertThat(AuthTag.matches("0" + tag.substring(1), challenge, id)).isFalse();
    assertThat(AuthTag.matches("", challenge, id)).isFalse();
    assertThat(AuthTag.matches(tag, challenge, new AgentId("other"))).isFalse();
  }
}
