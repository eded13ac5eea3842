package dev.serai.appraisal;

import static dev.serai.fuzz.Fuzzed.check;
import static dev.serai.fuzz.Fuzzed.same;

import dev.serai.fuzz.Fuzzed;
import dev.serai.fuzz.Seeds;
import dev.serai.keylime.QuoteString;
import dev.serai.location.GeoPoint;
import dev.serai.location.LocationPolicy;
import dev.serai.location.Region;
import dev.serai.signing.Signatures;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import dev.serai.tpm.wire.TpmtPublic;
import java.util.Map;
import java.util.Optional;

/** Evidence, CSRs, quotes and policies: whatever is judged trusted was signed by the node's AK. */
public final class EvidenceFuzz {
  private static final String NONCE = "Zb3kkq09sdfLKJ12nmQa";

  /** Public areas of the keys that signed the seeds; no parser reads these two. */
  private static final Optional<Bytes> AK = Seeds.recorded("evidence", "seed-k-ak");

  private static final Optional<Bytes> APP_KEY = Seeds.recorded("evidence", "seed-k-app-key");

  /** The statement in the seeds, and the CSR: what may be accepted. */
  private static final Optional<Bytes> EVIDENCE = Seeds.recorded("evidence", "seed-e-trusted");

  private static final Optional<Bytes> QUOTE = Seeds.recorded("evidence", "seed-q-trusted");
  private static final Optional<Bytes> CSR = Seeds.recorded("evidence", "seed-c-app-key");

  private static final AppraisalSteps STEPS = new AppraisalSteps(Signatures.fastest());
  private static final CsrVerifier CSRS = new CsrVerifier(Signatures.fastest());
  private static final LocationSteps PLACES =
      TestLocations.steps(new TestLocations(), Evidence.NOW);
  private static final AppraisalPolicy POLICY = Evidence.policy(Map.of());

  private static final Fuzzed PARSERS =
      new Fuzzed()
          .with('e', "evidence", EvidenceFuzz::evidence)
          .with('c', "CSR", EvidenceFuzz::csr)
          .with('q', "quote", EvidenceFuzz::quote)
          .with('p', "policy", EvidenceFuzz::policy);

