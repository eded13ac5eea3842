package dev.serai.appraisal;

import static dev.serai.tpm.wire.WireFixtures.fixture;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.keylime.QuoteString;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.signing.Signatures;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.PcrBlob;
import dev.serai.tpm.wire.PcrSelection;
import dev.serai.tpm.wire.TpmtPublic;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every bit of attest, signature and PCR values counts: one flipped is a refusal. */
class FlippedBitTest {
  private static final Set<ReasonCode> OF_ATTEST =
      Set.of(ReasonCode.SIGNATURE_INVALID, ReasonCode.AK_MISMATCH);
  private static final Set<ReasonCode> OF_SIGNATURE =
      Set.of(ReasonCode.SIGNATURE_INVALID, ReasonCode.EVIDENCE_MALFORMED);
  private static final Set<ReasonCode> OF_VALUES =
      Set.of(
          ReasonCode.PCR_DIGEST_MISMATCH,
          ReasonCode.PCR_SELECTION_MISMATCH,
          ReasonCode.EVIDENCE_MALFORMED);

  private record Case(
      String name,
      AttestationKey ak,
      SignedStatement quote,
      Bytes blob,
      Bytes nonce,
      PcrSelection selection) {

    Check<Trusted.QuotedState> verify(Bytes attest, Bytes signature, Bytes values) {
      return QuoteVerifier.verify(
          new SignedStatement(attest, signature), values, ak, nonce, selection);
    }

    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Case> cases() throws Exception {
    Signatures signatures = Signatures.fastest();
    return Stream.of(
        made("software P-256", Evidence.p256()),
        made("software RSA-2048", Evidence.rsa()),
        new Case(
            "real kernel P-256",
            AttestationKey.ofUnknownParent(
                TpmtPublic.parseSized(fixture("realkernel/p256-quote/ak.pub")), signatures),
            new SignedStatement(
                fixture("realkernel/p256-quote/quote.msg"),
                fixture("realkernel/p256-quote/quote.sig")),
            fixture("realkernel/p256-quote/quote.pcrs"),
            Bytes.ofHex("00112233445566778899aabbccddeeff"),
            PcrSelection.ofMask(TpmHash.SHA256, 0x7fff)),
        new Case(
            "Keylime RSA-2048",
            AttestationKey.of(
                TpmtPublic.parseSized(fixture("keylime/quote/ek.pub")),
                TpmtPublic.parseSized(fixture("keylime/quote/ak.pub")),
                signatures),
            new SignedStatement(
                fixture("keylime/quote/quote.out"), fixture("keylime/quote/quotesig.out")),
            fixture("keylime/quote/quotepcr.out"),
            Bytes.ofHex("db1db298db6d60e6385b7231743e9c3056a18003"),
            PcrSelection.of(TpmHash.SHA256, 15, 16, 22)));
  }

  private static Case made(String name, Evidence evidence) {
    return new Case(
        name,
        AttestationKey.of(evidence.ek, evidence.ak, Signatures.fastest()),
        evidence.quote(),
        evidence.blob(),
        evidence.nonce,
        evidence.asked);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void the_quote_as_recorded_is_accepted(Case quote) {
    assertThat(quote.verify(quote.quote().attest(), quote.quote().signature(), quote.blob()))
        .isInstanceOf(Check.Passed.class);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void every_flipped_bit_of_the_statement_is_refused(Case quote) {
    Bytes attest = quote.quote().attest();
    for (int bit = 0; bit < 8 * attest.size(); bit++) {
      assertRefused(
          OF_ATTEST,
          bit,
          quote.verify(flipped(attest, bit), quote.quote().signature(), quote.blob()));
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void every_flipped_bit_of_the_signature_is_refused(Case quote) {
    Bytes signature = quote.quote().signature();
    for (int bit = 0; bit < 8 * signature.size(); bit++) {
      assertRefused(
          OF_SIGNATURE,
          bit,
          quote.verify(quote.quote().attest(), flipped(signature, bit), quote.blob()));
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void every_flipped_bit_of_the_values_is_refused(Case quote) {
    for (int bit = 0; bit < 8 * quote.blob().size(); bit++) {
      assertRefused(
          OF_VALUES,
          bit,
          quote.verify(
              quote.quote().attest(), quote.quote().signature(), flipped(quote.blob(), bit)));
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void every_truncation_is_refused(Case quote) {
    SignedStatement whole = quote.quote();
    for (int size = 0; size < whole.attest().size(); size++) {
      assertRefused(
          OF_ATTEST,
          size,
          quote.verify(whole.attest().slice(0, size), whole.signature(), quote.blob()));
    }
    for (int size = 0; size < whole.signature().size(); size++) {
      assertRefused(
          OF_SIGNATURE,
          size,
          quote.verify(whole.attest(), whole.signature().slice(0, size), quote.blob()));
    }
    for (int size = 0; size < quote.blob().size(); size++) {
      assertRefused(
          OF_VALUES,
          size,
          quote.verify(whole.attest(), whole.signature(), quote.blob().slice(0, size)));
    }
  }

  @Test
  void a_recorded_quote_over_sha1_is_refused_although_its_signature_is_good() throws Exception {
    JsonNode all =
        new ObjectMapper()
            .readTree(fixture("go-attestation/windows-gcp/windows_gcp_shielded_vm.json").toText());
    SortedMap<Integer, Bytes> values = new TreeMap<>();
    for (JsonNode pcr : all.at("/Log/PCRs")) {
      if (pcr.path("DigestAlg").asInt() == 3) {
        values.put(pcr.path("Index").asInt(), Bytes.ofBase64(pcr.path("Digest").asText()));
      }
    }
    PcrSelection selection = PcrSelection.ofMask(TpmHash.SHA1, 0xffffff);
    Check<Trusted.QuotedState> check =
        QuoteVerifier.verify(
            new SignedStatement(
                Bytes.ofBase64(all.at("/Quote/Quote").asText()),
                Bytes.ofBase64(all.at("/Quote/Signature").asText())),
            PcrBlob.of(selection, Map.of(TpmHash.SHA1, values)).encoded(),
            AttestationKey.ofUnknownParent(
                TpmtPublic.parse(Bytes.ofBase64(all.at("/AK/Public").asText())),
                Signatures.fastest()),
            Bytes.EMPTY,
            selection);
    assertThat(((Check.Failed<Trusted.QuotedState>) check).reason())
        .isEqualTo(
            new Reason(
                ReasonCode.SIGNATURE_INVALID,
                "the AK's scheme Scheme[algorithm=RSASSA, hash=Optional[SHA1]] is not accepted"));
  }

  @Test
  void a_quote_of_a_stranger_is_refused() throws Exception {
    QuoteString quote =
        QuoteString.parse(fixture("rust-keylime/quote-string/test-quote.txt").toText().trim());
    Check<Trusted.QuotedState> check =
        QuoteVerifier.verify(
            new SignedStatement(quote.attest(), quote.signature()),
            quote.pcrBlob(),
            AttestationKey.of(
                TpmtPublic.parseSized(fixture("keylime/quote/ek.pub")),
                TpmtPublic.parseSized(fixture("keylime/quote/ak.pub")),
                Signatures.fastest()),
            Bytes.ofText("TEST"),
            PcrSelection.of(TpmHash.SHA1, 16));
    assertThat(((Check.Failed<Trusted.QuotedState>) check).reason().code())
        .isEqualTo(ReasonCode.SIGNATURE_INVALID);
  }

  @Test
  void every_flipped_bit_of_a_certify_is_refused() {
    Evidence evidence = Evidence.p256();
    Bytes csr = evidence.csr();
    SignedStatement certify = evidence.certify(csr);
    AttestationKey ak = AttestationKey.of(evidence.ek, evidence.ak, Signatures.fastest());
    Bytes data = CertifyBinding.qualifyingData(evidence.nonce, evidence.appKeyInfo(), csr);
    assertThat(CertifyVerifier.verify(certify, ak, data, evidence.appKey))
        .isInstanceOf(Check.Passed.class);
    for (int bit = 0; bit < 8 * certify.attest().size(); bit++) {
      SignedStatement changed =
          new SignedStatement(flipped(certify.attest(), bit), certify.signature());
      assertRefused(OF_ATTEST, bit, CertifyVerifier.verify(changed, ak, data, evidence.appKey));
    }
    for (int bit = 0; bit < 8 * certify.signature().size(); bit++) {
      SignedStatement changed =
          new SignedStatement(certify.attest(), flipped(certify.signature(), bit));
      assertRefused(OF_SIGNATURE, bit, CertifyVerifier.verify(changed, ak, data, evidence.appKey));
    }
  }

  @Test
  void every_flipped_bit_of_a_pulled_quote_is_refused() {
    Evidence evidence = Evidence.p256();
    evidence.quotedNonce = Bytes.ofText("AbCdEf0123456789wxyz");
    KeylimeQuoteAppraiser appraiser =
        new KeylimeQuoteAppraiser(Signatures.fastest(), Optional.of(evidence.policy));
    KeylimeQuoteAppraiser.Challenge challenge =
        new KeylimeQuoteAppraiser.Challenge("AbCdEf0123456789wxyz", Evidence.SELECTION);
    SignedStatement quote = evidence.quote();
    String text = new QuoteString(quote.attest(), quote.signature(), evidence.blob()).encode();
    assertThat(appraiser.appraise(evidence.node(), challenge, text, Baseline.NONE).isTrusted())
        .isTrue();
    for (int bit = 0; bit < 8 * quote.attest().size(); bit++) {
      String changed =
          new QuoteString(flipped(quote.attest(), bit), quote.signature(), evidence.blob())
              .encode();
      assertThat(appraiser.appraise(evidence.node(), challenge, changed, Baseline.NONE).reasons())
          .as("bit %d", bit)
          .extracting(Reason::code)
          .first()
          .isIn(OF_ATTEST);
    }
  }

  private static void assertRefused(Set<ReasonCode> codes, int at, Check<?> check) {
    assertThat(check).as("at %d", at).isInstanceOf(Check.Failed.class);
    assertThat(((Check.Failed<?>) check).reason().code()).as("at %d", at).isIn(codes);
  }

  private static Bytes flipped(Bytes bytes, int bit) {
    byte[] changed = bytes.toArray();
    changed[bit / 8] ^= (byte) (1 << bit % 8);
    return Bytes.copyOf(changed);
  }
}
