package dev.serai.appraisal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import dev.serai.location.LocationDocument;
import dev.serai.location.LocationReading;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.signing.Signatures;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.TpmClock;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.spec.TpmScheme;
import dev.serai.tpm.wire.PcrBlob;
import dev.serai.tpm.wire.PcrSelection;
import dev.serai.tpm.wire.TpmaObject;
import dev.serai.tpm.wire.TpmaObject.Attribute;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** One valid example, one change per test. */
class AppraisalTest {
  private static final AppraisalSteps STEPS = new AppraisalSteps(Signatures.fastest());

  private static Verdict judge(Consumer<Evidence> change) {
    Evidence evidence = Evidence.p256();
    change.accept(evidence);
    return evidence.judge(STEPS);
  }

  private static void assertRejected(ReasonCode code, Consumer<Evidence> change) {
    Verdict verdict = judge(change);
    assertThat(verdict.isTrusted()).isFalse();
    assertThat(verdict.reasons()).extracting(Reason::code).containsExactly(code);
  }

  static Stream<Evidence> kinds() {
    return Stream.of(Evidence.p256(), Evidence.rsa());
  }

  // --- Good evidence ----------------------------------------------------------------------------

  @ParameterizedTest
  @MethodSource("kinds")
  void good_evidence_is_trusted_with_every_fact(Evidence evidence) {
    Verdict verdict = evidence.judge(STEPS);

    assertThat(verdict.reasons()).isEmpty();
    Trusted trusted = (Trusted) verdict;
    assertThat(trusted.nodeId()).isEqualTo(Evidence.NODE);
    assertThat(trusted.ekName()).isEqualTo(evidence.ek.name());
    assertThat(trusted.akName()).isEqualTo(evidence.ak.name());
    assertThat(trusted.appKey())
        .contains(new Trusted.AppKey(evidence.appKey.encoded(), evidence.appKeyInfo()));
    assertThat(trusted.state().pcrs()).isEqualTo(Map.of(TpmHash.SHA256, evidence.pcrs));
    assertThat(trusted.state().clock()).isEqualTo(Evidence.CLOCK);
    assertThat(trusted.policy()).isEqualTo("test");
    assertThat(trusted.baseline().clock()).contains(Evidence.CLOCK);
    assertThat(trusted.baseline().recorded(TpmHash.SHA256, 7)).contains(Evidence.value(7));
    assertThat(trusted.baseline().recorded(TpmHash.SHA256, 0)).isEmpty();
  }

  // --- Location ---------------------------------------------------------------------------------

