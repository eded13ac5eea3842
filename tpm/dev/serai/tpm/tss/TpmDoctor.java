package dev.serai.tpm.tss;

import static dev.serai.tpm.tss.TctiKind.KERNEL_RESOURCE_MANAGER;

import dev.serai.tpm.DictionaryAttack;
import dev.serai.tpm.TpmException;
import dev.serai.tpm.TpmException.Fault;
import dev.serai.tpm.TpmProperties;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Looks at everything a TPM needs on this machine and says what is wrong and what to do. Changes
 * nothing: it opens /dev/tpmrm0, and the TPM it chose, once. It does not open /dev/tpm0 unless that
 * is configured: for a moment nobody else could.
 */
public final class TpmDoctor {
  private TpmDoctor() {}

  /**
   * A device node.
   *
   * @param ownership owner, group and mode; empty when the node is not there
   * @param errno 0 when it opened, -1 when that was not tried, else why not
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
   * @param packageName the package that has it on this distribution
   * @param required Serai does not work without it on a hardware TPM
   * @param path where it was found; empty when it is missing
   * @param version of the installed package; empty when not known
   */
  public record Library(
      String soname, String packageName, boolean required, String path, String version) {
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

  /**
   * One thing that is wrong.
   *
   * @param remedy a command line, or the setting to change
   * @param evidence what it was seen by: processes, owners, counters
   */
  public record Finding(
      Severity severity, Fault fault, String what, String remedy, Map<String, String> evidence) {
    public Finding {
      evidence = Collections.unmodifiableMap(new LinkedHashMap<>(evidence));
    }
  }

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
    return new Examination(options).report();
  }

  /** One look; what is found is collected on the way. */
  private static final class Examination {
    private final TpmOptions options;
    private final TpmMachine machine;
    private final Optional<TctiKind> configured;
    private final Set<Finding> errors = new LinkedHashSet<>();
    private final List<Finding> warnings = new ArrayList<>();
    private final boolean nativeAccess;

    Examination(TpmOptions options) {
      this.options = options;
      this.machine = options.machine();
      this.configured = options.tcti().flatMap(TctiChoice::kind);
      this.nativeAccess = nativeAccess();
    }

    private boolean nativeAccess() {
      try {
        Libraries.requireJna();
        return true;
      } catch (TpmException e) {
        errors.add(finding(e));
        return false;
      }
    }

    Report report() {
      Device raw =
          device(
              machine.rawDevice(),
              configured.filter(kind -> kind == TctiKind.EXCLUSIVE_DEVICE).isPresent());
      Device managed = device(machine.resourceManager(), true);
      List<TpmMachine.RunningProcess> managers = machine.tabrmd().stream().toList();
      Optional<TctiChoice> choice = Optional.empty();
      Optional<TpmProperties> tpm = Optional.empty();
      if (nativeAccess) {
        try {
          choice = Optional.of(TctiChoice.choose(options.tcti(), options.allowSoftware(), machine));
          tpm = Optional.of(ask());
        } catch (TpmException e) {
          errors.add(finding(e));
        }
      }
      List<Library> libraries = libraries(choice);
      rivals(raw, managed, managers, choice);
      choice.filter(chosen -> chosen.kind().software()).ifPresent(this::software);
      tpm.map(TpmProperties::dictionaryAttack)
          .filter(DictionaryAttack::locked)
          .ifPresent(this::lockout);
      List<Finding> findings = new ArrayList<>(errors);
      findings.addAll(warnings);
      return new Report(
          List.of(raw, managed), machine.tpmVersion(), managers, choice, libraries, tpm, findings);
    }

    private List<Library> libraries(Optional<TctiChoice> choice) {
      if (!nativeAccess) {
        return List.of();
      }
      TctiKind wanted =
          choice.map(TctiChoice::kind).or(() -> configured).orElse(KERNEL_RESOURCE_MANAGER);
      List<Library> libraries = Libraries.inventory(wanted);
      for (Library library : libraries) {
        boolean known = errors.stream().anyMatch(e -> e.what().startsWith(library.soname()));
        if (library.required() && !library.found() && !known) {
          errors.add(
              new Finding(
                  Severity.ERROR,
                  Fault.NO_LIBRARY,
                  library.soname() + " is missing or does not load",
                  Packages.install(library.soname()),
                  Map.of("package", library.packageName())));
        }
      }
      return libraries;
    }

    private Device device(Path path, boolean tried) {
      boolean present = Files.exists(path);
      int errno = present ? -1 : Libc.ENOENT;
      if (present && tried && nativeAccess) {
        errno = machine.probe().errno(path);
      }
      return new Device(
          path,
          present,
          machine.ownership(path),
          errno,
          present ? machine.holders(path) : new TpmMachine.Holders(List.of(), true));
    }