  private EvidenceFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    PARSERS.run(data);
  }

  public static Map<String, byte[]> seeds() {
    Evidence evidence = Evidence.p256();
    AppraisalRequest request = evidence.request();
    Evidence pulled = Evidence.p256();
    pulled.quotedNonce = Bytes.ofText(NONCE);
    SignedStatement quote = pulled.quote();
    return Seeds.of()
        .add('k', "ak", evidence.ak.encoded())
        .add('k', "app-key", evidence.appKey.encoded())
        .add('e', "trusted", request.attestation())
        .add('c', "app-key", request.csr())
        .add(
            'q',
            "trusted",
            new QuoteString(quote.attest(), quote.signature(), pulled.blob()).encode())
        .add(
            'p',
            "mixed",
            "{\"name\":\"test\",\"pcrs\":{\"sha256\":{\"0\":\"%s\",\"4\":[\"%s\",\"%s\"],"
                    .formatted("5a".repeat(32), "00".repeat(32), "ff".repeat(32))
                + "\"7\":\"recorded-at-enrolment\"}},\"clock\":{\"allow-unsafe\":true}}")
        .add(
            'p',
            "located",
            "{\"name\":\"test\",\"pcrs\":{\"sha256\":{\"7\":\"recorded-at-enrolment\"}},"
                + "\"location\":{\"regions\":{\"a\":{\"circle\":{\"latitude\":1,\"longitude\":2,"
                + "\"radius-metres\":3}},\"b\":{\"geojson\":{\"type\":\"Polygon\","
                + "\"coordinates\":[[[0,0],[1,0],[1,1],[0,0]]]}}},\"default\":{\"need\":\"optional\"},"
                + "\"groups\":[{\"nodes\":[\"n*\"],\"need\":\"required\",\"regions\":[\"a\",\"b\"],"
                + "\"border\":\"overlap\",\"hysteresis-metres\":5,\"sensors\":[\"mobile:*\"],"
                + "\"device-check\":\"registry\",\"max-age\":\"5m\",\"minimum-assurance\":\"both\","
                + "\"max-accuracy-metres\":50,\"max-speed-kmh\":900}]}}")
        .all();
  }

  private static NodeRecord node() {
    try {
      TpmtPublic ak = TpmtPublic.parse(AK.orElseThrow());
      return new NodeRecord(
          Evidence.NODE, ak, ak, NodeRecord.Standing.ACTIVATED, "h", 1, Optional.empty());
    } catch (MalformedStructureException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Through every step, as the route does it. */
  private static void evidence(byte[] in) {
    Bytes csr = CSR.orElseThrow();
    Appraisal appraisal =
        STEPS.parse(
            Appraisal.of(
                new AppraisalRequest(
                    Bytes.copyOf(in),
                    csr,
                    ChallengeStanding.FRESH,
                    Evidence.NONCE,
                    Evidence.SELECTION)));
    appraisal = appraisal.isOpen() ? STEPS.checkChallenge(appraisal) : appraisal;
    appraisal = appraisal.isOpen() ? STEPS.checkNode(appraisal, node()) : appraisal;
    appraisal = appraisal.isOpen() ? STEPS.verifyCertify(appraisal) : appraisal;
    appraisal = appraisal.isOpen() ? STEPS.verifyCsr(appraisal) : appraisal;
    appraisal = appraisal.isOpen() ? STEPS.verifyQuote(appraisal) : appraisal;
    appraisal = appraisal.isOpen() ? STEPS.withBaseline(appraisal, Baseline.NONE) : appraisal;
    appraisal = appraisal.isOpen() ? STEPS.checkPcrs(appraisal, Optional.of(POLICY)) : appraisal;
    appraisal = appraisal.isOpen() ? STEPS.checkClock(appraisal) : appraisal;
    appraisal = appraisal.isOpen() ? PLACES.read(appraisal) : appraisal;
    appraisal = appraisal.isOpen() ? PLACES.judge(appraisal) : appraisal;
    if (appraisal.verdict().isTrusted()) {
      ClaimedEvidence claimed = appraisal.claimed();
      ClaimedEvidence recorded =
          ((Check.Passed<ClaimedEvidence>) ClaimedEvidence.parse(EVIDENCE.orElseThrow())).fact();
      same(recorded.quote().attest(), claimed.quote().attest(), "trusted is what was signed");
      same(recorded.certify().attest(), claimed.certify().attest(), "trusted is what was signed");
      same(recorded.appKey(), claimed.appKey(), "trusted is the key that was certified");
    } else {
      check(!appraisal.verdict().reasons().isEmpty(), "a rejection has a reason");
    }
  }

  private static void csr(byte[] in) throws MalformedStructureException {
    Check<Bytes> judged =
        CSRS.verify(Bytes.copyOf(in), TpmtPublic.parse(APP_KEY.orElseThrow()).publicKey());
    if (judged instanceof Check.Passed<Bytes>) {
      // Of an ECDSA signature there are two forms, (r, s) and (r, -s): compare what is signed.
      same(
          signedPart(CSR.orElseThrow()),
          signedPart(Bytes.copyOf(in)),
          "accepted is what was signed");
    }
  }

  private static Bytes signedPart(Bytes csr) {
    try {
      return Bytes.copyOf(
          new org.bouncycastle.pkcs.PKCS10CertificationRequest(csr.toArray())
              .toASN1Structure()
              .getCertificationRequestInfo()
              .getEncoded());
    } catch (java.io.IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void quote(byte[] in) throws MalformedStructureException {
    String text = Bytes.copyOf(in).toText();
    Verdict verdict =
        new KeylimeQuoteAppraiser(STEPS, new LivePolicy(Optional.of(POLICY)))
            .appraise(
                node(),
                new KeylimeQuoteAppraiser.Challenge(NONCE, Evidence.SELECTION),
                text,
                Baseline.NONE);
    if (verdict.isTrusted()) {
      same(
          QuoteString.parse(QUOTE.orElseThrow().toText()).attest(),
          QuoteString.parse(text).attest(),
          "trusted is what was signed");
    } else {
      check(!verdict.reasons().isEmpty(), "a rejection has a reason");
    }
  }

  private static void policy(byte[] in) {
    AppraisalPolicy policy = PolicyFile.parse("fuzz", Bytes.copyOf(in).toText());
    check(!policy.pcrs().selection().pcrs().isEmpty(), "a policy asks for a PCR");
    policy
        .location()
        .ifPresent(
            places -> {
              for (LocationPolicy.Group group : places.groups()) {
                for (Region region : group.rule().regions()) {
                  check(
                      !Double.isNaN(region.margin(new GeoPoint(12.5, -179.9))),
                      "a border is somewhere");
                }
              }
            });
  }
}
