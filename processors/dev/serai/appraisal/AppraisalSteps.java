package dev.serai.appraisal;

import dev.serai.appraisal.Appraisal.Step;
import dev.serai.location.LocationDocument;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.signing.Signatures;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.PcrSelection;
import dev.serai.tpm.wire.TpmName;
import dev.serai.tpm.wire.TpmtPublic;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.concurrent.ConcurrentHashMap;

/** The cores of the steps of {@code appraise-evidence}: an open appraisal in, a new one out. */
final class AppraisalSteps {
  private static final int MAX_KEYS = 10_000;
  private static final int KEY_PCR = 16;
  private static final int LOCATION_PCR = 15;

  private final Signatures signatures;
  private final CsrVerifier csrs;
  private final Map<KeyPairOfNode, AttestationKey> keys = new ConcurrentHashMap<>();

  private record KeyPairOfNode(TpmtPublic ek, TpmtPublic ak) {}

  AppraisalSteps(Signatures signatures) {
    this.signatures = signatures;
    this.csrs = new CsrVerifier(signatures);
  }

  /** Schema. */
  Appraisal parse(Appraisal appraisal) {
    Check<ClaimedEvidence> parsed = ClaimedEvidence.parse(appraisal.request().attestation());
    if (parsed instanceof Check.Passed<ClaimedEvidence> passed) {
      return appraisal.passed(Step.PARSE, facts -> facts.withClaimed(passed.fact()));
    }
    return closed(appraisal, parsed);
  }

  /** Nonce: known, unused, of this stream, in time, and the same wherever it is written. */
  Appraisal checkChallenge(Appraisal appraisal) {
    Optional<ReasonCode> refusal = appraisal.request().standing().refusal();
    if (refusal.isPresent()) {
      return appraisal.closed(refusal.get(), "as the issuer found");
    }
    Bytes nonce = appraisal.request().nonce();
    if (!appraisal.claimed().nonce().equals(nonce)
        || !appraisal.claimed().certifyNonce().equals(nonce)) {
      return appraisal.closed(ReasonCode.NONCE_MISMATCH, "the evidence names another challenge");
    }
    return appraisal.passed(Step.CHALLENGE);
  }

  /** The registrar's record: the node asked for, activated, its AK one that cannot forge. */
  Appraisal checkNode(Appraisal appraisal, NodeRecord node) {
    Optional<Reason> wrong = wrong(node, appraisal.nodeId());
    if (wrong.isPresent()) {
      return appraisal.closed(List.of(wrong.get()));
    }
    return appraisal.passed(Step.NODE, facts -> facts.withNode(node, key(node)));
  }

  static Optional<Reason> wrong(NodeRecord node, String nodeId) {
    if (!node.nodeId().equals(nodeId)) {
      return Optional.of(new Reason(ReasonCode.NODE_UNKNOWN, "the record is of another node"));
    }
    if (node.standing() == NodeRecord.Standing.BANNED) {
      return Optional.of(new Reason(ReasonCode.NODE_BANNED, nodeId));
    }
    if (node.standing() != NodeRecord.Standing.ACTIVATED) {
      return Optional.of(new Reason(ReasonCode.NODE_NOT_ACTIVATED, nodeId));
    }
    return KeyAttributes.wrongAsAttestationKey(node.ak())
        .map(what -> new Reason(ReasonCode.AK_ATTRIBUTES_WRONG, what));
  }

  /** Kept ready: making one costs more than using it. */
  AttestationKey key(NodeRecord node) {
    if (keys.size() > MAX_KEYS) {
      keys.clear(); // rare, and only costs time
    }
    return keys.computeIfAbsent(
        new KeyPairOfNode(node.ek(), node.ak()),
        pair -> AttestationKey.of(pair.ek(), pair.ak(), signatures));
  }

  /** Certify: this node's TPM holds the App Key. */
  Appraisal verifyCertify(Appraisal appraisal) {
    ClaimedEvidence claimed = appraisal.claimed();
    Bytes appKeyInfo = Bytes.copyOf(claimed.appKey().publicKey().getEncoded());
    if (!claimed.appKeyInfo().equals(appKeyInfo)) {
      return appraisal.closed(
          ReasonCode.CERTIFIED_OTHER_KEY, "app_key_public is not the key of app_key_tpm_public");
    }
    Bytes qualifyingData = qualifyingData(appraisal.request(), appKeyInfo, claimed.location());
    Check<TpmName> check =
        CertifyVerifier.verify(claimed.certify(), appraisal.ak(), qualifyingData, claimed.appKey());
    if (claimed.location().isPresent()
        && !isDelegated(appraisal.request())
        && check instanceof Check.Failed<TpmName> failed
        && failed.reason().code() == ReasonCode.NONCE_MISMATCH) {
      return appraisal.closed(
          ReasonCode.LOCATION_NOT_BOUND,
          "the certify does not cover this location together with challenge, key and CSR");
    }
    return check instanceof Check.Passed<TpmName>
        ? appraisal.passed(Step.CERTIFY)
        : closed(appraisal, check);
  }

