package dev.serai.http;

import dev.serai.reason.ReasonCode;
import java.util.EnumSet;
import java.util.Set;

/** What the reason code in another role's answer says of that role. */
public final class PeerReasons {
  private static final Set<ReasonCode> BEHIND =
      EnumSet.of(
          ReasonCode.PEER_UNAVAILABLE,
          ReasonCode.PEER_NOT_TRUSTED,
          ReasonCode.REGISTRAR_UNREACHABLE,
          ReasonCode.ISSUER_UNREACHABLE);

  private PeerReasons() {}

  /**
   * Whether the trouble is that of somebody whom the role asks: then the role itself is there, and
   * the code goes on to whoever asked it, as it would in one process.
   */
  public static boolean isOfSomebodyBehind(ReasonCode code) {
    return BEHIND.contains(code)
        || code.name().startsWith("OPERATOR_")
        || code.name().startsWith("SENSOR_");
  }
}
