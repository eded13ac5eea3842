package dev.serai.appraisal;

import dev.serai.role.RoleContext;
import dev.serai.signing.Signatures;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Optional;
import java.util.function.BiConsumer;
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
    return bind(context::bind, context.meters(), Signatures.fastest(), policy, baselines);
  }

  static KeylimeQuoteAppraiser bind(
      BiConsumer<String, Object> bind,
      MeterRegistry meters,
      Signatures signatures,
      Optional<AppraisalPolicy> policy,
      BaselineStore baselines) {
    AppraisalSteps steps = new AppraisalSteps(signatures);
    bind.accept("openAppraisal", new OpenAppraisalProcessor());
    step(bind, "parseEvidence", steps::parse);
    step(bind, "checkChallenge", steps::checkChallenge);
    bind.accept("nameNode", new NameNodeProcessor());
    bind.accept("checkNodeRecord", new CheckNodeRecordProcessor(steps));
    step(bind, "verifyCertify", steps::verifyCertify);
    step(bind, "verifyCsr", steps::verifyCsr);
    step(bind, "verifyQuote", steps::verifyQuote);
    step(
        bind,
        "loadBaseline",
        appraisal -> steps.withBaseline(appraisal, baselines.load(appraisal.nodeId())));
    step(bind, "checkPcrPolicy", appraisal -> steps.checkPcrs(appraisal, policy));
    step(bind, "checkClock", steps::checkClock);
    step(bind, "saveBaseline", appraisal -> save(baselines, appraisal));
    bind.accept("concludeAppraisal", new ConcludeAppraisalProcessor(meters));
    KeylimeQuoteAppraiser quotes = new KeylimeQuoteAppraiser(steps, policy);
    bind.accept("quoteAppraiser", quotes);
    return quotes;
  }

  private static Appraisal save(BaselineStore baselines, Appraisal appraisal) {
    baselines.save(appraisal.nodeId(), appraisal.after());
    return appraisal;
  }

  private static void step(
      BiConsumer<String, Object> bind, String name, UnaryOperator<Appraisal> core) {
    bind.accept(name, new AppraisalStepProcessor(core));
  }
}