    private void rivals(
        Device raw,
        Device managed,
        List<TpmMachine.RunningProcess> managers,
        Optional<TctiChoice> choice) {
      List<TpmMachine.RunningProcess> beside = others(managed);
      boolean known = errors.stream().anyMatch(e -> e.fault() == Fault.CONFLICT);
      for (TpmMachine.RunningProcess manager : known ? none() : managers) {
        String stop = machine.stopCommand(manager);
        if (!beside.isEmpty()) {
          errors.add(
              new Finding(
                  Severity.ERROR,
                  Fault.CONFLICT,
                  "two resource managers on one TPM: %s, and the kernel's for %s"
                      .formatted(manager, TctiChoice.list(beside)),
                  stop + ", or let all of them use it",
                  Map.of("manager", manager.toString(), "beside", TctiChoice.list(beside))));
        } else if (managed.present() && options.tcti().isEmpty()) {
          warnings.add(
              new Finding(
                  Severity.WARNING,
                  Fault.CONFLICT,
                  "%s has the TPM; an agent that was started with %s waits until it is gone"
                      .formatted(manager, managed.path()),
                  stop + ", or start the agent again to use it",
                  Map.of("manager", manager.toString())));
        }
      }
      List<TpmMachine.RunningProcess> strangers =
          others(raw).stream().filter(process -> !managers.contains(process)).toList();
      boolean chosen = choice.filter(c -> c.kind() == TctiKind.EXCLUSIVE_DEVICE).isPresent();
      boolean said = errors.stream().anyMatch(e -> e.fault() == Fault.BUSY);
      if (!strangers.isEmpty() && !chosen && !said) {
        warnings.add(
            new Finding(
                Severity.WARNING,
                Fault.BUSY,
                "%s is held by %s, past every resource manager"
                    .formatted(raw.path(), TctiChoice.list(strangers)),
                "let it use " + managed.path(),
                Map.of("heldBy", TctiChoice.list(strangers))));
      }
    }

    private List<TpmMachine.RunningProcess> others(Device device) {
      return device.holders().visible().stream()
          .filter(process -> !process.equals(machine.self()))
          .toList();
    }

    private static List<TpmMachine.RunningProcess> none() {
      return List.of();
    }

    private void software(TctiChoice choice) {
      warnings.add(
          new Finding(
              Severity.WARNING,
              Fault.SOFTWARE,
              "a software TPM proves nothing about this machine",
              "use it for demos and tests only",
              Map.of("tcti", choice.tcti())));
    }

    private void lockout(DictionaryAttack attack) {
      String within = attack.healsWithin().map(time -> time.toSeconds() + " s").orElse("a while");
      warnings.add(
          new Finding(
              Severity.WARNING,
              Fault.LOCKOUT,
              ("the TPM is in dictionary attack lockout: %d wrong passwords, %d are allowed."
                      + " Serai's own keys are exempt. It ends by itself within %s")
                  .formatted(attack.failures(), attack.most(), within),
              "wait, or with the lockout password: tpm2_dictionarylockout --clear-lockout",
              Map.of(
                  "failures", Long.toString(attack.failures()),
                  "most", Long.toString(attack.most()),
                  "healsWithin", within)));
    }

    private TpmProperties ask() {
      try (TssTpm tpm = TssTpm.open(options)) {
        return tpm.properties();
      }
    }

    private Finding finding(TpmException trouble) {
      return new Finding(
          Severity.ERROR,
          trouble.fault(),
          String.valueOf(trouble.getMessage()),
          trouble.remedy().orElseGet(() -> remedy(trouble.fault())),
          evidence(trouble.fault()));
    }

    private Map<String, String> evidence(Fault fault) {
      Map<String, String> seen = new LinkedHashMap<>();
      Path device =
          options
              .tcti()
              .filter(tcti -> tcti.startsWith("device:"))
              .map(tcti -> Path.of(tcti.substring("device:".length())))
              .orElse(machine.resourceManager());
      switch (fault) {
        case NO_PERMISSION -> {
          seen.put("device", device.toString());
          seen.put("user", System.getProperty("user.name"));
          machine.ownership(device).ifPresent(owner -> seen.put("ownership", owner));
        }
        case BUSY -> {
          seen.put("device", device.toString());
          seen.put("heldBy", TctiChoice.list(machine.holders(device).visible()));
        }
        case CONFLICT ->
            machine.tabrmd().ifPresent(manager -> seen.put("manager", manager.toString()));
        default -> options.tcti().ifPresent(tcti -> seen.put("tcti", tcti));
      }
      return seen;
    }
  }

  private static String remedy(Fault fault) {
    return switch (fault) {
      case NO_LIBRARY -> "./serai setup";
      case UNAVAILABLE, TIMEOUT, EXPIRED, RETRY -> "journalctl -k --grep=tpm; serai tpm doctor";
      case AUTH ->
          "tpm2_changeauth -c owner -p PASSWORD ''; Serai needs an empty owner and endorsement"
              + " password";
      case LOCKOUT -> "wait, or with the lockout password: tpm2_dictionarylockout --clear-lockout";
      case RESOURCES -> "end other programs that hold keys in the TPM";
      case STALE_KEY, INTEGRITY -> "the TPM was cleared or replaced: let the agent make new keys";
      case COMMAND -> "tpm2_getcap properties-fixed shows what the TPM can do";
      case NO_DEVICE, NO_PERMISSION, BUSY, CONFLICT, NO_MANAGER, BAD_TCTI, WEDGED, SOFTWARE ->
          "serai tpm doctor";
    };
  }
}
