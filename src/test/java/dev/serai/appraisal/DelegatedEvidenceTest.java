package dev.serai.appraisal;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.keylime.QuoteString;
import dev.serai.location.LocationDocument;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.signing.Signatures;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.spec.TpmScheme;
import dev.serai.tpm.wire.MalformedStructureException;
import dev.serai.tpm.wire.TpmaObject;
import dev.serai.tpm.wire.TpmaObject.Attribute;
import java.security.KeyPair;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What the prototype sends is judged by the core, though it leaves out the App Key's public area.
 */
class DelegatedEvidenceTest {
  private static final AppraisalSteps STEPS = new AppraisalSteps(Signatures.fastest());

  private final Evidence evidence = Evidence.rsa();
  private final TestLocations locations = new TestLocations();

  private void appKey(KeyPair keys, TpmaObject attributes, TpmScheme scheme) {
    evidence.appKeys = keys;
    evidence.appKey = SoftwareTpm.publicArea(keys, attributes, scheme);
  }

  private DelegatedEvidence sent(Optional<Bytes> tpmPublic) {
    SignedStatement quote = evidence.quote();
    SignedStatement certify =
        SoftwareTpm.statement(
            evidence.certifySigner,
            SoftwareTpm.certify(
                SoftwareTpm.endorsementPrimary(evidence.ak),
                CertifyBinding.prototypeQualifyingData(
                    evidence.appKeyInfo(), evidence.nonce.toHex()),
                evidence.clock,
                evidence.appKey.name()));
    return new DelegatedEvidence(
        Evidence.NODE,
        evidence.nonce.toHex(),
        new QuoteString(quote.attest(), quote.signature(), evidence.blob()).encode(),
        Evidence.pem(evidence.appKeyInfo()),
        Bytes.ofText(
            "{\"certify_data\":\"%s\",\"challenge_nonce\":\"%s\",\"signature\":\"%s\"}"
                .formatted(
                    certify.attest().toBase64(),
                    evidence.nonce.toHex(),
                    certify.signature().toBase64())),
        tpmPublic,
        Optional.empty());
  }

  private Appraisal judge(AppraisalRequest request) {
    Appraisal appraisal = STEPS.parse(Appraisal.of(request));
    appraisal = appraisal.isOpen() ? STEPS.checkChallenge(appraisal) : appraisal;
    appraisal = appraisal.isOpen() ? STEPS.checkNode(appraisal, evidence.node()) : appraisal;
    appraisal = appraisal.isOpen() ? STEPS.verifyCertify(appraisal) : appraisal;
    appraisal = appraisal.isOpen() ? STEPS.verifyCsr(appraisal) : appraisal;
    appraisal = appraisal.isOpen() ? STEPS.verifyQuote(appraisal) : appraisal;
    appraisal = appraisal.isOpen() ? STEPS.withBaseline(appraisal, Baseline.NONE) : appraisal;
    appraisal =
        appraisal.isOpen() ? STEPS.checkPcrs(appraisal, Optional.of(evidence.policy)) : appraisal;
    appraisal = appraisal.isOpen() ? STEPS.checkClock(appraisal) : appraisal;
    LocationSteps places = TestLocations.steps(locations, Evidence.NOW);
    appraisal = appraisal.isOpen() ? places.read(appraisal) : appraisal;
    return appraisal.isOpen() ? places.judge(appraisal) : appraisal;
  }

  private Appraisal judge() throws MalformedStructureException {
    return judge(sent(Optional.empty()).request(ChallengeStanding.FRESH, Evidence.SELECTION));
  }

  private static final TpmaObject LAWFUL =
      TpmaObject.of(
          Attribute.FIXED_TPM,
          Attribute.FIXED_PARENT,
          Attribute.SENSITIVE_DATA_ORIGIN,
          Attribute.USER_WITH_AUTH,
          Attribute.SIGN);

