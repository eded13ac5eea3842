package dev.serai.appraisal;

import dev.serai.keylime.QuoteString;
import dev.serai.location.LocationRule;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.signing.Signatures;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.MalformedStructureException;
import dev.serai.tpm.wire.PcrSelection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;

/**
 * Continuous appraisal: judges a quote that was pulled from a node's agent, with the same checks as
 * a full appraisal less certify and CSR. Safe for any thread.
 */
public final class KeylimeQuoteAppraiser {
  private final AppraisalSteps steps;
  private final LivePolicy policy;

  public KeylimeQuoteAppraiser(Signatures signatures, Optional<AppraisalPolicy> policy) {
    this(new AppraisalSteps(signatures), new LivePolicy(policy));
  }

  KeylimeQuoteAppraiser(AppraisalSteps steps, LivePolicy policy) {
    this.steps = steps;
    this.policy = policy;
  }

  /**
   * What was asked of an agent.
   *
   * @param nonce the ASCII text that was sent; its bytes are the qualifying data
   * @param selection every PCR that was asked for, with PCR 16 where the agent binds its key there
   * @param bound values that the protocol itself demands, for instance PCR 16 of the bank of the
   *     selection for the payload key; by index
   */
  public record Challenge(String nonce, PcrSelection selection, Map<Integer, Bytes> bound) {
    public Challenge {
      bound = Map.copyOf(bound);
      if (nonce.isEmpty()) {
        throw new IllegalArgumentException("a challenge has a nonce");
      }
    }

    public Challenge(String nonce, PcrSelection selection) {
      this(nonce, selection, Map.of());
    }
  }

  /** The PCRs to ask for; empty when there is no policy, and then every verdict is a rejection. */
  public Optional<PcrSelection> selection() {
    return policy.now().map(p -> p.pcrs().selection());
  }

  /** What the policy in force wants of a node's location; empty when it says nothing of any. */
  public Optional<LocationRule> locationRule(NodeRecord node) {
    return policy
        .now()
        .flatMap(AppraisalPolicy::location)
        .map(places -> places.ruleFor(node.nodeId(), node.ek().name().toHex()));
  }

  /** The name of the policy in force. */
  public Optional<String> policyName() {
    return policy.now().map(AppraisalPolicy::name);
  }

  /**
   * @param quote the agent's quote string
   * @param before what the last accepted appraisal of this node left
   */
  public Verdict appraise(NodeRecord node, Challenge challenge, String quote, Baseline before) {
    Optional<Reason> wrong = AppraisalSteps.wrong(node, node.nodeId());
    if (wrong.isPresent()) {
      return new Rejected(node.nodeId(), List.of(wrong.get()));
    }
    QuoteString parts;
    try {
      parts = QuoteString.parse(quote);
    } catch (MalformedStructureException e) {
      return new Rejected(node.nodeId(), ReasonCode.EVIDENCE_MALFORMED, e.getMessage());
    }
    Check<Trusted.QuotedState> check =
        QuoteVerifier.verify(
            new SignedStatement(parts.attest(), parts.signature()),
            parts.pcrBlob(),
            steps.key(node),
            Bytes.ofText(challenge.nonce()),
            challenge.selection());
    if (check instanceof Check.Passed<Trusted.QuotedState> passed) {
      return judgeState(node, challenge, passed.fact(), before);
    }
    return new Rejected(
        node.nodeId(), List.of(((Check.Failed<Trusted.QuotedState>) check).reason()));
  }

  private Verdict judgeState(
      NodeRecord node, Challenge challenge, Trusted.QuotedState state, Baseline before) {
    Optional<AppraisalPolicy> asked = policy.forQuoteOf(challenge.selection());
    if (asked.isEmpty()) {
      return new Rejected(
          node.nodeId(), ReasonCode.POLICY_MISSING, "serai.verifier.policy is not set");
    }
    Optional<Reason> unbound = unbound(challenge, state);
    if (unbound.isPresent()) {
      return new Rejected(node.nodeId(), List.of(unbound.get()));
    }
    List<Reason> violations = asked.get().violations(state, before, false);
    if (!violations.isEmpty()) {
      return new Rejected(node.nodeId(), violations);
    }
    return new Trusted(
        node.nodeId(),
        node.ek().name(),
        node.ak().name(),
        Optional.empty(),
        Optional.empty(),
        state,
        asked.get().name(),
        before.after(asked.get().pcrs(), state));
  }

  private static Optional<Reason> unbound(Challenge challenge, Trusted.QuotedState state) {
    for (Map.Entry<Integer, Bytes> bound : challenge.bound().entrySet()) {
      for (Map.Entry<TpmHash, SortedMap<Integer, Bytes>> bank : state.pcrs().entrySet()) {
        if (!bound.getValue().equals(bank.getValue().get(bound.getKey()))) {
          return Optional.of(
              new Reason(
                  ReasonCode.PCR_VALUE_NOT_ALLOWED,
                  "%s:%d does not bind what was sent beside the quote"
                      .formatted(bank.getKey().bankName(), bound.getKey())));
        }
      }
    }
    return Optional.empty();
  }
}
