package dev.serai.gate;

import dev.serai.reason.Kind;
import dev.serai.reason.ReasonCode;
import java.util.Map;

/** What clients and operators of the prototype's filter know to look for. */
final class GateTexts {
  private static final String UNAVAILABLE = "Verification service unavailable";

  private static final Map<ReasonCode, String> BODIES =
      Map.of(
          ReasonCode.GATE_NO_CERTIFICATE, "Client certificate required",
          ReasonCode.GATE_CERTIFICATE_INVALID, "Client certificate not trusted",
          ReasonCode.GATE_CLAIM_MISSING, "Geo Claim Missing",
          ReasonCode.GATE_CLAIM_EXPIRED, "Geo Claim Expired",
          ReasonCode.GATE_ASSURANCE_TOO_LOW, "Location Assurance Too Low",
          ReasonCode.GATE_REGION_NOT_ALLOWED, "Region Not Allowed",
          ReasonCode.GATE_LOCATION_DENIED, "Location Verification Failed",
          ReasonCode.GATE_LOCATION_UNKNOWN, "Location Not Verified",
          ReasonCode.GATE_ANSWER_INVALID, "Verification service response invalid");

  private GateTexts() {}

  /** 403 for a no, 503 for what could not be found out, 500 for a fault of ours. */
  static int status(ReasonCode code) {
    Kind kind = code.kind();
    return kind == Kind.DENIED ? 403 : kind == Kind.INTERNAL ? 500 : 503;
  }

  static String body(ReasonCode code) {
    String own = BODIES.get(code);
    if (own != null) {
      return own;
    }
    return code.kind() == Kind.INTERNAL ? "Verification service error" : UNAVAILABLE;
  }
}
