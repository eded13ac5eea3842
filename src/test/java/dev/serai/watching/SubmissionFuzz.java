package dev.serai.watching;

import static dev.serai.fuzz.Fuzzed.check;
import static dev.serai.tpm.wire.WireFixtures.fixture;

import dev.serai.appraisal.AppraisalRequest;
import dev.serai.appraisal.ChallengeStanding;
import dev.serai.appraisal.DelegatedEvidence;
import dev.serai.appraisal.EvidenceForm;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.MalformedStructureException;
import dev.serai.tpm.wire.PcrSelection;
import java.nio.charset.StandardCharsets;
import java.time.Instant;

/** The body of POST /v2.4/verify/evidence, and what agents add to it that were asked. */
final class SubmissionFuzz {
  private static final PcrSelection PCRS = PcrSelection.ofMask(TpmHash.SHA256, 0x7fff);

  private SubmissionFuzz() {}

  static void submission(byte[] in) throws MalformedStructureException {
    DelegatedEvidence read = EvidenceSubmission.read(Bytes.copyOf(in));
    AppraisalRequest request = read.request(ChallengeStanding.UNKNOWN, PCRS);
    check(request.form() == EvidenceForm.DELEGATED, "never the form that leads to an identity");
    check(request.nonce().isEmpty(), "no nonce that is not ours");
  }

  /** Two quotes of an agent, a line each, around a location of it. */
  static void gathered(byte[] in) throws MalformedStructureException {
    String[] quotes = Bytes.copyOf(in).toText().split("\n", 2);
    Gathering gathering = new Gathering(submitted(), PCRS).withQuote(quotes[0]);
    if (quotes.length > 1) {
      gathering = gathering.withLocation(told()).withQuote(quotes[1]);
    }
    AppraisalRequest request = gathering.request();
    check(request.form() == EvidenceForm.DELEGATED, "never the form that leads to an identity");
    check(
        request.located().isPresent() == quotes.length > 1,
        "a location comes with the extend that it has to be in");
  }

  /** An agent's answer where it is. */
  static void located(byte[] in) {
    AskLocationProcessor.told(
        WatchFuzz.REQUEST, WatchFuzz.response(in), null, Instant.parse("2026-11-26T12:00:00Z"));
  }

  static String quotes() {
    String quote =
        "r%s:%s:%s"
            .formatted(
                fixture("realkernel/p256-quote/quote.msg").toBase64(),
                fixture("realkernel/p256-quote/quote.sig").toBase64(),
                fixture("realkernel/p256-quote/quote.pcrs").toBase64());
    return quote + "\n" + quote;
  }

  static String answer() {
    return "{\"code\":200,\"status\":\"Success\",\"results\":{\"sensor_type\":\"gnss\",\"gnss\":"
        + "{\"sensor_id\":\"gps0\",\"latitude\":40.41,\"longitude\":-3.71,\"accuracy\":7.0},"
        + "\"tpm_attested\":true,\"tpm_pcr_index\":15,\"nonce\":\""
        + WatchFuzz.REQUEST.nonce()
        + "\"}}";
  }

  private static DelegatedEvidence submitted() {
    return EvidenceSubmission.read(Bytes.ofText(seed()));
  }

  private static Gathering.Told told() {
    return AskLocationProcessor.told(
            WatchFuzz.REQUEST,
            WatchFuzz.response(answer().getBytes(StandardCharsets.UTF_8)),
            null,
            Instant.parse("2026-11-26T12:00:00Z"))
        .orElseThrow();
  }

  static String seed() {
    String certify =
        "{\"certify_data\":\"%s\",\"challenge_nonce\":\"%s\",\"signature\":\"%s\"}"
            .formatted(
                fixture("realkernel/p256-quote/quote.msg").toBase64(),
                "5e".repeat(32),
                fixture("realkernel/p256-quote/quote.sig").toBase64());
    return ("{\"type\":\"tpm\",\"data\":{\"nonce\":\"%s\",\"quote\":\"r%s:%s:%s\",\"app_key_public\":\"-----BEGIN"
                + " PUBLIC KEY-----\\n"
                + "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkwoorNPXw==\\n"
                + "-----END PUBLIC KEY-----\\n"
                + "\",\"app_key_certificate\":\"%s\","
                + "\"agent_uuid\":\"node\"},\"metadata\":{\"submission_type\":\"PoR/tpm-app-key\"}}")
        .formatted(
            "5e".repeat(32),
            fixture("realkernel/p256-quote/quote.msg").toBase64(),
            fixture("realkernel/p256-quote/quote.sig").toBase64(),
            fixture("realkernel/p256-quote/quote.pcrs").toBase64(),
            Bytes.ofText(certify).toBase64());
  }
}
