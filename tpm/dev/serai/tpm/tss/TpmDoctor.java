package dev.serai.tpm.tss;

/** Placeholder for the records; replaced below. */
public final class TpmDoctor {
  private TpmDoctor() {}

  /** One library. */
  public record Library(
      String soname, String debianPackage, boolean required, String path, String version) {}
}