  @Test
  void that_this_form_says_no_location_ends_nobody_s_standing_and_mends_none() throws Exception {
    appKey(SoftwareTpm.APP_P256, LAWFUL, TpmScheme.ECDSA);
    evidence.policy = TestLocations.policy("{\"need\":\"required\"}");
    assertThat(judge().reasons())
        .extracting(Reason::code)
        .containsExactly(ReasonCode.LOCATION_MISSING);
    assertThat(locations.refused).isEmpty();

    Reason before = new Reason(ReasonCode.LOCATION_OUTSIDE, "seen before");
    locations.refused(Evidence.NODE, before, Evidence.NOW);
    evidence.policy = TestLocations.policy("{\"need\":\"optional\"}");
    assertThat(judge().verdict().isTrusted()).isTrue();
    assertThat(locations.refused).containsValue(before);
  }

  /** PCR 15 was extended with this last, and the quote says so. */
  private PcrExtend extended(String what) {
    PcrExtend extend =
        new PcrExtend(Bytes.copyOf(new byte[32]), Bytes.copyOf(sha256(what.getBytes(UTF_8))));
    evidence.quoted = Evidence.SELECTION.and(15);
    evidence.pcrs.put(15, extend.after());
    return extend;
  }

  private static byte[] sha256(byte[] bytes) {
    return TpmHash.SHA256.newDigest().digest(bytes);
  }

  private Appraisal judgeAt(PcrExtend extend) throws MalformedStructureException {
    DelegatedEvidence.Located located =
        new DelegatedEvidence.Located(
            LocationDocument.of(TestLocations.reading(40.41, -3.71)), extend);
    return judge(
        sent(Optional.empty())
            .request(ChallengeStanding.FRESH, Evidence.SELECTION, Optional.of(located)));
  }

  @Test
  void a_location_counts_that_pcr_15_was_extended_with() throws Exception {
    appKey(SoftwareTpm.APP_P256, LAWFUL, TpmScheme.ECDSA);
    evidence.policy =
        TestLocations.policy(
            "{\"need\":\"required\",\"regions\":[\"madrid\"],"
                + "\"sensors\":[\"mobile:12d1:1433\"],\"device-check\":\"policy\"}");
    Trusted trusted = (Trusted) judgeAt(extended("here")).verdict();
    assertThat(trusted.location().orElseThrow().region()).contains("madrid");
    assertThat(locations.found).containsKey(Evidence.NODE);
  }

  @Test
  void a_location_that_does_not_do_in_this_form_s_words_ends_nobody_s_standing() throws Exception {
    appKey(SoftwareTpm.APP_P256, LAWFUL, TpmScheme.ECDSA);
    evidence.policy =
        TestLocations.policy(
            "{\"need\":\"required\",\"minimum-assurance\":\"gnss\","
                + "\"sensors\":[\"mobile:12d1:1433\"],\"device-check\":\"policy\"}");
    assertThat(judgeAt(extended("here")).reasons())
        .extracting(Reason::code)
        .containsExactly(ReasonCode.LOCATION_ASSURANCE_LOW);
    assertThat(locations.refused).isEmpty();
  }

  @Test
  void n27_a_location_that_pcr_15_was_not_extended_with_last_is_denied() throws Exception {
    appKey(SoftwareTpm.APP_P256, LAWFUL, TpmScheme.ECDSA);
    PcrExtend real = extended("here");
    PcrExtend other = new PcrExtend(real.before(), Bytes.copyOf(sha256("there".getBytes(UTF_8))));
    PcrExtend later = new PcrExtend(real.after(), real.digest());
    for (PcrExtend claimed : new PcrExtend[] {other, later}) {
      assertThat(judgeAt(claimed).reasons())
          .extracting(Reason::code)
          .containsExactly(ReasonCode.LOCATION_NOT_BOUND);
    }
    evidence.quoted = Evidence.SELECTION; // and where the quote leaves PCR 15 out
    assertThat(judgeAt(real).reasons())
        .extracting(Reason::code)
        .containsExactly(ReasonCode.LOCATION_NOT_BOUND);
    assertThat(locations.found).isEmpty();
    assertThat(locations.refused).isEmpty();
  }

