package dev.serai.appraisal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.serai.location.Assurance;
import dev.serai.location.AttestedLocation;
import dev.serai.location.Endorsement;
import dev.serai.location.EndorsementKeySet;
import dev.serai.location.GeoPoint;
import dev.serai.location.LocationDocument;
import dev.serai.location.LocationReading;
import dev.serai.location.SensorAnswer;
import dev.serai.location.SensorQuestion;
import dev.serai.location.SignedWord;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.signing.Signatures;
import dev.serai.tpm.Bytes;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** Where a node is, as part of its evidence: bound by its TPM, judged by the policy. */
class LocatedEvidenceTest {
  private static final AppraisalSteps STEPS = new AppraisalSteps(Signatures.fastest());

  private static final KeyPair OPERATOR = pair();

  private final TestLocations places = new TestLocations();

  private static KeyPair pair() {
    try {
      return KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private Verdict judge(Evidence evidence) {
    evidence.locations = places;
    return evidence.judge(STEPS);
  }

  private static Evidence located() {
    return TestLocations.located(Evidence.p256());
  }

  private void rejected(ReasonCode code, Evidence evidence) {
    Verdict verdict = judge(evidence);
    assertThat(verdict.isTrusted()).isFalse();
    assertThat(verdict.reasons()).extracting(Reason::code).containsExactly(code);
  }

  private AttestedLocation attested(Evidence evidence) {
    Verdict verdict = judge(evidence);
    assertThat(verdict.reasons()).isEmpty();
    return ((Trusted) verdict).location().orElseThrow();
  }

  @Test
  void a_node_in_its_region_is_trusted_with_its_location() throws Exception {
    AttestedLocation location = attested(located());
    assertThat(location.region()).contains("madrid");
    assertThat(location.validUntil()).isEqualTo(Evidence.NOW.plus(Duration.ofMinutes(10)));
    Trusted verdict = (Trusted) judge(located());
    Trusted read = (Trusted) AppraisalJson.readVerdict(AppraisalJson.write(verdict));
    assertThat(read.location()).isEqualTo(verdict.location());
    assertThat(read.toString() + verdict.location()).doesNotContain("356345043865103", "40.41");
  }

  @Test
  void without_a_location_section_nobody_is_asked_and_nothing_is_claimed() {
    Evidence evidence = TestLocations.at(Evidence.p256(), TestLocations.reading(40.41, -3.71));
    evidence.sensor =
        question -> {
          throw new AssertionError("asked");
        };
    Verdict verdict = judge(evidence);
    assertThat(verdict.isTrusted()).isTrue();
    assertThat(((Trusted) verdict).location()).isEmpty();
  }

  @Test
  void n25_a_node_outside_the_geofence_is_rejected_and_stays_so() {
    rejected(
        ReasonCode.LOCATION_OUTSIDE,
        TestLocations.at(located(), TestLocations.reading(41.5, -3.7)));
    assertThat(places.refused.get(Evidence.NODE).code()).isEqualTo(ReasonCode.LOCATION_OUTSIDE);
    attested(located());
    assertThat(places.refused).isEmpty();
  }

  @Test
  void n26_a_node_without_the_location_its_policy_needs_is_rejected() {
    Evidence evidence = located();
    evidence.location = Optional.empty();
    evidence.boundLocation = Optional.empty();
    rejected(ReasonCode.LOCATION_MISSING, evidence);
    assertThat(places.refused).containsKey(Evidence.NODE);
  }

  @Test
  void a_location_that_others_may_have_altered_is_not_held_against_the_node() {
    Evidence evidence = located();
    evidence.location = Optional.of(LocationDocument.of(TestLocations.reading(40.42, -3.71)));
    rejected(ReasonCode.LOCATION_NOT_BOUND, evidence);
    assertThat(places.refused).as("anybody can send that").isEmpty();
  }

  @Test
  void n28_a_stale_reading_is_rejected() {
    Evidence evidence = located();
    evidence.now = Evidence.NOW.plus(Duration.ofMinutes(11));
    rejected(ReasonCode.LOCATION_STALE, evidence);
  }

  @Test
  void n29_and_n30_a_sensor_that_is_not_this_node_s_is_rejected() {
    Evidence unbound = located();
    unbound.sensor =
        question ->
            new SensorAnswer(SensorAnswer.Standing.UNBOUND, Optional.empty(), Optional.empty());
    rejected(ReasonCode.SENSOR_UNBOUND, unbound);
    Evidence unknown = located();
    unknown.sensor =
        question ->
            new SensorAnswer(SensorAnswer.Standing.UNKNOWN, Optional.empty(), Optional.empty());
    rejected(ReasonCode.SENSOR_UNKNOWN, unknown);
  }

  /** What the sensor role signs when the operator has the device where it was asked about. */
  private SensorAnswer yes(SensorQuestion question, KeyPair signer, String nonce, double north) {
    GeoPoint asked = question.area().orElseThrow().center();
    Endorsement endorsement =
        new Endorsement(
            "",
            "ab12",
            true,
            asked.latitude() + north,
            asked.longitude(),
            2_000,
            Evidence.NOW.minusSeconds(5),
            nonce);
    try {
      Signature signature = Signature.getInstance("Ed25519");
      signature.initSign(signer.getPrivate());
      signature.update(endorsement.signedBytes().toArray());
      return new SensorAnswer(
          SensorAnswer.Standing.BOUND,
          Optional.of(SensorAnswer.Word.TRUE),
          Optional.empty(),
          Optional.of(
              new SignedWord(
                  endorsement.signedBytes().toText(),
                  Bytes.copyOf(signature.sign()).toBase64(),
                  "k1")),
          Optional.of(
              new EndorsementKeySet(
                      List.of(
                          new EndorsementKeySet.Key(
                              "k1",
                              OPERATOR.getPublic(),
                              Evidence.NOW.minusSeconds(60),
                              Evidence.NOW.plusSeconds(60))))
                  .json()
                  .toText()));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private Evidence vouched(Function<SensorQuestion, SensorAnswer> answer) {
    Evidence evidence = located();
    evidence.policy =
        TestLocations.policy(
            "{\"need\":\"required\",\"regions\":[\"madrid\"],"
                + "\"minimum-assurance\":\"operator-verified\"}");
    evidence.sensor = answer;
    return evidence;
  }

  @Test
  void n34_an_operator_s_yes_counts_only_as_it_was_signed_for_this_very_question() {
    AttestedLocation found = attested(vouched(q -> yes(q, OPERATOR, q.nonce(), 0)));
    assertThat(found.assurance()).isEqualTo(Assurance.OPERATOR_VERIFIED);
    assertThat(found.endorsement()).isPresent();
    rejected(ReasonCode.ENDORSEMENT_SIGNATURE_INVALID, vouched(q -> yes(q, pair(), q.nonce(), 0)));
    rejected(
        ReasonCode.ENDORSEMENT_NONCE_MISMATCH,
        vouched(q -> yes(q, OPERATOR, "0123456789abcdef", 0)));
    rejected(
        ReasonCode.ENDORSEMENT_OF_OTHER_DEVICE, vouched(q -> yes(q, OPERATOR, q.nonce(), 0.01)));
    rejected(
        ReasonCode.ENDORSEMENT_SIGNATURE_INVALID,
        vouched(
            q ->
                new SensorAnswer(
                    SensorAnswer.Standing.BOUND,
                    Optional.of(SensorAnswer.Word.TRUE),
                    Optional.empty())));
    rejected(
        ReasonCode.ENDORSEMENT_KEY_UNKNOWN,
        vouched(
            q -> {
              SensorAnswer good = yes(q, OPERATOR, q.nonce(), 0);
              return new SensorAnswer(
                  good.standing(),
                  good.operator(),
                  good.msisdn(),
                  good.endorsement(),
                  Optional.of("{\"keys\":[]}"));
            }));
  }

  @Test
  void each_question_has_a_nonce_of_its_own() {
    Set<String> nonces = new HashSet<>();
    for (int i = 0; i < 3; i++) {
      attested(
          vouched(
              q -> {
                nonces.add(q.nonce());
                return yes(q, OPERATOR, q.nonce(), 0);
              }));
    }
    assertThat(nonces).hasSize(3).allMatch(nonce -> nonce.length() == 64);
  }

  @Test
  void n31_a_sensor_that_another_node_has_is_rejected() {
    attested(located());
    places.holders.replaceAll((device, holder) -> "another-node");
    rejected(ReasonCode.SENSOR_IN_USE, located());
    assertThat(places.refused.get(Evidence.NODE).detail()).contains("another-node");
  }

  @Test
  void n32_a_node_that_came_faster_than_anything_travels_is_rejected() {
    attested(located());
    Evidence evidence = located();
    evidence.policy = TestLocations.policy("{\"need\":\"required\"}");
    LocationReading before = TestLocations.reading(48.85, 2.35);
    rejected(ReasonCode.LOCATION_IMPOSSIBLE_TRAVEL, TestLocations.at(evidence, before));
  }

  @Test
  void an_optional_location_that_does_not_meet_its_rule_is_not_claimed() {
    Evidence evidence = TestLocations.at(located(), TestLocations.reading(41.5, -3.7));
    evidence.policy = TestLocations.policy("{\"need\":\"optional\",\"regions\":[\"madrid\"]}");
    Verdict verdict = judge(evidence);
    assertThat(verdict.isTrusted()).isTrue();
    assertThat(((Trusted) verdict).location()).isEmpty();
    assertThat(places.found).isEmpty();
  }

  @Test
  void a_group_has_its_own_rule() {
    Evidence evidence = located();
    evidence.policy =
        PolicyFile.parse(
            "test",
            """
            {"name":"test","pcrs":{"sha256":{"7":"recorded-at-enrolment"}},
             "location":{"default":{"need":"forbidden"},
              "groups":[{"nodes":["ek:%s"],"need":"required"}]}}
            """
                .formatted(evidence.ek.name().toHex()));
    attested(evidence);
    Evidence other = TestLocations.located(Evidence.rsa());
    other.policy = TestLocations.policy("{\"need\":\"forbidden\"}");
    rejected(ReasonCode.LOCATION_FORBIDDEN, other);
  }
}
