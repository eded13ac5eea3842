package dev.serai.tpm.tss;

/** Ways to a TPM that are allowed; everything else libtss2 could load is refused. */
public enum TctiKind {
  /** /dev/tpmrm0: the kernel's resource manager. Several processes may use it. */
  KERNEL_RESOURCE_MANAGER("device", true, false),
  /** /dev/tpm0: exclusively, and only when configured. */
  EXCLUSIVE_DEVICE("device", false, false),
  /** tpm2-abrmd, the resource manager in user space. */
  TABRMD("tabrmd", true, false),
  /** A software TPM; demo and tests. */
  SWTPM("swtpm", false, true),
  /** The TPM simulator of the TCG reference code; tests. */
  MSSIM("mssim", false, true);

  private final String library;
  private final boolean managed;
  private final boolean software;

  TctiKind(String library, boolean managed, boolean software) {
    this.library = library;
    this.managed = managed;
    this.software = software;
  }

  /** A resource manager keeps the handles of processes apart and flushes them when one ends. */
  public boolean managed() {
    return managed;
  }

  /** Not a hardware TPM. */
  public boolean software() {
    return software;
  }

  String soname() {
    return "libtss2-tcti-" + library + ".so.0";
  }
}
