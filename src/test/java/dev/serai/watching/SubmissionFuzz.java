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

/** The body of POST /v2.4/verify/evidence. */
final class SubmissionFuzz {
  private static final PcrSelection PCRS = PcrSelection.ofMask(TpmHash.SHA256, 0x7fff);

  private SubmissionFuzz() {}

  static void submission(byte[] in) throws MalformedStructureException {
    DelegatedEvidence read = EvidenceSubmission.read(Bytes.copyOf(in));
    AppraisalRequest request = read.request(ChallengeStanding.UNKNOWN, PCRS);
    check(request.form() == EvidenceForm.DELEGATED, "never the form that leads to an identity");
    check(request.nonce().isEmpty(), "no nonce that is not ours");
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