  private static LocationDocument site(double latitude) {
    return LocationDocument.of(
        new LocationReading(
            "gnss",
            "/dev/ttyACM0",
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.of(new LocationReading.Position(latitude, 13.25, 5)),
            Instant.ofEpochMilli(1_790_000_000_000L),
            "gpsd"));
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void a_bound_location_is_a_fact_of_the_verdict(Evidence evidence) {
    evidence.location = Optional.of(site(52.5));
    evidence.boundLocation = evidence.location;
    evidence.policy = TestLocations.policy("{\"need\":\"optional\"}");
    evidence.now = site(52.5).reading().takenAt();
    Verdict verdict = evidence.judge(STEPS);
    assertThat(verdict.reasons()).isEmpty();
    assertThat(((Trusted) verdict).location().orElseThrow().reading())
        .isEqualTo(site(52.5).reading());
    assertThat(verdict.toString()).doesNotContain("52.5");
  }

  @Test
  void n27_a_location_altered_on_the_way_is_denied() {
    assertRejected(
        ReasonCode.LOCATION_NOT_BOUND,
        e -> {
          e.boundLocation = Optional.of(site(52.5));
          e.location = Optional.of(site(52.500001));
        });
  }

  @Test
  void n27_a_location_added_on_the_way_is_denied() {
    assertRejected(ReasonCode.LOCATION_NOT_BOUND, e -> e.location = Optional.of(site(52.5)));
  }

  @Test
  void n27_a_location_taken_away_on_the_way_is_denied() {
    assertRejected(ReasonCode.NONCE_MISMATCH, e -> e.boundLocation = Optional.of(site(52.5)));
  }

  @Test
  void a_location_in_another_form_is_denied() {
    assertRejected(
        ReasonCode.LOCATION_MALFORMED,
        e -> {
          e.boundLocation = Optional.of(site(52.5));
          e.last =
              message ->
                  message.setLocation(ByteString.copyFromUtf8(" " + site(52.5).bytes().toText()));
        });
  }

  @Test
  void an_rsa_app_key_is_trusted_too() {
    Verdict verdict =
        judge(
            e -> {
              e.appKeys = SoftwareTpm.APP_RSA;
              e.csrKeys = SoftwareTpm.APP_RSA;
              e.csrSigner = SoftwareTpm.APP_RSA.getPrivate();
              e.appKey =
                  SoftwareTpm.publicArea(
                      SoftwareTpm.APP_RSA, SoftwareTpm.APP_KEY_ATTRIBUTES, TpmScheme.NULL);
            });
    assertThat(verdict.reasons()).isEmpty();
  }

  @Test
  void an_ak_under_the_ek_is_trusted_too() {
    Verdict verdict =
        judge(
            e -> {
              Bytes signer =
                  e.ak.name().qualifiedUnder(SoftwareTpm.endorsementPrimary(e.ek)).encoded();
              e.quoteAttest =
                  Optional.of(
                      SoftwareTpm.quote(
                          signer,
                          e.nonce,
                          e.clock,
                          e.quoted,
                          PcrBlob.of(e.quoted, Map.of(TpmHash.SHA256, e.pcrs))
                              .digest(TpmHash.SHA256)));
            });
    assertThat(verdict.reasons()).isEmpty();
  }

  // --- Schema -----------------------------------------------------------------------------------

  @Test
  void noise_is_no_evidence() {
    AppraisalRequest request =
        new AppraisalRequest(
            Bytes.ofHex("ffffffffff"),
            Bytes.EMPTY,
            ChallengeStanding.FRESH,
            Evidence.NONCE,
            Evidence.SELECTION);
    Verdict verdict = STEPS.parse(Appraisal.of(request)).verdict();
    assertThat(verdict.reasons())
        .extracting(Reason::code)
        .containsExactly(ReasonCode.EVIDENCE_MALFORMED);
    assertThat(verdict.nodeId()).isEmpty();
  }

  @Test
  void every_part_is_demanded() {
    assertRejected(ReasonCode.EVIDENCE_MISSING, e -> e.last = m -> m.clearTpmSignedAttestation());
    assertRejected(ReasonCode.EVIDENCE_MISSING, e -> e.last = m -> m.clearAppKeyPublic());
    assertRejected(ReasonCode.EVIDENCE_MISSING, e -> e.last = m -> m.clearAppKeyCertificate());
    assertRejected(ReasonCode.EVIDENCE_MISSING, e -> e.last = m -> m.clearAppKeyTpmPublic());
    assertRejected(ReasonCode.EVIDENCE_MISSING, e -> e.last = m -> m.clearKeylimeAgentUuid());
    assertRejected(ReasonCode.NONCE_MISSING, e -> e.last = m -> m.clearChallengeNonce());
  }

  @Test
  void malformed_parts_are_named() {
    assertRejected(
        ReasonCode.EVIDENCE_MALFORMED, e -> e.last = m -> m.setTpmSignedAttestation("rAA:AA"));
    assertRejected(
        ReasonCode.EVIDENCE_MALFORMED, e -> e.last = m -> m.setTpmSignedAttestation("r!:!:!"));
    assertRejected(ReasonCode.EVIDENCE_MALFORMED, e -> e.last = m -> m.setAppKeyPublic("no PEM"));
    assertRejected(
        ReasonCode.EVIDENCE_MALFORMED,
        e -> e.last = m -> m.setAppKeyCertificate(ByteString.copyFromUtf8("{\"certify_data\":1}")));
    assertRejected(
        ReasonCode.EVIDENCE_MALFORMED,
        e -> e.last = m -> m.setAppKeyCertificate(ByteString.copyFromUtf8("not JSON")));
    assertRejected(
        ReasonCode.EVIDENCE_MALFORMED,
        e -> e.last = m -> m.setAppKeyTpmPublic(ByteString.copyFromUtf8("noise")));
    assertRejected(ReasonCode.EVIDENCE_MALFORMED, e -> e.last = m -> m.setChallengeNonce("xyz"));
    assertRejected(ReasonCode.EVIDENCE_MALFORMED, e -> e.nodeId = "../etc/passwd");
  }

  // --- Nonce ------------------------------------------------------------------------------------

  @ParameterizedTest
  @EnumSource(value = ChallengeStanding.class, mode = EnumSource.Mode.EXCLUDE, names = "FRESH")
  void a_nonce_that_is_not_fresh_is_refused_by_its_own_code(ChallengeStanding standing) {
    assertRejected(standing.refusal().orElseThrow(), e -> e.standing = standing);
    assertThat(standing.refusal().orElseThrow().name()).isEqualTo("NONCE_" + standing.name());
  }

  @Test
  void evidence_that_names_another_nonce_is_refused() {
    assertRejected(ReasonCode.NONCE_MISMATCH, e -> e.claimedNonce = Bytes.ofHex("b2".repeat(32)));
  }

  @Test
  void a_certify_that_names_another_nonce_is_refused() {
    assertRejected(
        ReasonCode.NONCE_MISMATCH,
        e ->
            e.last =
                m ->
                    m.setAppKeyCertificate(
                        ByteString.copyFromUtf8(
                            m.getAppKeyCertificate()
                                .toStringUtf8()
                                .replace(Evidence.NONCE.toHex(), "b2".repeat(32)))));
  }

  @Test
  void a_replayed_quote_is_refused() {
    assertRejected(ReasonCode.NONCE_MISMATCH, e -> e.quotedNonce = Bytes.ofHex("b2".repeat(32)));
    assertRejected(ReasonCode.NONCE_MISMATCH, e -> e.quotedNonce = Bytes.EMPTY);
    assertRejected(ReasonCode.NONCE_MISMATCH, e -> e.quotedNonce = Evidence.NONCE.slice(0, 31));
  }

  @Test
  void a_replayed_certify_is_refused() {
    assertRejected(
        ReasonCode.NONCE_MISMATCH,
        e ->
            e.certifyAttest =
                Optional.of(
                    SoftwareTpm.certify(
                        SoftwareTpm.endorsementPrimary(e.ak),
                        CertifyBinding.qualifyingData(
                            Bytes.ofHex("b2".repeat(32)), e.appKeyInfo(), e.csr()),
                        e.clock,
                        e.appKey.name())));
  }

  @Test
  void a_certify_for_another_csr_is_refused() {
    assertRejected(
        ReasonCode.NONCE_MISMATCH,
        e ->
            e.certifyAttest =
                Optional.of(
                    SoftwareTpm.certify(
                        SoftwareTpm.endorsementPrimary(e.ak),
                        CertifyBinding.qualifyingData(
                            e.nonce, e.appKeyInfo(), Bytes.ofText("another CSR")),
                        e.clock,
                        e.appKey.name())));
  }

  // --- Node record ------------------------------------------------------------------------------

  @Test
  void a_node_that_is_not_activated_is_refused() {
    assertRejected(
        ReasonCode.NODE_NOT_ACTIVATED, e -> e.nodeStanding = NodeRecord.Standing.REGISTERED);
  }

  @Test
  void a_banned_node_is_refused() {
    assertRejected(ReasonCode.NODE_BANNED, e -> e.nodeStanding = NodeRecord.Standing.BANNED);
  }

  @Test
  void the_record_of_another_node_is_refused() {
    assertRejected(ReasonCode.NODE_UNKNOWN, e -> e.nodeId = "another-node");
  }

  @ParameterizedTest
  @EnumSource(
      value = Attribute.class,
      names = {"RESTRICTED", "SIGN", "FIXED_TPM", "FIXED_PARENT", "SENSITIVE_DATA_ORIGIN"})
  void an_ak_without_a_needed_attribute_is_refused(Attribute missing) {
    assertRejected(
        ReasonCode.AK_ATTRIBUTES_WRONG,
        e ->
            e.ak =
                SoftwareTpm.publicArea(
                    e.akKeys,
                    new TpmaObject(SoftwareTpm.AK_ATTRIBUTES.bits() & ~missing.mask()),
                    TpmScheme.ECDSA));
  }

  @Test
  void an_ak_that_also_decrypts_is_refused() {
    assertRejected(
        ReasonCode.AK_ATTRIBUTES_WRONG,
        e ->
            e.ak =
                SoftwareTpm.publicArea(
                    e.akKeys,
                    new TpmaObject(SoftwareTpm.AK_ATTRIBUTES.bits() | Attribute.DECRYPT.mask()),
                    TpmScheme.ECDSA));
  }

  @Test
  void an_ak_without_fixed_scheme_is_refused() {
    assertRejected(
        ReasonCode.AK_ATTRIBUTES_WRONG,
        e -> e.ak = SoftwareTpm.publicArea(e.akKeys, SoftwareTpm.AK_ATTRIBUTES, TpmScheme.NULL));
  }

  @Test
  void an_ak_that_signs_with_sha1_is_refused() {
    assertRejected(
        ReasonCode.SIGNATURE_INVALID,
        e ->
            e.ak =
                SoftwareTpm.publicArea(
                    e.akKeys, SoftwareTpm.AK_ATTRIBUTES, TpmScheme.ECDSA, TpmHash.SHA1));
  }

  // --- Certify ----------------------------------------------------------------------------------

  @Test
  void a_certify_by_the_ak_of_another_node_is_refused() {
    assertRejected(
        ReasonCode.AK_MISMATCH,
        e -> {
          Bytes foreign =
              SoftwareTpm.endorsementPrimary(
                  SoftwareTpm.publicArea(
                      SoftwareTpm.OTHER_P256, SoftwareTpm.AK_ATTRIBUTES, TpmScheme.ECDSA));
          e.certifySigner = SoftwareTpm.OTHER_P256;
          e.certifyAttest =
              Optional.of(
                  SoftwareTpm.certify(
                      foreign,
                      CertifyBinding.qualifyingData(e.nonce, e.appKeyInfo(), e.csr()),
                      e.clock,
                      e.appKey.name()));
        });
  }

  @Test
  void a_certify_signed_by_a_stranger_is_refused() {
    assertRejected(ReasonCode.SIGNATURE_INVALID, e -> e.certifySigner = SoftwareTpm.OTHER_P256);
    assertRejected(ReasonCode.SIGNATURE_INVALID, e -> e.certifySigner = SoftwareTpm.RSA);
  }

  @Test
  void a_quote_in_place_of_a_certify_is_refused() {
    assertRejected(
        ReasonCode.NOT_A_CERTIFY, e -> e.certifyAttest = Optional.of(e.quote().attest()));
    assertRejected(
        ReasonCode.NOT_A_CERTIFY,
        e ->
            e.certifyAttest =
                Optional.of(
                    SoftwareTpm.time(
                        SoftwareTpm.endorsementPrimary(e.ak), Evidence.NONCE, e.clock)));
  }

  @Test
  void a_certify_of_another_key_is_refused() {
    assertRejected(
        ReasonCode.CERTIFIED_OTHER_KEY,
        e ->
            e.certifyAttest =
                Optional.of(
                    SoftwareTpm.certify(
                        SoftwareTpm.endorsementPrimary(e.ak),
                        CertifyBinding.qualifyingData(e.nonce, e.appKeyInfo(), e.csr()),
                        e.clock,
                        e.ak.name())));
  }

  @Test
  void an_app_key_pem_of_another_key_is_refused() {
    assertRejected(ReasonCode.CERTIFIED_OTHER_KEY, e -> e.appKeys = SoftwareTpm.OTHER_APP_P256);
  }

  @ParameterizedTest
  @EnumSource(
      value = Attribute.class,
      names = {"SIGN", "FIXED_TPM", "FIXED_PARENT", "SENSITIVE_DATA_ORIGIN"})
  void an_exportable_or_useless_app_key_is_refused(Attribute missing) {
    assertRejected(
        ReasonCode.APP_KEY_ATTRIBUTES_WRONG,
        e ->
            e.appKey =
                SoftwareTpm.publicArea(
                    e.appKeys,
                    new TpmaObject(SoftwareTpm.APP_KEY_ATTRIBUTES.bits() & ~missing.mask()),
                    TpmScheme.NULL));
  }

  @Test
  void an_app_key_that_also_decrypts_is_refused() {
    assertRejected(
        ReasonCode.APP_KEY_ATTRIBUTES_WRONG,
        e ->
            e.appKey =
                SoftwareTpm.publicArea(
                    e.appKeys,
                    new TpmaObject(
                        SoftwareTpm.APP_KEY_ATTRIBUTES.bits() | Attribute.DECRYPT.mask()),
                    TpmScheme.NULL));
  }

  // --- CSR --------------------------------------------------------------------------------------

  @Test
  void a_csr_for_another_key_is_refused() {
    assertRejected(
        ReasonCode.CSR_OTHER_KEY,
        e -> {
          e.csrKeys = SoftwareTpm.OTHER_APP_P256;
          e.csrSigner = SoftwareTpm.OTHER_APP_P256.getPrivate();
        });
  }

  @Test
  void a_csr_signed_by_another_key_is_refused() {
    assertRejected(
        ReasonCode.CSR_SIGNATURE_INVALID,
        e -> e.csrSigner = SoftwareTpm.OTHER_APP_P256.getPrivate());
    assertRejected(
        ReasonCode.CSR_SIGNATURE_INVALID, e -> e.csrSigner = SoftwareTpm.RSA.getPrivate());
  }

  @Test
  void a_csr_that_is_none_is_refused() {
    assertRejected(ReasonCode.CSR_MALFORMED, e -> e.csr = Optional.of(Bytes.ofText("no DER")));
    assertRejected(ReasonCode.CSR_MALFORMED, e -> e.csr = Optional.of(Bytes.EMPTY));
    assertRejected(
        ReasonCode.CSR_MALFORMED,
        e -> e.csr = Optional.of(Bytes.concat(e.csr(), Bytes.ofHex("00"))));
    assertRejected(
        ReasonCode.CSR_MALFORMED, e -> e.csr = Optional.of(e.csr().slice(0, e.csr().size() - 1)));
  }

  // --- Quote ------------------------------------------------------------------------------------

  @Test
  void a_quote_by_the_ak_of_another_node_is_refused() {
    assertRejected(
        ReasonCode.AK_MISMATCH,
        e -> {
          e.quoteAttest = Optional.of(Evidence.rsa().quote().attest());
          e.quoteSigner = SoftwareTpm.OTHER_P256;
        });
  }

  @Test
  void a_quote_signed_by_a_stranger_is_refused() {
    assertRejected(ReasonCode.SIGNATURE_INVALID, e -> e.quoteSigner = SoftwareTpm.OTHER_P256);
  }

  @Test
  void a_quote_whose_ak_has_another_parent_is_refused() {
    assertRejected(
        ReasonCode.AK_MISMATCH,
        e ->
            e.quoteAttest =
                Optional.of(
                    SoftwareTpm.quote(
                        e.ak.name().qualifiedUnder(Bytes.ofHex("40000001")).encoded(),
                        e.nonce,
                        e.clock,
                        e.quoted,
                        Bytes.ofHex("00".repeat(32)))));
  }

  @Test
  void another_statement_in_place_of_a_quote_is_refused() {
    assertRejected(
        ReasonCode.NOT_A_QUOTE,
        e ->
            e.quoteAttest =
                Optional.of(
                    SoftwareTpm.time(SoftwareTpm.endorsementPrimary(e.ak), e.nonce, e.clock)));
  }

  @Test
  void a_signed_text_that_is_no_statement_of_a_tpm_is_refused() {
    assertRejected(
        ReasonCode.EVIDENCE_MALFORMED,
        e -> e.quoteAttest = Optional.of(Bytes.ofText("signed, but by no TPM")));
  }

  @Test
  void a_quote_over_fewer_pcrs_or_an_inactive_bank_is_refused() {
    assertRejected(
        ReasonCode.PCR_SELECTION_MISMATCH,
        e -> e.quoted = PcrSelection.ofMask(TpmHash.SHA256, 0x7f));
    assertRejected(
        ReasonCode.PCR_SELECTION_MISMATCH, e -> e.quoted = PcrSelection.ofMask(TpmHash.SHA256, 0));
  }

  @Test
  void values_that_are_not_those_of_the_quote_are_refused() {
    assertRejected(
        ReasonCode.PCR_DIGEST_MISMATCH,
        e -> {
          e.shownPcrs = Optional.of(new TreeMap<>(e.pcrs));
          e.shownPcrs.get().put(3, Evidence.value(9));
        });
  }

  @Test
  void values_labelled_with_other_pcrs_than_the_quote_are_refused() {
    Evidence evidence = Evidence.p256();
    PcrSelection others = PcrSelection.ofMask(TpmHash.SHA256, 0xff00);
    TreeMap<Integer, Bytes> shifted = new TreeMap<>();
    evidence.pcrs.forEach((index, value) -> shifted.put(index + 8, value));
    Bytes blob = PcrBlob.of(others, Map.of(TpmHash.SHA256, shifted)).encoded();
    Check<Trusted.QuotedState> check =
        QuoteVerifier.verify(
            evidence.quote(), blob, STEPS.key(evidence.node()), evidence.nonce, evidence.asked);
    assertThat(((Check.Failed<Trusted.QuotedState>) check).reason().code())
        .isEqualTo(ReasonCode.PCR_SELECTION_MISMATCH);
  }

  // --- Policy and clock -------------------------------------------------------------------------

  @Test
  void exact_values_are_compared() {
    assertThat(
            judge(
                    e ->
                        e.policy =
                            Evidence.policy(
                                Map.of(0, new PcrRule.AnyOf(Set.of(Evidence.value(0))))))
                .reasons())
        .isEmpty();
    assertRejected(
        ReasonCode.PCR_VALUE_NOT_ALLOWED,
        e -> e.policy = Evidence.policy(Map.of(0, new PcrRule.AnyOf(Set.of(Evidence.value(1))))));
  }

  @Test
  void one_of_a_set_of_values_is_enough() {
    assertThat(
            judge(
                    e ->
                        e.policy =
                            Evidence.policy(
                                Map.of(
                                    0,
                                    new PcrRule.AnyOf(
                                        Set.of(Evidence.value(0), Evidence.value(5))))))
                .reasons())
        .isEmpty();
    assertRejected(
        ReasonCode.PCR_VALUE_NOT_ALLOWED,
        e ->
            e.policy =
                Evidence.policy(
                    Map.of(0, new PcrRule.AnyOf(Set.of(Evidence.value(4), Evidence.value(5))))));
  }

  @Test
  void a_recorded_value_that_changed_is_refused() {
    assertRejected(
        ReasonCode.PCR_VALUE_NOT_ALLOWED,
        e ->
            e.before =
                new Baseline(
                    Map.of(TpmHash.SHA256, new TreeMap<>(Map.of(7, Evidence.value(1)))),
                    Optional.empty()));
  }

  @Test
  void a_recorded_value_stays_recorded() {
    Trusted first = (Trusted) judge(e -> {});
    Trusted second = (Trusted) judge(e -> e.before = first.baseline());
    assertThat(second.baseline().recorded()).isEqualTo(first.baseline().recorded());
  }

  @Test
  void every_violation_is_named() {
    Verdict verdict =
        judge(
            e ->
                e.policy =
                    Evidence.policy(
                        Map.of(
                            0, new PcrRule.AnyOf(Set.of(Evidence.value(9))),
                            1, new PcrRule.AnyOf(Set.of(Evidence.value(9))),
                            9, new PcrRule.RecordedAtEnrolment())));
    assertThat(verdict.reasons())
        .extracting(Reason::code)
        .containsExactly(
            ReasonCode.PCR_VALUE_NOT_ALLOWED,
            ReasonCode.PCR_VALUE_NOT_ALLOWED,
            ReasonCode.PCR_NOT_QUOTED);
    assertThat(verdict.reasons().get(1).detail())
        .isEqualTo("sha256:1 is " + Evidence.value(1).toHex());
  }

  @Test
  void a_pcr_the_policy_wants_and_nobody_quoted_is_refused() {
    assertRejected(
        ReasonCode.PCR_NOT_QUOTED,
        e -> e.policy = Evidence.policy(Map.of(14, new PcrRule.RecordedAtEnrolment())));
  }

  @Test
  void without_a_policy_nobody_is_trusted() {
    Evidence evidence = Evidence.p256();
    Appraisal judged = STEPS.parse(Appraisal.of(evidence.request()));
    judged = STEPS.checkNode(STEPS.checkChallenge(judged), evidence.node());
    judged = STEPS.verifyQuote(STEPS.verifyCsr(STEPS.verifyCertify(judged)));
    judged = STEPS.checkPcrs(STEPS.withBaseline(judged, Baseline.NONE), Optional.empty());
    assertThat(judged.verdict().reasons())
        .extracting(Reason::code)
        .containsExactly(ReasonCode.POLICY_MISSING);
  }

  @Test
  void a_clock_that_went_back_is_refused() {
    assertRejected(
        ReasonCode.CLOCK_WENT_BACK,
        e -> e.before = new Baseline(Map.of(), Optional.of(new TpmClock(160_001, 5, 1, true))));
  }

  @Test
  void a_clock_that_is_not_safe_is_refused() {
    assertRejected(ReasonCode.CLOCK_NOT_SAFE, e -> e.clock = new TpmClock(100_000, 5, 1, false));
  }

  // --- Order ------------------------------------------------------------------------------------

  @Test
  void the_first_check_that_fails_names_the_reason() {
    assertRejected(
        ReasonCode.NONCE_USED,
        e -> {
          e.standing = ChallengeStanding.USED;
          e.nodeStanding = NodeRecord.Standing.BANNED;
          e.quoteSigner = SoftwareTpm.OTHER_P256;
        });
    assertRejected(
        ReasonCode.NODE_BANNED,
        e -> {
          e.nodeStanding = NodeRecord.Standing.BANNED;
          e.quoteSigner = SoftwareTpm.OTHER_P256;
        });
  }

  @Test
  void a_step_left_out_is_no_verdict() {
    Evidence evidence = Evidence.p256();
    Appraisal parsed = STEPS.parse(Appraisal.of(evidence.request()));
    assertThatThrownBy(parsed::verdict).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> STEPS.checkNode(parsed, evidence.node()))
        .isInstanceOf(IllegalStateException.class);
  }
}
