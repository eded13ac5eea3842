package dev.serai.gate;

import dev.serai.claims.Claims;
import dev.serai.claims.Claims.Geolocation;
import dev.serai.location.Assurance;
import dev.serai.location.DeviceAnswer;
import dev.serai.reason.Judged;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.spiffe.SpiffeId;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * One decision on its way through route {@code decide-gate}. Immutable: each step gives a new one
 * with what it found, or a closed one with the reason, which later steps pass untouched. Only a
 * case that has seen every step ends in a yes, so a step left out of the route refuses.
 */
public final class GateCase implements Judged {

  /** The steps in their order; each needs all before it. */
  enum Step {
    LEAF,
    CLAIMS,
    DEVICE,
    ASSURANCE
  }

  /** What the steps found so far. */
  record Facts(
      Optional<X509Certificate> leaf,
      Optional<SpiffeId> id,
      Optional<Geolocation> location,
      Optional<DeviceAnswer> device,
      Optional<Assurance> assurance) {
    static final Facts NONE =
        new Facts(
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty());

    Facts withLeaf(X509Certificate found, SpiffeId of) {
      return new Facts(Optional.of(found), Optional.of(of), location, device, assurance);
    }

    Facts withLocation(Geolocation found) {
      return new Facts(leaf, id, Optional.of(found), device, assurance);
    }

    Facts withDevice(DeviceAnswer found) {
      return new Facts(leaf, id, location, Optional.of(found), assurance);
    }

    Facts withAssurance(Assurance found) {
      return new Facts(leaf, id, location, device, Optional.of(found));
    }
  }

  private final GateRequest request;
  private final GatePolicy policy;
  private final int stepsDone;
  private final List<Reason> reasons;
  private final Facts facts;
  private final Optional<Claims.MnoEndorsement> endorsement;

  private GateCase(
      GateRequest request,
      GatePolicy policy,
      int stepsDone,
      List<Reason> reasons,
      Facts facts,
      Optional<Claims.MnoEndorsement> endorsement) {
    this.request = request;
    this.policy = policy;
    this.stepsDone = stepsDone;
    this.reasons = reasons;
    this.facts = facts;
    this.endorsement = endorsement;
  }

  static GateCase open(GateRequest request, GatePolicy policy) {
    return new GateCase(request, policy, 0, List.of(), Facts.NONE, Optional.empty());
  }

  /** Nothing has refused it so far; for routes: {@code ${body.open}}. */
  public boolean isOpen() {
    return reasons.isEmpty();
  }

  /**
   * Whether the sensor service has to be asked before this can be decided; for routes: {@code
   * ${body.deviceToAsk}}.
   */
  public boolean isDeviceToAsk() {
    return isOpen()
        && stepsDone == Step.DEVICE.ordinal()
        && policy.mode() != GateMode.TRUST
        && facts.device().isEmpty()
        && isMobile();
  }

  private boolean isMobile() {
    return facts.location().filter(found -> found.type().equals("mobile")).isPresent();
  }

  @Override
  public List<Reason> reasons() {
    return reasons;
  }

  GateRequest request() {
    return request;
  }

  GatePolicy policy() {
    return policy;
  }

  X509Certificate leaf() {
    return facts.leaf().orElseThrow();
  }

  Geolocation location() {
    return facts.location().orElseThrow();
  }

  Optional<DeviceAnswer> device() {
    return facts.device();
  }

  Optional<Claims.MnoEndorsement> endorsement() {
    return endorsement;
  }

  GateCase withEndorsement(Optional<Claims.MnoEndorsement> found) {
    return new GateCase(request, policy, stepsDone, reasons, facts, found);
  }

  /** What the sensor service answered, now or a moment ago. */
  GateCase answered(DeviceAnswer answer) {
    return new GateCase(request, policy, stepsDone, reasons, facts.withDevice(answer), endorsement);
  }

  GateCase closed(ReasonCode code, String detail) {
    return new GateCase(
        request, policy, stepsDone, List.of(new Reason(code, detail)), facts, endorsement);
  }

  /** The step passed and found something; out of order is a fault of the route. */
  GateCase passed(Step step, UnaryOperator<Facts> found) {
    if (stepsDone != step.ordinal()) {
      throw new IllegalStateException(
          "step %s after %d of %d steps".formatted(step, stepsDone, Step.values().length));
    }
    return new GateCase(request, policy, stepsDone + 1, reasons, found.apply(facts), endorsement);
  }

  /** The result. A case that some step never saw is refused by exception. */
  GateDecision decision() {
    String id = facts.id().map(SpiffeId::toString).orElse("");
    if (!isOpen()) {
      return GateDecision.denied(reasons.get(0).code(), reasons.get(0).detail(), id);
    }
    if (stepsDone != Step.values().length) {
      throw new IllegalStateException(
          "%d of %d steps done".formatted(stepsDone, Step.values().length));
    }
    return GateDecision.allowed(
        id, location().region().orElse(""), facts.assurance().orElseThrow());
  }

  /** Not what the claims say. */
  @Override
  public String toString() {
    return "GateCase[%d steps, %s]".formatted(stepsDone, reasons);
  }
}