  @Test
  void n27_a_location_without_its_extend_is_denied() throws Exception {
    appKey(SoftwareTpm.APP_P256, LAWFUL, TpmScheme.ECDSA);
    AppraisalRequest whole =
        sent(Optional.empty())
            .request(
                ChallengeStanding.FRESH,
                Evidence.SELECTION,
                Optional.of(
                    new DelegatedEvidence.Located(
                        LocationDocument.of(TestLocations.reading(40.41, -3.71)),
                        new PcrExtend(Bytes.EMPTY, Bytes.EMPTY))));
    AppraisalRequest without =
        new AppraisalRequest(
            whole.attestation(),
            whole.csr(),
            whole.standing(),
            whole.nonce(),
            whole.selection(),
            whole.form());
    assertThat(judge(without).reasons())
        .extracting(Reason::code)
        .containsExactly(ReasonCode.LOCATION_NOT_BOUND);
  }

  @Test
  void the_public_area_is_found_by_the_name_that_was_certified() throws Exception {
    appKey(SoftwareTpm.APP_P256, LAWFUL, TpmScheme.ECDSA);
    Trusted trusted = (Trusted) judge().verdict();
    assertThat(trusted.appKey().orElseThrow().tpmPublic()).isEqualTo(evidence.appKey.encoded());
    assertThat(trusted.appKey().orElseThrow().subjectPublicKeyInfo())
        .isEqualTo(evidence.appKeyInfo());

    appKey(SoftwareTpm.RSA, LAWFUL, TpmScheme.NULL);
    assertThat(judge().verdict().isTrusted()).isTrue();
  }

