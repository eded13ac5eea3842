package dev.serai.appraisal;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.serai.keylime.QuoteString;
import dev.serai.proto.spire.types.SovereignAttestation;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.signing.Signatures;
import dev.serai.testing.SwTpm;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.KeyRef;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.TpmClock;
import dev.serai.tpm.jca.SeraiTpmProvider;
import dev.serai.tpm.jca.TpmPrivateKey;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.tss.TpmOptions;
import dev.serai.tpm.tss.TssTpm;
import dev.serai.tpm.wire.PcrBlob;
import dev.serai.tpm.wire.PcrSelection;
import dev.serai.tpm.wire.TpmtPublic;
import java.util.Optional;
import javax.security.auth.x500.X500Principal;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Evidence of a software TPM, through libtss2, to a verdict. */
@Tag("slow")
class TpmToVerdictTest {
  private static final String NODE = "node-of-a-tpm";
  private static final PcrSelection SELECTION = PcrSelection.ofMask(TpmHash.SHA256, 0x43ff);
  private static final AppraisalPolicy DEMO = PolicyFile.load("builtin:demo");

  private static SwTpm software;
  private static Tpm tpm;

  @BeforeAll
  static void start() {
    software = SwTpm.provisioned();
    tpm = TssTpm.open(TpmOptions.defaults().withTcti(software.tcti()).withAllowSoftware(true));
  }

  @AfterAll
  static void stop() {
    tpm.close();
    software.close();
  }

  private static NodeRecord node(KeyRef.Endorsement ek, KeyRef.Attestation ak) {
    return new NodeRecord(
        NODE,
        tpm.publicArea(ek),
        tpm.publicArea(ak),
        NodeRecord.Standing.ACTIVATED,
        "",
        0,
        Optional.empty());
  }

  private static Verdict judge(AppraisalRequest request, NodeRecord node) {
    AppraisalSteps steps = new AppraisalSteps(Signatures.fastest());
    Appraisal appraisal = steps.parse(Appraisal.of(request));
    appraisal = appraisal.isOpen() ? steps.checkChallenge(appraisal) : appraisal;
    appraisal = appraisal.isOpen() ? steps.checkNode(appraisal, node) : appraisal;
    appraisal = appraisal.isOpen() ? steps.verifyCertify(appraisal) : appraisal;
    appraisal = appraisal.isOpen() ? steps.verifyCsr(appraisal) : appraisal;
    appraisal = appraisal.isOpen() ? steps.verifyQuote(appraisal) : appraisal;
    appraisal = appraisal.isOpen() ? steps.withBaseline(appraisal, Baseline.NONE) : appraisal;
    appraisal = appraisal.isOpen() ? steps.checkPcrs(appraisal, Optional.of(DEMO)) : appraisal;
    appraisal = appraisal.isOpen() ? steps.checkClock(appraisal) : appraisal;
    LocationSteps places = TestLocations.steps(new TestLocations(), Evidence.NOW);
    appraisal = appraisal.isOpen() ? places.judge(places.read(appraisal)) : appraisal;
    return appraisal.verdict();
  }

  private static AppraisalRequest evidence(KeyRef.Attestation ak, Tpm.AppKeyType type, Bytes nonce)
      throws Exception {
    KeyRef.App app = tpm.createAppKey(type);
    TpmtPublic appKey = tpm.publicArea(app);
    Bytes info = Bytes.copyOf(appKey.publicKey().getEncoded());
    String algorithm = type == Tpm.AppKeyType.ECC_P256 ? "SHA256withECDSA" : "SHA256withRSA";
    Bytes csr =
        Bytes.copyOf(
            new JcaPKCS10CertificationRequestBuilder(
                    new X500Principal("O=Serai"), appKey.publicKey())
                .build(
                    new JcaContentSignerBuilder(algorithm)
                        .setProvider(new SeraiTpmProvider())
                        .build(TpmPrivateKey.of(tpm, app)))
                .getEncoded());
    Tpm.Attested certify = tpm.certify(app, ak, CertifyBinding.qualifyingData(nonce, info, csr));
    String certifyJson =
        "{\"certify_data\":\"%s\",\"challenge_nonce\":\"%s\",\"signature\":\"%s\"}"
            .formatted(certify.attest().toBase64(), nonce.toHex(), certify.signature().toBase64());
    Bytes message =
        Bytes.copyOf(
            SovereignAttestation.newBuilder()
                .setKeylimeAgentUuid(NODE)
                .setChallengeNonce(nonce.toHex())
                .setTpmSignedAttestation(quote(ak, nonce))
                .setAppKeyPublic(Evidence.pem(info))
                .setAppKeyCertificate(ByteString.copyFromUtf8(certifyJson))
                .setAppKeyTpmPublic(ByteString.copyFrom(appKey.encoded().toArray()))
                .build()
                .toByteArray());
    return new AppraisalRequest(message, csr, ChallengeStanding.FRESH, nonce, SELECTION);
  }

