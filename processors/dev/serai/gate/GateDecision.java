package dev.serai.gate;

import dev.serai.location.Assurance;
import dev.serai.reason.Judged;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * The answer of route {@code decide-gate}. Only this package makes one that allows.
 *
 * @see GateCase
 */
public final class GateDecision implements Judged {
  private final Optional<Reason> reason;
  private final int httpStatus;
  private final String text;
  private final String spiffeId;
  private final String region;
  private final Optional<Assurance> assurance;

  private GateDecision(
      Optional<Reason> reason,
      int httpStatus,
      String text,
      String spiffeId,
      String region,
      Optional<Assurance> assurance) {
    this.reason = reason;
    this.httpStatus = httpStatus;
    this.text = text;
    this.spiffeId = spiffeId;
    this.region = region;
    this.assurance = assurance;
  }

  static GateDecision allowed(String spiffeId, String region, Assurance assurance) {
    return new GateDecision(Optional.empty(), 200, "", spiffeId, region, Optional.of(assurance));
  }

  static GateDecision denied(ReasonCode code, String detail, String spiffeId) {
    return new GateDecision(
        Optional.of(new Reason(code, detail)),
        GateTexts.status(code),
        GateTexts.body(code),
        Objects.requireNonNull(spiffeId),
        "",
        Optional.empty());
  }

  /** For routes: {@code ${body.allowed}}. */
  public boolean isAllowed() {
    return reason.isEmpty();
  }

  /** Empty when allowed. */
  @Override
  public List<Reason> reasons() {
    return reason.stream().toList();
  }

  /** What a proxy answers the client with. */
  public int httpStatus() {
    return httpStatus;
  }

  /** The body of that answer; empty when allowed. */
  public String text() {
    return text;
  }

  /** Whom the certificate names; empty when it could not be believed. */
  public String spiffeId() {
    return spiffeId;
  }

  /** Where it is; empty when it is not said. */
  public String region() {
    return region;
  }

  /** How well that is known; empty when denied. */
  public Optional<Assurance> assurance() {
    return assurance;
  }

  @Override
  public String toString() {
    return "GateDecision[%s %s]"
        .formatted(spiffeId, reason.map(Reason::toString).orElse("allowed"));
  }
}
