package dev.serai.issuing;

/** Bytes are not the DER structure they claim to be. */
final class MalformedDerException extends Exception {
  private static final long serialVersionUID = 1L;

  MalformedDerException(String message) {
    super(message);
  }
}
