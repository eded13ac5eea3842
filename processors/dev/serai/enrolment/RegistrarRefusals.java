package dev.serai.enrolment;

import dev.serai.keylime.AgentId;
import dev.serai.keylime.HttpAnswer;
import dev.serai.reason.Kind;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;

/** Refusals with the status and text that Keylime's clients know. */
final class RegistrarRefusals {
  private RegistrarRefusals() {}

  /** A registration or activation that is not accepted. */
  static RefusalException enrolment(ReasonCode code, String detail) {
    if (code == ReasonCode.NODE_TPM_CHANGED) {
      return with(
          code,
          detail,
          403,
          "Agent re-registration with different TPM identity is forbidden for security reasons");
    }
    if (code.kind() == Kind.MALFORMED) {
      return with(code, detail, 400, "Could not register agent with invalid data");
    }
    return new RefusalException(code, detail);
  }

  static RefusalException unknown(AgentId node) {
    return with(
        ReasonCode.NODE_UNKNOWN,
        "no node " + node,
        404,
        "Agent with ID '%s' not found".formatted(node));
  }

  static RefusalException notActivated(AgentId node) {
    return with(
        ReasonCode.NODE_NOT_ACTIVATED,
        node + " has not been activated",
        404,
        "Agent with ID '%s' has not been activated".formatted(node));
  }

  /** The tag is the caller's own; the expected one is nowhere in the answer. */
  static RefusalException activation(String detail, AgentId node) {
    return with(
        ReasonCode.ACTIVATION_FAILED,
        detail,
        400,
        "Auth tag for agent '%s' does not match expected value".formatted(node));
  }

  /** A bare status, as Keylime answers what it does not serve. */
  static RefusalException bare(int status, ReasonCode code, String detail) {
    return new RefusalException(code, detail, null, HttpAnswer.empty(status));
  }

  static RefusalException forbidden(RegistrarOperation operation, ReasonCode code, String detail) {
    return new RefusalException(code, detail, null, HttpAnswer.forbidden(operation.keylimeName()));
  }

  private static RefusalException with(ReasonCode code, String detail, int status, String text) {
    return new RefusalException(
        code, detail, null, HttpAnswer.refusal(status, text, code.name(), detail));
  }
}
