package dev.serai.appraisal;

import dev.serai.location.DeviceKey;
import dev.serai.location.LocationPolicy;
import dev.serai.location.LocationStore;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.Reloadable;
import dev.serai.role.RoleContext;
import dev.serai.role.Settings;
import dev.serai.signing.Signatures;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Optional;
import java.util.Set;
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
  public static KeylimeQuoteAppraiser bind(
      RoleContext context, BaselineStore baselines, LocationStore locations) {
    Optional<AppraisalPolicy> policy =
        context.settings().optionalText("serai.verifier.policy").map(PolicyFile::load);
    policy.ifPresent(AppraisalBeans::requireOneBank);
    requireAsked(context.roles(), context.settings(), policy);
    LivePolicy live = new LivePolicy(policy);
    context.onReload(
        settings -> {
          Optional<AppraisalPolicy> fresh =
              settings.optionalText("serai.verifier.policy").map(PolicyFile::load);
          fresh.ifPresent(AppraisalBeans::requireOneBank);
          requireAsked(context.roles(), settings, fresh);
          return new Reloadable.Change(
              fresh.equals(live.now())
                  ? Optional.empty()
                  : Optional.of("policy " + fresh.map(AppraisalPolicy::name).orElse("none")),
              () -> live.use(fresh));
        });
    LocationSteps places =
        new LocationSteps(
            locations,
            DeviceKey.in(context.stateDir().resolve("devices/verifier.key")),
            context.clock(),
            context.meters());
    return bind(context::bind, context.meters(), Signatures.fastest(), live, baselines, places);
  }

  /**
   * A policy that needs what the issuer of the same process does not ask for rejects every node.
   */
  private static void requireAsked(
      Set<String> roles, Settings settings, Optional<AppraisalPolicy> policy) {
    boolean needed =
        policy
            .flatMap(AppraisalPolicy::location)
            .filter(LocationPolicy::demandsLocation)
            .isPresent();
    if (needed && roles.contains("issuer") && !settings.flag("serai.issuer.challenge-location")) {
      throw new RefusalException(
          ReasonCode.CONFIGURATION_INVALID,
          "serai.verifier.policy needs a location, but serai.issuer.challenge-location is false:"
              + " no node would be asked for it");
    }
  }

  /** Keylime's agents quote one bank at a time. */
  private static void requireOneBank(AppraisalPolicy policy) {
    if (policy.pcrs().selection().pcrs().size() != 1) {
      throw new RefusalException(
          ReasonCode.CONFIGURATION_INVALID,
          "serai.verifier.policy names PCRs of more than one bank; agents quote one bank at a"
              + " time: "
              + policy.pcrs().selection());
    }
  }

  static KeylimeQuoteAppraiser bind(
      BiConsumer<String, Object> bind,
      MeterRegistry meters,
      Signatures signatures,
      Optional<AppraisalPolicy> policy,
      BaselineStore baselines,
      LocationSteps places) {
    return bind(bind, meters, signatures, new LivePolicy(policy), baselines, places);
  }

  private static KeylimeQuoteAppraiser bind(
      BiConsumer<String, Object> bind,
      MeterRegistry meters,
      Signatures signatures,
      LivePolicy policy,
      BaselineStore baselines,
      LocationSteps places) {
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
    step(bind, "checkPcrPolicy", appraisal -> steps.checkPcrs(appraisal, policy.now()));
    step(bind, "checkClock", steps::checkClock);
    step(bind, "readNodeLocation", places::read);
    bind.accept("askAboutSensor", new AskSensorProcessor(places));
    bind.accept("takeSensorAnswer", new TakeSensorAnswerProcessor(places));
    step(bind, "judgeNodeLocation", places::judge);
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
