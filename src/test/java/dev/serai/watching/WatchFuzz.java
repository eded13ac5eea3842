package dev.serai.watching;

import static dev.serai.fuzz.Fuzzed.check;
import static dev.serai.fuzz.Fuzzed.same;
import static dev.serai.tpm.wire.WireFixtures.fixture;

import dev.serai.appraisal.AppraisalPolicy;
import dev.serai.appraisal.Baseline;
import dev.serai.appraisal.KeylimeQuoteAppraiser;
import dev.serai.appraisal.NodeRecord;
import dev.serai.appraisal.PolicyFile;
import dev.serai.appraisal.Verdict;
import dev.serai.fuzz.Fuzzed;
import dev.serai.fuzz.Seeds;
import dev.serai.http.HttpGet;
import dev.serai.reason.Reason;
import dev.serai.signing.Signatures;
import dev.serai.store.DatabaseException;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.MalformedStructureException;
import dev.serai.tpm.wire.PcrSelection;
import dev.serai.tpm.wire.TpmtPublic;
import java.security.cert.CertificateException;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What watched nodes answer: no answer here can be trusted, as no key of ours signed one. */
public final class WatchFuzz {
  private static final AppraisalPolicy POLICY = PolicyFile.load("builtin:demo");
  private static final NodeRecord NODE = node();
  static final QuoteRequest REQUEST =
      new QuoteRequest(NODE, "Zb3kkq09sdfLKJ12nmQa", PcrSelection.ofMask(TpmHash.SHA256, 0x7fff));
  private static final QuoteJudge JUDGE =
      new QuoteJudge(new KeylimeQuoteAppraiser(Signatures.fastest(), Optional.of(POLICY)));

  private static final Fuzzed PARSERS =
      new Fuzzed()
          .with('q', "answer with a quote", WatchFuzz::quote)
          .with('v', "versions of an agent", WatchFuzz::versions)
          .with('c', "certificate of an agent", WatchFuzz::certificate, CertificateException.class)
          .with(
              'e',
              "evidence in the prototype's form",
              SubmissionFuzz::submission,
              MalformedStructureException.class)
          .with('l', "location of an agent", SubmissionFuzz::located)
          .with(
              'g',
              "quotes around a location",
              SubmissionFuzz::gathered,
              MalformedStructureException.class)
          .with('j', "stored reasons", WatchFuzz::reasons, DatabaseException.class);

  private WatchFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    PARSERS.run(data);
  }

  public static Map<String, byte[]> seeds() {
    String quote =
        "r%s:%s:%s"
            .formatted(
                fixture("realkernel/p256-quote/quote.msg").toBase64(),
                fixture("realkernel/p256-quote/quote.sig").toBase64(),
                fixture("realkernel/p256-quote/quote.pcrs").toBase64());
    return Seeds.of()
        .add(
            'q',
            "quote",
            ("{\"code\":200,\"status\":\"Success\",\"results\":{\"quote\":\"%s\",\"hash_alg\":"
                    + "\"sha256\",\"enc_alg\":\"ecc\",\"sign_alg\":\"ecdsa\",\"pubkey\":\"key\"}}")
                .formatted(quote))
        .add(
            'v',
            "two",
            "{\"code\":200,\"status\":\"Success\",\"results\":{\"supported_version\":\"2.5\","
                + "\"supported_versions\":[\"2.4\",\"2.5\"]}}")
        .add('e', "prototype", SubmissionFuzz.seed())
        .add('l', "gnss", SubmissionFuzz.answer())
        .add('g', "two", SubmissionFuzz.quotes())
        .add('j', "reasons", "[{\"code\":\"PCR_VALUE_NOT_ALLOWED\",\"detail\":\"sha256:7\"}]")
        .all();
  }

  private static NodeRecord node() {
    try {
      TpmtPublic ak = TpmtPublic.parseSized(fixture("realkernel/p256-quote/ak.pub"));
      return new NodeRecord(
          "node", ak, ak, NodeRecord.Standing.ACTIVATED, "h", 1, Optional.empty());
    } catch (MalformedStructureException e) {
      throw new IllegalStateException(e);
    }
  }

  static HttpGet.Response response(byte[] in) {
    return new HttpGet.Response(200, Bytes.copyOf(in));
  }

  private static void quote(byte[] in) {
    if (QuoteFetcher.read(response(in)) instanceof FetchOutcome.Answered answered) {
      Verdict verdict = JUDGE.judge(REQUEST, answered.results(), Baseline.NONE);
      check(!verdict.isTrusted(), "nobody signed an answer to this nonce");
      check(!verdict.reasons().isEmpty(), "a rejection has a reason");
    }
  }

  private static void versions(byte[] in) {
    Optional<List<String>> offered = QuoteFetcher.offered(response(in));
    offered.ifPresent(dev.serai.keylime.ApiVersion::newestCommon);
  }

  private static void certificate(byte[] in) throws CertificateException {
    check(QuoteFetcher.certificate(Bytes.copyOf(in).toText()) != null, "a certificate");
  }

  private static void reasons(byte[] in) {
    List<Reason> read = WatchJson.reasons(Bytes.copyOf(in).toText());
    same(read, WatchJson.reasons(WatchJson.reasons(read)), "reasons are read as written");
  }
}
