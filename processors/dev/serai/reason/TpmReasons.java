package dev.serai.reason;

import dev.serai.tpm.TpmException;

/** Trouble of a TPM by its reason code. */
public final class TpmReasons {
  private TpmReasons() {}

  /** What was seen, and the remedy for this machine where the TPM layer knows one. */
  public static Reason of(TpmException trouble) {
    ReasonCode code = code(trouble.fault());
    return new Reason(
        code, String.valueOf(trouble.getMessage()), trouble.remedy().orElseGet(code::remedy));
  }

  public static ReasonCode code(TpmException.Fault fault) {
    return switch (fault) {
      case NO_DEVICE -> ReasonCode.TPM_NO_DEVICE;
      case NO_PERMISSION -> ReasonCode.TPM_NO_PERMISSION;
      case BUSY -> ReasonCode.TPM_BUSY;
      case CONFLICT -> ReasonCode.TPM_RESOURCE_MANAGER_CONFLICT;
      case NO_MANAGER -> ReasonCode.TPM_RESOURCE_MANAGER_ABSENT;
      case NO_LIBRARY -> ReasonCode.TPM_NO_LIBRARY;
      case BAD_TCTI -> ReasonCode.TPM_BAD_TCTI;
      case SOFTWARE -> ReasonCode.TPM_SOFTWARE;
      case EXPIRED -> ReasonCode.DEADLINE_EXCEEDED;
      case WEDGED -> ReasonCode.TPM_WEDGED;
      case LOCKOUT -> ReasonCode.TPM_LOCKOUT;
      case AUTH, STALE_KEY, INTEGRITY, COMMAND -> ReasonCode.TPM_COMMAND_REFUSED;
      case UNAVAILABLE, TIMEOUT, RESOURCES, RETRY -> ReasonCode.TPM_UNAVAILABLE;
    };
  }
}
