package dev.serai.tpm;

import java.util.Optional;

/** A TPM command that gave no answer we can use. The fault says what kind of trouble it is. */
public class TpmException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final Fault fault;
  private final long responseCode;
  private final String remedy;

  private TpmException(
      Fault fault, long responseCode, String what, String remedy, Throwable cause) {
    super(what, cause);
    this.fault = fault;
    this.responseCode = responseCode;
    this.remedy = remedy;
  }

  public TpmException(Fault fault, long responseCode, String message, Throwable cause) {
    this(fault, responseCode, message, "", cause);
  }

  public TpmException(Fault fault, long responseCode, String message) {
    this(fault, responseCode, message, "", null);
  }

  /** Trouble with this machine, and the command line or setting that ends it. */
  public static TpmException mendable(Fault fault, String what, String remedy) {
    return new TpmException(fault, 0, what, remedy, null);
  }

  public static TpmException mendable(Fault fault, String what, String remedy, Throwable cause) {
    return new TpmException(fault, 0, what, remedy, cause);
  }

  /** The same trouble for another thread: its stack is new, the first one is the cause. */
  public TpmException again() {
    return new TpmException(fault, responseCode, getMessage(), remedy, this);
  }

  /** The same trouble with what to do about it. */
  public TpmException withRemedy(String command) {
    return new TpmException(fault, responseCode, getMessage(), command, this);
  }

  /** What to do on this machine, as exact as it is known. */
  public Optional<String> remedy() {
    return Optional.of(remedy).filter(text -> !text.isEmpty());
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
    /** A second resource manager works on the TPM beside the one in use. */
    CONFLICT,
    /** The resource manager in use is not there. */
    NO_MANAGER,
    /** libtss2 or one of its parts is not installed. */
    NO_LIBRARY,
    /** The configured TCTI string is not allowed or not understood. */
    BAD_TCTI,
    /** Transport lost or no answer before the deadline; the context is being re-created. */
    UNAVAILABLE,
    /** No answer to a command before the deadline, or too many of those. */
    WEDGED,
    /** Other operations kept the TPM busy until the deadline. */
    TIMEOUT,
    /** Not a hardware TPM; only ever a warning. */
    SOFTWARE,
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