  private static Bytes qualifyingData(
      AppraisalRequest request, Bytes appKeyInfo, Optional<LocationDocument> location) {
    return isDelegated(request)
        ? CertifyBinding.prototypeQualifyingData(appKeyInfo, request.nonce().toHex())
        : CertifyBinding.qualifyingData(request.nonce(), appKeyInfo, request.csr(), location);
  }

  private static boolean isDelegated(AppraisalRequest request) {
    return request.form() == EvidenceForm.DELEGATED;
  }

  /** CSR: proof of possession of the App Key. */
  Appraisal verifyCsr(Appraisal appraisal) {
    TpmtPublic appKey = appraisal.claimed().appKey();
    if (isDelegated(appraisal.request()) && appraisal.request().csr().isEmpty()) {
      // The certify proved the key; its holder shows a CSR to whoever signs.
      return appraisal.passed(
          Step.CSR,
          facts ->
              facts.withAppKey(
                  new Trusted.AppKey(appKey.encoded(), appraisal.claimed().appKeyInfo())));
    }
    Check<Bytes> check = csrs.verify(appraisal.request().csr(), appKey.publicKey());
    if (check instanceof Check.Passed<Bytes> passed) {
      return appraisal.passed(
          Step.CSR, facts -> facts.withAppKey(new Trusted.AppKey(appKey.encoded(), passed.fact())));
    }
    return closed(appraisal, check);
  }

  /** Quote: what this node's TPM says of its state now. */
  Appraisal verifyQuote(Appraisal appraisal) {
    ClaimedEvidence claimed = appraisal.claimed();
    Check<Trusted.QuotedState> check =
        QuoteVerifier.verify(
            claimed.quote(),
            claimed.pcrBlob(),
            appraisal.ak(),
            quotedNonces(appraisal.request()),
            quotedSelections(appraisal.request()));
    if (!(check instanceof Check.Passed<Trusted.QuotedState> passed)) {
      return closed(appraisal, check);
    }
    if (claimed.location().isPresent()
        && isDelegated(appraisal.request())
        && !isInQuotedPcr(appraisal.request().located(), passed.fact())) {
      return appraisal.closed(
          ReasonCode.LOCATION_NOT_BOUND, "PCR 15 was not extended with this location last");
    }
    return appraisal.passed(Step.QUOTE, facts -> facts.withState(passed.fact()));
  }

  /** The nonce is in what the PCR was extended with, so an old extend is not this one. */
  private static boolean isInQuotedPcr(Optional<PcrExtend> extend, Trusted.QuotedState state) {
    SortedMap<Integer, Bytes> quoted =
        state.pcrs().getOrDefault(TpmHash.SHA256, Collections.emptySortedMap());
    return extend.filter(e -> e.after().equals(quoted.get(LOCATION_PCR))).isPresent();
  }

  /** Keylime's agents quote the nonce's text, the prototype's what that text is the hex of. */
  private static Set<Bytes> quotedNonces(AppraisalRequest request) {
    return isDelegated(request)
        ? Set.of(request.nonce(), Bytes.ofText(request.nonce().toHex()))
        : Set.of(request.nonce());
  }

  /**
   * Keylime's agents add PCR 16, which binds their payload key and no policy looks at; PCR 15 is
   * asked for where a location may be in it.
   */
  private static Set<PcrSelection> quotedSelections(AppraisalRequest request) {
    PcrSelection asked = request.selection();
    if (!isDelegated(request)) {
      return Set.of(asked);
    }
    Set<PcrSelection> lawful = new HashSet<>(); // an asked one may hold these already
    for (PcrSelection one : List.of(asked, asked.and(LOCATION_PCR))) {
      lawful.add(one);
      lawful.add(one.and(KEY_PCR));
    }
    return lawful;
  }

  /** What the last accepted appraisal left. */
  Appraisal withBaseline(Appraisal appraisal, Baseline baseline) {
    return appraisal.passed(Step.BASELINE, facts -> facts.withBaseline(baseline));
  }

  /** PCR policy. All violations are collected. */
  Appraisal checkPcrs(Appraisal appraisal, Optional<AppraisalPolicy> policy) {
    if (policy.isEmpty()) {
      return appraisal.closed(ReasonCode.POLICY_MISSING, "serai.verifier.policy is not set");
    }
    List<Reason> violations =
        policy.get().pcrs().violations(appraisal.state().pcrs(), appraisal.before());
    return violations.isEmpty()
        ? appraisal.passed(Step.PCRS, facts -> facts.withPolicy(policy.get()))
        : appraisal.closed(violations);
  }

  /** Clock and counters against the last accepted ones. */
  Appraisal checkClock(Appraisal appraisal) {
    Optional<Reason> violation =
        appraisal
            .policy()
            .clock()
            .violation(appraisal.state().clock(), appraisal.before().clock(), true);
    return violation
        .map(reason -> appraisal.closed(List.of(reason)))
        .orElseGet(() -> appraisal.passed(Step.CLOCK));
  }

  private static Appraisal closed(Appraisal appraisal, Check<?> check) {
    return appraisal.closed(List.of(((Check.Failed<?>) check).reason()));
  }
}
