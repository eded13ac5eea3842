package dev.serai.tpm.tss;

import dev.serai.tpm.TpmException;
import dev.serai.tpm.TpmException.Fault;

/**
 * What a TSS2_RC means for us. Bits 16-23 name the layer that answered; the TPM's own codes also
 * come through resource managers. Part 2, "TPM_RC".
 */
final class ResponseCodes {
  /** ESYS: not a handle of this context. An argument error, the context stays usable. */
  private static final int ESYS_BAD_TR = 0x70018;

  private static final int INITIALIZE = 0x100;

  private ResponseCodes() {}

  /** The TPM (0), a resource manager on its behalf (11) or about it (12). */
  private static boolean fromTpm(int code) {
    int layer = code >>> 16;
    return layer == 0 || layer == 11 || layer == 12;
  }

  /** After such an answer every call on the context fails: it must be made anew. */
  static boolean killsContext(int code) {
    return code != 0 && !fromTpm(code) && code != ESYS_BAD_TR;
  }

  /** TPM2_Startup has not been sent. */
  static boolean isNotStarted(int code) {
    return fromTpm(code) && (code & 0xffff) == INITIALIZE;
  }

  static Fault fault(int code) {
    if (code == ESYS_BAD_TR) {
      return Fault.STALE_KEY;
    }
    if (!fromTpm(code) || isNotStarted(code)) {
      return Fault.UNAVAILABLE;
    }
    if ((code & 0x80) != 0) {
      return switch (code & 0xbf) {
        case 0x8e, 0xa2, 0x9d -> Fault.AUTH;
        case 0x8b -> Fault.STALE_KEY;
        case 0x9f -> Fault.INTEGRITY;
        default -> Fault.COMMAND;
      };
    }
    int base = code & 0x97f;
    if (base >= 0x910 && base <= 0x91e) {
      return Fault.STALE_KEY;
    }
    return switch (base) {
      case 0x921 -> Fault.LOCKOUT;
      case 0x12f -> Fault.AUTH;
      case 0x901, 0x902, 0x903, 0x904, 0x905 -> Fault.RESOURCES;
      case 0x908, 0x909, 0x90a, 0x920, 0x922, 0x923 -> Fault.RETRY;
      default -> Fault.COMMAND;
    };
  }

  static TpmException exception(String call, int code) {
    return new TpmException(
        fault(code),
        Integer.toUnsignedLong(code),
        "%s: %s (0x%x)".formatted(call, ResponseDecoder.Tss2_RC_Decode(code), code));
  }
}
