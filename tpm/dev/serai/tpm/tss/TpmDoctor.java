package dev.serai.tpm.tss;

import dev.serai.tpm.TpmException;
import dev.serai.tpm.TpmException.Fault;
import dev.serai.tpm.TpmProperties;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Looks at everything a TPM needs on this machine and says what is wrong and what to do. Changes
 * nothing: it opens the devices, and the TPM it chose, once.
 */
public final class TpmDoctor {
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private TpmDoctor() {}

  /**
   * A device node.
   *
   * @param ownership owner, group and mode; empty when the node is not there
   * @param errno 0 when it opened, else why not
   * @param holders who has it open
   */
  public record Device(
      Path path,
      boolean present,
      Optional<String> ownership,
      int errno,
      TpmMachine.Holders holders) {}

  /**
   * A part of libtss2.
   *
   * @param debianPackage the package that has it on Debian 12
   * @param required Serai does not work without it on a hardware TPM
   * @param path where it was found; empty when it is missing
   * @param version of the installed package; empty when not known
   */
  public record Library(
      String soname, String debianPackage, boolean required, String path, String version) {
    public boolean found() {
      return !path.isEmpty();
    }
  }

  /** How bad a finding is. */
  public enum Severity {
    /** The TPM cannot be used. */
    ERROR,
    /** It can be used, with a risk. */
    WARNING
  }

  /** One thing that is wrong. */
  public record Finding(Severity severity, Fault fault, String what, String remedy) {}

  /**
   * What was found.
   *
   * @param devices /dev/tpm0 and /dev/tpmrm0
   * @param tpmVersion 1 or 2, as the kernel says; empty when it says nothing
   * @param resourceManagers tpm2-abrmd, if it runs
   * @param choice the TPM that is used, and why; empty when none can be
   * @param libraries the parts of libtss2
   * @param tpm what the TPM says of itself, lockout included; empty when it was not reached
   * @param findings what is wrong, errors first
   */
  public record Report(
      List<Device> devices,
      Optional<Integer> tpmVersion,
      List<TpmMachine.RunningProcess> resourceManagers,
      Optional<TctiChoice> choice,
      List<Library> libraries,
      Optional<TpmProperties> tpm,
      List<Finding> findings) {
    public Report {
      devices = List.copyOf(devices);
      resourceManagers = List.copyOf(resourceManagers);
      libraries = List.copyOf(libraries);
      findings = List.copyOf(findings);
    }

    /** The TPM can be used. */
    public boolean healthy() {
      return tpm.isPresent()
          && findings.stream().noneMatch(finding -> finding.severity() == Severity.ERROR);
    }
  }

  /** Looks at the machine of these options. Throws nothing: trouble is in the report. */
  public static Report examine(TpmOptions options) {
    TpmMachine machine = options.machine();
    List<Finding> errors = new ArrayList<>();
    List<Finding> warnings = new ArrayList<>();
    boolean reachable = nativeAccess(errors);
    List<Library> libraries = reachable ? Libraries.inventory() : List.of();
    for (Library library : libraries) {
      if (library.required() && !library.found()) {
        errors.add(
            new Finding(
                Severity.ERROR,
                Fault.NO_LIBRARY,
                library.soname() + " is missing",
                "install " + library.debianPackage() + " (elsewhere: tpm2-tss)"));
      }
    }
    List<Device> devices =
        List.of(
            device(machine.rawDevice(), machine, reachable),
            device(machine.resourceManager(), machine, reachable));
    List<TpmMachine.RunningProcess> managers = machine.tabrmd().stream().toList();
    rivals(devices, managers, warnings);
    Optional<TctiChoice> choice = Optional.empty();
    Optional<TpmProperties> tpm = Optional.empty();
    if (reachable) {
      try {
        choice =
            Optional.of(
                TctiChoice.choose(options.tcti(), options.allowSoftware(), options.machine()));
        tpm = Optional.of(ask(options));
      } catch (TpmException e) {
        errors.add(new Finding(Severity.ERROR, e.fault(), e.getMessage(), remedy(e.fault())));
      }
    }
    choice
        .filter(chosen -> chosen.kind().software())
        .ifPresent(
            chosen ->
                warnings.add(
                    new Finding(
                        Severity.WARNING,
                        Fault.NO_DEVICE,
                        "a software TPM proves nothing about this machine",
                        "use it for demos and tests only")));
    if (tpm.filter(TpmProperties::lockout).isPresent()) {
      warnings.add(
          new Finding(
              Severity.WARNING,
              Fault.LOCKOUT,
              "the TPM is in dictionary attack lockout: some program used wrong passwords."
                  + " Serai's own keys are exempt",
              remedy(Fault.LOCKOUT)));
    }
    errors.addAll(warnings);
    return new Report(devices, machine.tpmVersion(), managers, choice, libraries, tpm, errors);
  }

