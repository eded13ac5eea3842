package dev.serai.tpm.tss;

import dev.serai.tpm.TpmException;
import dev.serai.tpm.TpmException.Fault;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which TPM is used, and why. The loader of libtss2 is never left to choose: its own list starts
 * daemons and ends in software TPMs.
 *
 * <ol>
 *   <li>A configured TCTI is used, and nothing else.
 *   <li>A tpm2-abrmd that already runs is used: two resource managers on one TPM destroy each
 *       other's keys and sessions.
 *   <li>/dev/tpmrm0.
 *   <li>Nothing else: /dev/tpm0 and software TPMs only when configured.
 * </ol>
 *
 * @param tcti the string for libtss2
 * @param kind what it leads to
 * @param explanation why this one, for people
 */
public record TctiChoice(String tcti, TctiKind kind, String explanation) {
  private static final Pattern DEVICE = Pattern.compile("device:(.+)");
  private static final Pattern DEVICE_NAME = Pattern.compile("tpm(rm)?[0-9]{1,3}");
  private static final Pattern TABRMD =
      Pattern.compile(
          "tabrmd:?|tabrmd:(bus_type=(system|session)|bus_name=[A-Za-z0-9._-]{1,100})"
              + "(,(bus_type=(system|session)|bus_name=[A-Za-z0-9._-]{1,100}))?");
  private static final String LOOPBACK = "host=(127\\.0\\.0\\.1|::1|localhost),port=[0-9]{1,5}";
  private static final Pattern SWTPM =
      Pattern.compile("swtpm:(path=/[^,:]{1,107}|" + LOOPBACK + ")");
  private static final Pattern MSSIM =
      Pattern.compile("mssim:(path=/[^,:]{1,107}|" + LOOPBACK + ")");

  /**
   * Chooses for this machine.
   *
   * @param configured the operator's choice, if there is one
   * @param allowSoftware whether that may be a software TPM
   * @throws TpmException BAD_TCTI, NO_DEVICE, NO_PERMISSION or BUSY, with the remedy in its message
   */
  public static TctiChoice choose(
      Optional<String> configured, boolean allowSoftware, TpmMachine machine) {
    return configured.isPresent()
        ? configured(configured.get().trim(), allowSoftware, machine)
        : automatic(machine);
  }

  private static TctiChoice configured(String tcti, boolean allowSoftware, TpmMachine machine) {
    if (tcti.indexOf('\0') >= 0) { // in C the rest would not be there
      throw badTcti(tcti.replace('\0', '?'), "there is a zero byte in it");
    }
    Matcher device = DEVICE.matcher(tcti);
    if (device.matches()) {
      Path path = Path.of(device.group(1)).normalize();
      Path name = path.getFileName();
      if (!machine.dev().equals(path.getParent())
          || name == null
          || !DEVICE_NAME.matcher(name.toString()).matches()) {
        throw badTcti(tcti, "a device is %s/tpmrm<n> or tpm<n>".formatted(machine.dev()));
      }
      boolean managed = name.toString().startsWith("tpmrm");
      mustOpen(path, machine);
      return new TctiChoice(
          "device:" + path,
          managed ? TctiKind.KERNEL_RESOURCE_MANAGER : TctiKind.EXCLUSIVE_DEVICE,
          "configured" + (managed ? rivalry(machine) : "; no other process can use the TPM"));
    }
    if (TABRMD.matcher(tcti).matches()) {
      return new TctiChoice(tcti, TctiKind.TABRMD, "configured");
    }
    boolean swtpm = SWTPM.matcher(tcti).matches();
    if (swtpm || MSSIM.matcher(tcti).matches()) {
      if (!allowSoftware) {
        throw badTcti(
            tcti,
            "a software TPM proves nothing about this machine; for a demo or a test set"
                + " serai.tpm.allow-software=true");
      }
      return new TctiChoice(
          tcti, swtpm ? TctiKind.SWTPM : TctiKind.MSSIM, "configured: a software TPM");
    }
    throw badTcti(
        tcti,
        "allowed are device:/dev/tpmrm0, device:/dev/tpm0, tabrmd:, and, where software TPMs are"
            + " allowed, swtpm: and mssim: with a unix socket path or a loopback host and port");
  }