  @Test
  void a_key_with_a_rare_public_area_is_taken_when_it_is_sent() throws Exception {
    TpmaObject rare = new TpmaObject(LAWFUL.bits() | Attribute.ENCRYPTED_DUPLICATION.mask());
    appKey(SoftwareTpm.APP_P256, rare, TpmScheme.NULL);
    assertThat(judge().reasons())
        .extracting(Reason::code)
        .containsExactly(ReasonCode.CERTIFIED_OTHER_KEY);
    for (Bytes area : new Bytes[] {evidence.appKey.encoded(), evidence.appKey.sized()}) {
      AppraisalRequest request =
          sent(Optional.of(area)).request(ChallengeStanding.FRESH, Evidence.SELECTION);
      assertThat(judge(request).verdict().isTrusted()).isTrue();
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = Attribute.class,
      names = {"FIXED_TPM", "FIXED_PARENT"})
  void n15_a_key_that_can_leave_its_tpm_is_refused(Attribute lacking) throws Exception {
    appKey(SoftwareTpm.APP_P256, new TpmaObject(LAWFUL.bits() & ~lacking.mask()), TpmScheme.NULL);
    Appraisal appraisal = judge();
    assertThat(appraisal.reasons())
        .extracting(Reason::code)
        .containsExactly(ReasonCode.APP_KEY_ATTRIBUTES_WRONG);
    assertThat(appraisal.findings().keyMatches()).contains(false);
    assertThat(appraisal.findings().certificateValid()).isEmpty();
  }

  @Test
  void n15_a_key_that_also_decrypts_as_the_prototype_s_is_refused() throws Exception {
    // A TPM's area of a key that signs and decrypts has no symmetric algorithm.
    TpmaObject both = new TpmaObject(LAWFUL.bits() | Attribute.DECRYPT.mask());
    evidence.appKeys = SoftwareTpm.RSA;
    Bytes plain = SoftwareTpm.publicArea(SoftwareTpm.RSA, LAWFUL, TpmScheme.NULL).encoded();
    evidence.appKey =
        dev.serai.tpm.wire.TpmtPublic.parse(
            Bytes.concat(
                plain.slice(0, 4),
                Bytes.ofHex("%08x".formatted(both.bits())),
                plain.slice(8, plain.size() - 8)));
    assertThat(judge().reasons())
        .extracting(Reason::code)
        .containsExactly(ReasonCode.APP_KEY_ATTRIBUTES_WRONG);
  }

  @Test
  void a_nonce_that_is_not_fresh_stops_before_anything_else() throws Exception {
    for (ChallengeStanding standing : ChallengeStanding.values()) {
      AppraisalRequest request = sent(Optional.empty()).request(standing, Evidence.SELECTION);
      Appraisal appraisal = judge(request);
      if (standing == ChallengeStanding.FRESH) {
        assertThat(appraisal.findings())
            .isEqualTo(
                new Findings(
                    Optional.of(true), Optional.of(true), Optional.of(true), Optional.of(true)));
      } else {
        assertThat(appraisal.reasons())
            .extracting(Reason::code)
            .containsExactly(standing.refusal().orElseThrow());
        assertThat(appraisal.findings())
            .isEqualTo(
                new Findings(
                    Optional.empty(), Optional.empty(), Optional.empty(), Optional.of(false)));
      }
    }
  }

  @Test
  void a_flag_is_false_where_its_check_failed_and_absent_where_none_was_made() throws Exception {
    evidence.quoteSigner = SoftwareTpm.OTHER_P256;
    Findings quote = judge().findings();
    assertThat(quote.quoteSignatureValid()).contains(false);
    assertThat(quote.certificateValid()).contains(true);
    assertThat(quote.keyMatches()).contains(true);
    assertThat(quote.nonceValid()).isEmpty();

    evidence.certifySigner = SoftwareTpm.OTHER_P256;
    Findings certify = judge().findings();
    assertThat(certify.certificateValid()).contains(false);
    assertThat(certify.keyMatches()).isEmpty();
    assertThat(certify.quoteSignatureValid()).isEmpty();
  }

  @Test
  void the_native_form_takes_nothing_of_the_prototype_s() throws Exception {
    AppraisalRequest delegated =
        sent(Optional.empty()).request(ChallengeStanding.FRESH, Evidence.SELECTION);
    AppraisalRequest nativeForm =
        new AppraisalRequest(
            delegated.attestation(),
            evidence.csr(),
            delegated.standing(),
            delegated.nonce(),
            delegated.selection());
    assertThat(judge(nativeForm).reasons())
        .extracting(Reason::code)
        .containsExactly(ReasonCode.NONCE_MISMATCH);
    assertThat(AppraisalJson.readRequest(AppraisalJson.write(delegated)).form())
        .as("another process cannot ask for the other form")
        .isEqualTo(EvidenceForm.NATIVE);
  }

  @Test
  void what_is_no_key_or_no_certify_is_malformed() {
    DelegatedEvidence good = sent(Optional.empty());
    for (String key :
        new String[] {"", "-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----"}) {
      assertThatThrownBy(
              () ->
                  new DelegatedEvidence(
                          good.nodeId(),
                          good.nonce(),
                          good.quote(),
                          key,
                          good.appKeyCertificate(),
                          Optional.empty(),
                          Optional.empty())
                      .request(ChallengeStanding.FRESH, Evidence.SELECTION))
          .isInstanceOf(MalformedStructureException.class);
    }
    for (String certify : new String[] {"", "[]", "{}", "{\"certify_data\":\"AA==\"}"}) {
      assertThatThrownBy(
              () ->
                  new DelegatedEvidence(
                          good.nodeId(),
                          good.nonce(),
                          good.quote(),
                          good.appKeyPublic(),
                          Bytes.ofText(certify),
                          Optional.empty(),
                          Optional.empty())
                      .request(ChallengeStanding.FRESH, Evidence.SELECTION))
          .isInstanceOf(MalformedStructureException.class);
    }
  }
}
