package dev.serai.tpm.wire;

/** Bytes from outside are not the structure they claim to be. */
public final class MalformedStructureException extends Exception {
  private static final long serialVersionUID = 1L;

  public MalformedStructureException(String structure, String detail) {
    super(structure + ": " + detail);
  }
}
