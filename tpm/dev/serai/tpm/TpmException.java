package dev.serai.tpm;

/** A TPM command that gave no answer we can use. The fault says what kind of trouble it is. */
public class TpmException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final Fault fault;
  private final long responseCode;

  public TpmException(Fault fault, long responseCode, String message, Throwable cause) {
    super(message, cause);
    this.fault = fault;
    this.responseCode = responseCode;
  }

  public TpmException(Fault fault, long responseCode, String message) {
    this(fault, responseCode, message, null);
  }

  public Fault fault() {
    return fault;
  }

  /** The TSS2_RC, 0 when the trouble is not a response code. */
  public long responseCode() {
    return responseCode;
  }

  /** Kinds of trouble, each with its own remedy. */
  public enum Fault {
    /** No device and none configured. */
    NO_DEVICE,
    /** The device is there and this user may not open it. */
    NO_PERMISSION,
    /** Another process holds the device. */
    BUSY,
    /** libtss2 or one of its parts is not installed. */
    NO_LIBRARY,
    /** The configured TCTI string is not allowed or not understood. */
    BAD_TCTI,
    /** Transport lost or no answer before the deadline; the context is being re-created. */
    UNAVAILABLE,
    /** No answer before the deadline. */
    TIMEOUT,
    /** The caller had less time than the TPM may take; it says nothing about the TPM. */
    EXPIRED,
    /** Wrong authorization value. */
    AUTH,
    /** Dictionary attack lockout. */
    LOCKOUT,
    /** Out of object or session slots. */
    RESOURCES,
    /** A handle or blob the TPM does not know any more. */
    STALE_KEY,
    /** A credential or blob that fails its integrity check. */
    INTEGRITY,
    /** The TPM asks to try again later. */
    RETRY,
    /** Any other refusal of the command. */
    COMMAND
  }
}