  private static boolean nativeAccess(List<Finding> findings) {
    try {
      Libraries.requireJna();
      return true;
    } catch (TpmException e) {
      findings.add(new Finding(Severity.ERROR, e.fault(), e.getMessage(), remedy(e.fault())));
      return false;
    }
  }

  private static Device device(Path path, TpmMachine machine, boolean nativeAccess) {
    boolean present = Files.exists(path);
    int errno = Libc.ENOENT;
    if (present) {
      errno = nativeAccess ? machine.probe().errno(path) : -1;
    }
    return new Device(
        path,
        present,
        machine.ownership(path),
        errno,
        present ? machine.holders(path) : new TpmMachine.Holders(List.of(), true));
  }

  private static void rivals(
      List<Device> devices, List<TpmMachine.RunningProcess> managers, List<Finding> findings) {
    Device raw = devices.get(0);
    Device managed = devices.get(1);
    List<TpmMachine.RunningProcess> onRaw = raw.holders().visible();
    List<TpmMachine.RunningProcess> onManaged = managed.holders().visible();
    if (!managers.isEmpty() && !onManaged.isEmpty()) {
      findings.add(
          new Finding(
              Severity.WARNING,
              Fault.BUSY,
              "two resource managers on one TPM: %s and, on %s, %s"
                  .formatted(managers, managed.path(), onManaged),
              "let all of them use tpm2-abrmd, or stop tpm2-abrmd.service"));
    }
    List<TpmMachine.RunningProcess> strangers =
        onRaw.stream().filter(process -> !managers.contains(process)).toList();
    if (!strangers.isEmpty()) {
      findings.add(
          new Finding(
              Severity.WARNING,
              Fault.BUSY,
              "%s is held by %s, past every resource manager".formatted(raw.path(), strangers),
              "let it use " + managed.path()));
    }
  }

  private static TpmProperties ask(TpmOptions options) {
    TpmOptions patient = options.withDeadlines(PATIENCE, PATIENCE);
    try (TssTpm tpm = TssTpm.open(patient)) {
      return tpm.properties();
    }
  }

  private static String remedy(Fault fault) {
    return switch (fault) {
      case NO_DEVICE ->
          "enable the TPM (PTT, fTPM) in the firmware setup, or give the virtual machine a TPM";
      case NO_PERMISSION -> "add the user of Serai to the group of the device, usually tss";
      case BUSY -> "stop the process that holds the device, or let it use /dev/tpmrm0";
      case NO_LIBRARY -> "install libtss2 (./serai setup does)";
      case BAD_TCTI -> "correct serai.tpm.tcti, or leave it empty";
      case UNAVAILABLE, TIMEOUT, EXPIRED, RETRY ->
          "look at the kernel log (dmesg | grep -i tpm); when the TPM stays silent, power cycle";
      case AUTH ->
          "the owner or endorsement hierarchy has a password; Serai needs both to be empty";
      case LOCKOUT ->
          "it heals with time; or tpm2_dictionarylockout --clear-lockout with the lockout password";
      case RESOURCES -> "end other programs that hold keys in the TPM";
      case STALE_KEY, INTEGRITY -> "the TPM was cleared or replaced: let the agent make new keys";
      case COMMAND -> "see the message; tpm2_getcap properties-fixed shows what the TPM can do";
    };
  }
}
