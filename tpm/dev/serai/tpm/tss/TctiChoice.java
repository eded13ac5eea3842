package dev.serai.tpm.tss;

import dev.serai.tpm.TpmException;
import dev.serai.tpm.TpmException.Fault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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
 * <p>Once a TPM was opened, an automatic choice stays: keys and sessions do not move from one
 * resource manager to the other because somebody started or stopped one. What has become of the
 * other way is trouble with a remedy, and passes when that is done.
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
  private static final Pattern BUS_NAME = Pattern.compile("bus_name=([A-Za-z0-9._-]+)");
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
   * @throws TpmException BAD_TCTI, NO_DEVICE, NO_PERMISSION, BUSY, CONFLICT, NO_MANAGER or, when a
   *     lost call of this process has the device, WEDGED; with the remedy
   */
  public static TctiChoice choose(
      Optional<String> configured, boolean allowSoftware, TpmMachine machine) {
    return choose(configured, allowSoftware, machine, Optional.empty());
  }

  /**
   * @param before what an automatic choice led to before, in this process
   */
  static TctiChoice choose(
      Optional<String> configured,
      boolean allowSoftware,
      TpmMachine machine,
      Optional<TctiKind> before) {
    return configured.isPresent()
        ? configured(configured.get().trim(), allowSoftware, machine)
        : automatic(machine, before);
  }

  /** Where this string leads, openable or not; empty when it is not on the list. */
  static Optional<TctiKind> kind(String tcti) {
    Matcher device = DEVICE.matcher(tcti);
    if (device.matches()) {
      return Optional.of(
          device.group(1).contains("tpmrm")
              ? TctiKind.KERNEL_RESOURCE_MANAGER
              : TctiKind.EXCLUSIVE_DEVICE);
    }
    if (TABRMD.matcher(tcti).matches()) {
      return Optional.of(TctiKind.TABRMD);
    }
    if (SWTPM.matcher(tcti).matches()) {
      return Optional.of(TctiKind.SWTPM);
    }
    return MSSIM.matcher(tcti).matches() ? Optional.of(TctiKind.MSSIM) : Optional.empty();
  }

  /** Looks, without touching the TPM, whether this way to it is still ours alone. */
  void mustBeUncontested(TpmMachine machine) {
    if (kind == TctiKind.KERNEL_RESOURCE_MANAGER) {
      mustHaveNoRival(machine);
    }
    if (kind == TctiKind.SWTPM || kind == TctiKind.MSSIM) {
      mustHaveNoRivalOn(tcti, machine);
    }
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
      if (managed) {
        mustHaveNoRival(machine);
      }
      mustOpen(path, machine);
      return new TctiChoice(
          "device:" + path,
          managed ? TctiKind.KERNEL_RESOURCE_MANAGER : TctiKind.EXCLUSIVE_DEVICE,
          "configured" + (managed ? "" : "; no other process can use the TPM"));
    }
    if (TABRMD.matcher(tcti).matches()) {
      TpmMachine.RunningProcess manager = mustHaveManager(tcti, machine);
      return new TctiChoice(tcti, TctiKind.TABRMD, "configured; " + manager + " answers to it");
    }
    boolean swtpm = SWTPM.matcher(tcti).matches();
    if (swtpm || MSSIM.matcher(tcti).matches()) {
      if (!allowSoftware) {
        throw badTcti(
            tcti,
            "a software TPM proves nothing about this machine; for a demo or a test set"
                + " serai.tpm.allow-software=true");
      }
      mustHaveNoRivalOn(tcti, machine);
      return new TctiChoice(
          tcti, swtpm ? TctiKind.SWTPM : TctiKind.MSSIM, "configured: a software TPM");
    }
    throw badTcti(
        tcti,
        "allowed are device:/dev/tpmrm0, device:/dev/tpm0, tabrmd:, and, where software TPMs are"
            + " allowed, swtpm: and mssim: with a unix socket path or a loopback host and port");
  }

  private static TctiChoice automatic(TpmMachine machine, Optional<TctiKind> before) {
    Path manager = machine.resourceManager();
    if (before.filter(kind -> kind == TctiKind.KERNEL_RESOURCE_MANAGER).isPresent()) {
      mustHaveNoRival(machine);
    }
    Optional<TpmMachine.RunningProcess> tabrmd = machine.tabrmd();
    if (tabrmd.isPresent() || before.filter(kind -> kind == TctiKind.TABRMD).isPresent()) {
      TpmMachine.RunningProcess named = mustHaveManager("tabrmd:", machine);
      return new TctiChoice(
          "tabrmd:",
          TctiKind.TABRMD,
          "%s runs and owns the TPM; using %s beside it would lose keys and sessions of both"
              .formatted(named, manager));
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
      throw old
          ? TpmException.mendable(
              Fault.NO_DEVICE,
              "%s is a TPM 1.2; a TPM 2.0 is needed".formatted(machine.rawDevice()),
              "systemctl reboot --firmware-setup, and switch to TPM 2.0 there")
          : TpmException.mendable(
              Fault.NO_DEVICE,
              "there is %s but no %s: the kernel has no resource manager (4.12 or later has)"
                  .formatted(machine.rawDevice(), manager),
              "systemctl start tpm2-abrmd.service, or set serai.tpm.tcti=device:%s to use the TPM exclusively"
                  .formatted(machine.rawDevice()));
    }
    throw TpmException.mendable(
        Fault.NO_DEVICE,
        "no TPM: neither %s nor %s exists".formatted(manager, machine.rawDevice()),
        "systemctl reboot --firmware-setup, and enable the TPM (PTT, fTPM) there; a virtual machine"
            + " is given one by its host");
  }

  private static void mustHaveNoRival(TpmMachine machine) {
    machine.tabrmd().ifPresent(rival -> refuse(rival, machine.resourceManager(), machine));
  }

  private static void mustHaveNoRivalOn(String tcti, TpmMachine machine) {
    machine.tabrmdOn(tcti).ifPresent(rival -> refuse(rival, tcti, machine));
  }

  private static void refuse(TpmMachine.RunningProcess rival, Object ours, TpmMachine machine) {
    throw TpmException.mendable(
        Fault.CONFLICT,
        "%s runs beside %s: two resource managers on one TPM lose keys and sessions of each other"
            .formatted(rival, ours),
        machine.stopCommand(rival) + ", or use it: serai.tpm.tcti=tabrmd:");
  }

  /** A connection would start tpm2-abrmd where it does not run; so the bus is asked before. */
  private static TpmMachine.RunningProcess mustHaveManager(String tcti, TpmMachine machine) {
    String bus = busType(tcti);
    String name = busName(tcti);
    String start = "systemctl start tpm2-abrmd.service";
    try {
      return machine
          .bus()
          .ownerOf(bus, name)
          .map(machine::process)
          .orElseThrow(
              () ->
                  TpmException.mendable(
                      Fault.NO_MANAGER,
                      "nobody owns %s on the %s D-Bus: tpm2-abrmd does not run"
                          .formatted(name, bus),
                      start));
    } catch (IOException e) {
      throw TpmException.mendable(
          Fault.NO_MANAGER, e.getMessage(), "systemctl start dbus.service, then " + start);
    }
  }

  private static String busName(String tcti) {
    Matcher named = BUS_NAME.matcher(tcti);
    return named.find() ? named.group(1) : TpmMachine.TABRMD_NAME;
  }

  static String busType(String tcti) {
    return tcti.contains("bus_type=session") ? "session" : "system";
  }

  /** libtss2 hides errno; so the device is opened once before it gets the path. */
  private static void mustOpen(Path device, TpmMachine machine) {
    int errno = machine.probe().errno(device);
    switch (errno) {
      case 0 -> {}
      case Libc.EACCES, Libc.EPERM -> throw noPermission(device, errno, machine);
      case Libc.EBUSY -> throw busy(device, machine);
      case Libc.ENOENT, Libc.ENXIO, Libc.ENODEV ->
          throw TpmException.mendable(
              Fault.NO_DEVICE,
              "%s: no TPM behind it (errno %d)".formatted(device, errno),
              "journalctl -k --grep=tpm, or set serai.tpm.tcti to the device that is there");
      default ->
          throw TpmException.mendable(
              Fault.UNAVAILABLE,
              "%s does not open (errno %d)".formatted(device, errno),
              "journalctl -k --grep=tpm");
    }
  }

  private static TpmException noPermission(Path device, int errno, TpmMachine machine) {
    String user = System.getProperty("user.name");
    return TpmException.mendable(
        Fault.NO_PERMISSION,
        "%s: permission denied (errno %d) for user %s; it belongs to %s"
            .formatted(device, errno, user, machine.ownership(device).orElse("another user")),
        machine
            .group(device)
            .map(group -> "usermod -aG %s %s, then start Serai again".formatted(group, user))
            .orElse(
                "chgrp tss %s && chmod 0660 %s (package tpm-udev does it at boot)"
                    .formatted(device, device)));
  }

  /** Who has it, with the command that ends it. */
  private static TpmException busy(Path device, TpmMachine machine) {
    TpmMachine.Holders holders = machine.holders(device);
    List<TpmMachine.RunningProcess> visible =
        holders.visible().stream().filter(process -> !process.equals(machine.self())).toList();
    if (visible.isEmpty() && holders.visible().isEmpty()) {
      return TpmException.mendable(
          Fault.BUSY,
          device + " is held by another process that this user may not see",
          "sudo fuser -v " + device);
    }
    if (visible.isEmpty()) {
      return TpmException.mendable(
          Fault.WEDGED,
          "a call of this process has not come back and still holds " + device,
          "journalctl -k --grep=tpm; power cycle if the TPM stays silent");
    }
    boolean tabrmd = visible.stream().anyMatch(machine::isTabrmd);
    return TpmException.mendable(
        Fault.BUSY,
        "%s is held by %s".formatted(device, list(visible)),
        String.join("; ", visible.stream().map(machine::stopCommand).toList())
            + (tabrmd
                ? ", or use it: serai.tpm.tcti=tabrmd:"
                : ", or let it use " + machine.resourceManager()));
  }

  /** A TPM that takes commands and gives no answer: who is to be looked at. */
  static TpmException wedged(String tcti, TpmMachine machine, Throwable cause) {
    Optional<TpmMachine.RunningProcess> stopped =
        kind(tcti).filter(kind -> kind == TctiKind.TABRMD).isPresent()
            ? manager(tcti, machine).filter(machine::stopped)
            : machine.stoppedServer(tcti.replaceAll("^[a-z]+:(path=)?", ""));
    return TpmException.mendable(
        Fault.WEDGED,
        "the TPM at %s does not answer%s"
            .formatted(tcti, stopped.map(process -> ": " + process + " is stopped").orElse("")),
        stopped
            .map(process -> "kill -CONT " + process.pid())
            .orElse("journalctl -k --grep=tpm; power cycle if the TPM stays silent"),
        cause);
  }

  private static Optional<TpmMachine.RunningProcess> manager(String tcti, TpmMachine machine) {
    try {
      return machine.bus().ownerOf(busType(tcti), busName(tcti)).map(machine::process);
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  static String list(List<TpmMachine.RunningProcess> processes) {
    return String.join(", ", processes.stream().map(Object::toString).toList());
  }

  private static TpmException badTcti(String tcti, String detail) {
    return TpmException.mendable(
        Fault.BAD_TCTI,
        "TCTI \"%s\": %s".formatted(tcti, detail),
        "correct serai.tpm.tcti, or leave it empty");
  }
}