  private static String quote(KeyRef.Attestation ak, Bytes qualifyingData) {
    Tpm.Attested quote = tpm.quote(ak, SELECTION, qualifyingData);
    Bytes values = PcrBlob.of(SELECTION, tpm.readPcrs(SELECTION)).encoded();
    return new QuoteString(quote.attest(), quote.signature(), values).encode();
  }

  @ParameterizedTest
  @CsvSource({
    "RSA_2048, ECDSA_P256, ECC_P256",
    "ECC_P256, ECDSA_P256, RSA_2048",
    "RSA_2048, RSASSA_2048, ECC_P256"
  })
  void evidence_of_a_tpm_is_trusted_once(
      KeyRef.Endorsement ek, KeyRef.Attestation ak, Tpm.AppKeyType type) throws Exception {
    NodeRecord node = node(ek, ak);
    Bytes nonce = tpm.random(AppraisalRequest.NONCE_LENGTH);
    AppraisalRequest request = evidence(ak, type, nonce);
    Verdict verdict = judge(request, node);

    assertThat(verdict.reasons()).isEmpty();
    Trusted trusted = (Trusted) verdict;
    assertThat(trusted.akName()).isEqualTo(tpm.publicArea(ak).name());
    assertThat(trusted.state().pcrs()).isEqualTo(tpm.readPcrs(SELECTION));

    AppraisalRequest replayed =
        new AppraisalRequest(
            request.attestation(),
            request.csr(),
            ChallengeStanding.FRESH,
            tpm.random(AppraisalRequest.NONCE_LENGTH),
            SELECTION);
    assertThat(judge(replayed, node).reasons())
        .extracting(Reason::code)
        .containsExactly(ReasonCode.NONCE_MISMATCH);
  }

  @Test
  void a_tpm_that_was_killed_and_started_again_stays_trusted_by_the_demo_s_policy() {
    KeyRef.Attestation ak = KeyRef.Attestation.ECDSA_P256;
    NodeRecord node = node(KeyRef.Endorsement.RSA_2048, ak);
    KeylimeQuoteAppraiser demo = new KeylimeQuoteAppraiser(Signatures.fastest(), Optional.of(DEMO));
    KeylimeQuoteAppraiser strict =
        new KeylimeQuoteAppraiser(
            Signatures.fastest(), Optional.of(PolicyFile.load("builtin:recorded-at-enrolment")));
    KeylimeQuoteAppraiser.Challenge challenge =
        new KeylimeQuoteAppraiser.Challenge("0123456789abcdefghij", SELECTION);
    Bytes nonce = Bytes.ofText(challenge.nonce());
    Trusted first = (Trusted) demo.appraise(node, challenge, quote(ak, nonce), Baseline.NONE);

    tpm.close();
    software.kill();
    software.restart();
    tpm = TssTpm.open(TpmOptions.defaults().withTcti(software.tcti()).withAllowSoftware(true));
    String later = quote(ak, nonce);
    Verdict verdict = demo.appraise(node, challenge, later, first.baseline());

    assertThat(verdict.reasons()).isEmpty();
    TpmClock clock = ((Trusted) verdict).state().clock();
    assertThat(clock.resetCount()).isGreaterThan(first.state().clock().resetCount());
    if (!clock.safe()) {
      assertThat(strict.appraise(node, challenge, later, first.baseline()).reasons())
          .extracting(Reason::code)
          .containsExactly(ReasonCode.CLOCK_NOT_SAFE);
    }
  }

  @Test
  void an_extended_pcr_is_seen() {
    KeyRef.Attestation ak = KeyRef.Attestation.ECDSA_P256;
    NodeRecord node = node(KeyRef.Endorsement.RSA_2048, ak);
    KeylimeQuoteAppraiser demo = new KeylimeQuoteAppraiser(Signatures.fastest(), Optional.of(DEMO));
    KeylimeQuoteAppraiser.Challenge challenge =
        new KeylimeQuoteAppraiser.Challenge("0123456789abcdefghij", SELECTION);
    Bytes nonce = Bytes.ofText(challenge.nonce());
    Trusted first = (Trusted) demo.appraise(node, challenge, quote(ak, nonce), Baseline.NONE);

    tpm.extendPcr(3, TpmHash.SHA256, Bytes.ofHex("ab".repeat(32)));
    Verdict verdict = demo.appraise(node, challenge, quote(ak, nonce), first.baseline());

    assertThat(verdict.reasons())
        .extracting(Reason::code)
        .containsExactly(ReasonCode.PCR_VALUE_NOT_ALLOWED);
    assertThat(verdict.reasons().get(0).detail()).startsWith("sha256:3 is ");
  }
}
