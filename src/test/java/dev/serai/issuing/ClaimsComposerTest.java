package dev.serai.issuing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import dev.serai.appraisal.AppraisalJson;
import dev.serai.appraisal.Trusted;
import dev.serai.claims.Claims;
import dev.serai.claims.Claims.Geolocation;
import dev.serai.claims.Claims.MnoEndorsement;
import dev.serai.claims.Claims.Position;
import dev.serai.claims.Claims.Sensor;
import dev.serai.claims.Claims.SignedText;
import dev.serai.claims.ClaimsExtension;
import dev.serai.claims.Privacy;
import dev.serai.issuing.ClaimsComposer.Allowed;
import dev.serai.issuing.ClaimsComposer.Lacking;
import dev.serai.location.Assurance;
import dev.serai.location.AttestedLocation;
import dev.serai.location.Endorsement;
import dev.serai.location.LocationReading;
import dev.serai.location.SignedWord;
import dev.serai.proto.spire.types.AttestedClaims;
import dev.serai.proto.spire.types.SovereignAttestation;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.tpm.Bytes;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ClaimsComposerTest {
  private static final Instant NOW = Instant.parse("2026-11-26T12:00:00Z");
  private static final TrustDomain DOMAIN = TrustDomain.parse("test.example");
  private static final SpiffeId PAY = DOMAIN.withPath("/pay");
  private static final Bytes KEY = Bytes.copyOf(StockAgent.newKey().getPublic().getEncoded());

  private static final EntryLocationRules NEEDED =
      EntryLocationRules.parse(
          "test",
          "{\"entries\":[{\"spiffe-id\":\"spiffe://test.example/pay\",\"need\":\"required\"}]}");

  private static Claims node(Instant until) {
    return Claims.of(
        Optional.empty(),
        Optional.empty(),
        Optional.of(
            new Geolocation(
                "mobile",
                Optional.of("madrid"),
                Optional.of(Assurance.CLAIMED),
                Optional.of(NOW),
                Optional.of(until),
                Optional.of("ab"),
                Optional.of(
                    new Sensor(
                        "12d1:1433",
                        Optional.of("356345043865103"),
                        Optional.of("214070610960475"),
                        Optional.of("tel:+34696810912"),
                        Optional.empty(),
                        Optional.of(new Position(40.33, -3.7707, 7)))))),
        Optional.of(
            new MnoEndorsement(
                true,
                "lab-mno-signing-key-2026-01",
                Optional.of(new SignedText("c2ln", Bytes.ofText("{}").toBase64())))));
  }

  private static Allowed allowed(Privacy privacy, Claims node) {
    return (Allowed) TestClaims.composer(privacy).ofWorkload(PAY, Optional.of(node), KEY, NOW);
  }

  @Test
  void a_location_that_has_run_out_is_none() {
    ClaimsComposer composer = TestClaims.composer(Privacy.STRICT, NEEDED);
    assertThat(composer.ofWorkload(PAY, Optional.of(node(NOW.plusSeconds(6))), KEY, NOW))
        .isInstanceOf(Allowed.class);
    for (Instant over : new Instant[] {NOW.plusSeconds(5), NOW, NOW.minusSeconds(1)}) {
      assertThat(composer.ofWorkload(PAY, Optional.of(node(over)), KEY, NOW))
          .isInstanceOfSatisfying(
              Lacking.class,
              l -> assertThat(l.reason().code()).isEqualTo(ReasonCode.LOCATION_MISSING));
      Allowed free = allowed(Privacy.STRICT, node(over));
      assertThat(free.claims().until()).isEmpty();
      assertThat(free.claims().extension().orElseThrow().toText()).doesNotContain("madrid");
    }
  }

  @Test
  void a_certificate_ends_with_its_location() {
    assertThat(allowed(Privacy.STRICT, node(NOW.plusSeconds(60))).claims().until())
        .contains(NOW.plusSeconds(60));
  }

  @Test
  void a_record_from_compatible_times_names_nobody_in_strict_privacy() {
    Allowed allowed = allowed(Privacy.STRICT, node(NOW.plusSeconds(60)));
    String all =
        allowed.claims().extension().orElseThrow().toText()
            + allowed
                .message()
                .orElseThrow()
                .toByteString()
                .toString(java.nio.charset.StandardCharsets.ISO_8859_1);
    assertThat(all)
        .contains("madrid")
        .doesNotContain("356345043865103", "214070610960475", "34696810912", "40.33", "12d1");
    AttestedClaims message = allowed.message().orElseThrow();
    assertThat(message.getGeolocation().getLatitude()).isZero();
    assertThat(message.getMnoEndorsement().getEndorsementJson()).isEmpty();
  }

  @Test
  void the_compatible_form_says_all_in_certificate_and_message() throws Exception {
    Allowed allowed = allowed(Privacy.COMPAT, node(NOW.plusSeconds(60)));
    Bytes value = allowed.claims().extension().orElseThrow();
    assertThat(value.at(0)).isEqualTo('{');
    assertThat(value.toText())
        .startsWith(
            "{\"grc.workload\":{\"workload-id\":\"spiffe://test.example/pay\","
                + "\"key-source\":\"workload-key\",\"public-key\":\"-----BEGIN PUBLIC KEY-----\\n")
        .endsWith(
            "\"grc.geolocation\":{\"tpm-attested-location\":true,\"tpm-attested-pcr-index\":15,"
                + "\"mobile\":{\"sensor_id\":\"12d1:1433\",\"sensor_imei\":\"356345043865103\","
                + "\"sim_imsi\":\"214070610960475\",\"sim_msisdn\":\"tel:+34696810912\","
                + "\"location_verification\":{\"latitude\":40.33,\"longitude\":-3.7707,"
                + "\"accuracy\":7}}},\"grc.mno_endorsement\":{\"verified\":true,\"signature\":"
                + "\"c2ln\",\"key_id\":\"lab-mno-signing-key-2026-01\",\"data_b64\":\"e30=\"}}");
    assertThat(ClaimsExtension.decode(value).geolocation()).isPresent();
    AttestedClaims message = allowed.message().orElseThrow();
    assertThat(message.getGeolocation().getSensorImei()).isEqualTo("356345043865103");
    assertThat(message.getGeolocation().getLatitude()).isEqualTo(40.33);
    assertThat(message.getMnoEndorsement().getEndorsementJson()).isEqualTo("{}");
  }

  @Test
  void a_modem_that_says_no_place_is_where_its_operator_confirmed_it() throws Exception {
    Endorsement said = new Endorsement("", "ab", true, 40.33, -3.7707, 2000, NOW, "nonce");
    AttestedLocation location =
        new AttestedLocation(
            new LocationReading(
                LocationReading.MOBILE,
                "12d1:1433",
                Optional.of("356345043865103"),
                Optional.of("214070610960475"),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                NOW,
                "modem"),
            Optional.of("madrid"),
            Assurance.OPERATOR_VERIFIED,
            NOW.plusSeconds(60),
            Optional.of(new SignedWord(said.signedBytes().toText(), "c2ln", "key-1")));
    Trusted verdict =
        (Trusted)
            AppraisalJson.readVerdict(
                """
                {"trusted":true,"node_id":"1f0cf1b2-9a6c-8d1e-8000-5e7a1a5e7a1a","ek_name":"%s",
                 "ak_name":"%s","location":%s,"policy":"test","baseline":{"recorded":{}},
                 "clock":{"clock_ms":1,"reset_count":1,"restart_count":1,"safe":true},
                 "firmware_version":"1","pcrs":{}}
                """
                    .formatted(
                        "000b" + "11".repeat(32),
                        "000b" + "22".repeat(32),
                        AppraisalJson.write(location)));
    Claims claims = TestClaims.composer(Privacy.COMPAT).ofNode(verdict, NOW);
    assertThat(claims.json(Privacy.COMPAT))
        .contains(
            "\"location_verification\":{\"latitude\":40.33,\"longitude\":-3.7707,"
                + "\"accuracy\":2000}");
    assertThat(TestClaims.composer(Privacy.STRICT).ofNode(verdict, NOW).json(Privacy.STRICT))
        .doesNotContain("40.33", "3.77");
  }

  @Test
  void the_compatible_form_of_an_agent_shows_its_evidence() throws Exception {
    Claims appraised =
        Claims.of(
            Optional.empty(),
            Optional.of(
                new Claims.TpmAttestation(
                    Optional.of("ab"), Optional.of(NOW), Optional.of("demo"), Optional.empty())),
            Optional.empty(),
            Optional.empty());
    SovereignAttestation sent =
        SovereignAttestation.newBuilder()
            .setAppKeyPublic("PEM")
            .setAppKeyCertificate(ByteString.copyFromUtf8("{}"))
            .setChallengeNonce("00ff")
            .setTpmSignedAttestation("rquote")
            .build();
    LeafClaims leaf =
        TestClaims.composer(Privacy.COMPAT)
            .ofAgent(
                DOMAIN.withPath("/spire/agent/unified_identity/n1"),
                appraised,
                Optional.of(sent),
                NOW);
    assertThat(leaf.extension().orElseThrow().toText())
        .isEqualTo(
            "{\"grc.workload\":{\"workload-id\":\"spiffe://test.example/spire/agent/"
                + "unified_identity/n1\",\"key-source\":\"tpm-app-key\"},\"grc.tpm-attestation\":"
                + "{\"app-key-public\":\"PEM\",\"app-key-certificate\":\"e30=\","
                + "\"challenge-nonce\":\"00ff\"}}");
  }

  @Test
  void n37_a_node_without_a_location_is_not_enough_where_one_is_needed() {
    ClaimsComposer composer = TestClaims.composer(Privacy.STRICT, NEEDED);
    for (Optional<Claims> node :
        java.util.List.of(
            Optional.<Claims>empty(),
            Optional.of(
                Claims.of(
                    Optional.of(new Claims.Workload("spiffe://test.example/pay", "workload-key")),
                    Optional.empty(),
                    Optional.empty(),
                    Optional.empty())))) {
      assertThat(composer.ofWorkload(PAY, node, KEY, NOW)).isInstanceOf(Lacking.class);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[]",
        "{}",
        "{\"entries\":{}}",
        "{\"entries\":[{}]}",
        "{\"entries\":[{\"spiffe-id\":\"/pay\",\"need\":\"required\"}]}",
        "{\"entries\":[{\"spiffe-id\":\"spiffe://a/b\",\"need\":\"maybe\"}]}",
        "{\"entries\":[{\"spiffe-id\":\"spiffe://a/b\",\"need\":\"optional\",\"regions\":[\"a\"]}]}",
        "{\"entries\":[{\"spiffe-id\":\"spiffe://a/b\",\"need\":\"required\",\"regions\":[]}]}",
        "{\"entries\":[{\"spiffe-id\":\"spiffe://a/b\",\"need\":\"required\",\"colour\":1}]}",
        "{\"entries\":[{\"spiffe-id\":\"spiffe://a/b\",\"need\":\"required\","
            + "\"minimum-assurance\":\"sure\"}]}",
        "{\"entries\":[],\"entries\":[]}",
        "{"
      })
  void rules_that_are_none_are_a_start_up_error(String text) {
    assertThatThrownBy(() -> EntryLocationRules.parse("test", text))
        .isInstanceOfSatisfying(
            RefusalException.class,
            e -> assertThat(e.reason().code()).isEqualTo(ReasonCode.CONFIGURATION_INVALID));
  }
}