  private static TctiChoice automatic(TpmMachine machine) {
    Path manager = machine.resourceManager();
    Optional<TpmMachine.RunningProcess> tabrmd = machine.tabrmd();
    if (tabrmd.isPresent()) {
      return new TctiChoice(
          "tabrmd:",
          TctiKind.TABRMD,
          "%s runs and owns the TPM; using %s beside it would lose keys and sessions of both"
              .formatted(tabrmd.get(), manager));
    }
    if (Files.exists(manager)) {
      mustOpen(manager, machine);
      return new TctiChoice(
          "device:" + manager,
          TctiKind.KERNEL_RESOURCE_MANAGER,
          manager + " opens and no tpm2-abrmd runs");
    }
    if (Files.exists(machine.rawDevice())) {
      boolean old = machine.tpmVersion().filter(version -> version == 1).isPresent();
      throw new TpmException(
          Fault.NO_DEVICE,
          0,
          old
              ? "%s is a TPM 1.2; a TPM 2.0 is needed: look in the firmware setup"
                  .formatted(machine.rawDevice())
              : ("there is %s but no %s: the kernel has no resource manager (4.12 or later has)."
                      + " Start tpm2-abrmd, or set serai.tpm.tcti=device:%s to use the TPM"
                      + " exclusively")
                  .formatted(machine.rawDevice(), manager, machine.rawDevice()));
    }
    throw new TpmException(
        Fault.NO_DEVICE,
        0,
        "no TPM: neither %s nor %s exists. Enable the TPM (PTT, fTPM) in the firmware setup, or give"
                .formatted(manager, machine.rawDevice())
            + " the virtual machine a TPM");
  }

  /** libtss2 hides errno; so the device is opened once before it gets the path. */
  private static void mustOpen(Path device, TpmMachine machine) {
    int errno = machine.probe().errno(device);
    switch (errno) {
      case 0 -> {}
      case Libc.EACCES, Libc.EPERM ->
          throw new TpmException(
              Fault.NO_PERMISSION,
              0,
              "%s: permission denied (errno %d). It belongs to %s; add user %s to the device's group"
                  .formatted(
                      device,
                      errno,
                      machine.ownership(device).orElse("another user"),
                      System.getProperty("user.name")));
      case Libc.EBUSY ->
          throw new TpmException(Fault.BUSY, 0, device + " is " + heldBy(device, machine));
      case Libc.ENOENT, Libc.ENXIO, Libc.ENODEV ->
          throw new TpmException(
              Fault.NO_DEVICE, 0, "%s: no TPM behind it (errno %d)".formatted(device, errno));
      default ->
          throw new TpmException(
              Fault.UNAVAILABLE, 0, "%s does not open (errno %d)".formatted(device, errno));
    }
  }

  /** "held by tpm2-abrmd (pid 273). ..." with what to do. */
  static String heldBy(Path device, TpmMachine machine) {
    TpmMachine.Holders holders = machine.holders(device);
    if (holders.visible().isEmpty()) {
      return "held by another process that this user may not see; as root run: fuser -v " + device;
    }
    String names = String.join(", ", holders.visible().stream().map(Object::toString).toList());
    boolean tabrmd = machine.tabrmd().filter(holders.visible()::contains).isPresent();
    return "held by "
        + names
        + (tabrmd
            ? ". Use serai.tpm.tcti=tabrmd: or stop tpm2-abrmd.service; two resource managers on"
                + " one TPM lose keys and sessions"
            : ". Stop it, or let it use " + machine.resourceManager());
  }

  private static String rivalry(TpmMachine machine) {
    return machine
        .tabrmd()
        .map(
            other ->
                "; WARNING: %s runs too, two resource managers on one TPM lose keys and sessions"
                    .formatted(other))
        .orElse("");
  }

  private static TpmException badTcti(String tcti, String detail) {
    return new TpmException(Fault.BAD_TCTI, 0, "TCTI \"%s\": %s".formatted(tcti, detail));
  }
}
