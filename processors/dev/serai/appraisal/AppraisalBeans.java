package dev.serai.appraisal;

import dev.serai.role.RoleContext;
import dev.serai.signing.Signatures;
import java.util.Optional;
import java.util.function.UnaryOperator;

/** The beans of route {@code appraise-evidence}; called by the verifier's wiring. */
public final class AppraisalBeans {
  private AppraisalBeans() {}

  /**
   * Binds the steps and, under {@code quoteAppraiser}, the appraiser of pulled quotes.
   *
   * @throws dev.serai.reason.RefusalException CONFIGURATION_INVALID when serai.verifier.policy
   *     names a policy that cannot be used. When it is not set, every node is rejected.
   */
  public static KeylimeQuoteAppraiser bind(RoleContext context, BaselineStore baselines) {
    Optional<AppraisalPolicy> policy =
        context.settings().optionalText("serai.verifier.policy").map(PolicyFile::load);
    AppraisalSteps steps = new AppraisalSteps(Signatures.fastest());
    context.bind("openAppraisal", new OpenAppraisalProcessor());
    step(context, "parseEvidence", steps::parse);
    step(context, "checkChallenge", steps::checkChallenge);
    context.bind("nameNode", new NameNodeProcessor());
    context.bind("checkNodeRecord", new CheckNodeRecordProcessor(steps));
    step(context, "verifyCertify", steps::verifyCertify);
    step(context, "verifyCsr", steps::verifyCsr);
    step(context, "verifyQuote", steps::verifyQuote);
    step(
        context,
        "loadBaseline",
        appraisal -> steps.withBaseline(appraisal, baselines.load(appraisal.nodeId())));
    step(context, "checkPcrPolicy", appraisal -> steps.checkPcrs(appraisal, policy));
    step(context, "checkClock", steps::checkClock);
    step(context, "saveBaseline", appraisal -> save(baselines, appraisal));
    context.bind("concludeAppraisal", new ConcludeAppraisalProcessor(context.meters()));
    KeylimeQuoteAppraiser quotes = new KeylimeQuoteAppraiser(steps, policy);
    context.bind("quoteAppraiser", quotes);
    return quotes;
  }

  private static Appraisal save(BaselineStore baselines, Appraisal appraisal) {
    baselines.save(appraisal.nodeId(), appraisal.after());
    return appraisal;
  }

  private static void step(RoleContext context, String name, UnaryOperator<Appraisal> core) {
    context.bind(name, new AppraisalStepProcessor(core));
  }
}
