package dev.serai.cli;

import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.reason.TpmReasons;
import dev.serai.tpm.TpmProperties;
import dev.serai.tpm.tss.TpmDoctor;
import dev.serai.tpm.tss.TpmMachine;
import dev.serai.tpm.tss.TpmOptions;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** serai tpm ...: looks at this machine itself, not at a running process. */
final class TpmCommands {
  private TpmCommands() {}

  static Map<String, Callable<Integer>> all(Sockets sockets) {
    Map<String, Callable<Integer>> verbs = new LinkedHashMap<>();
    verbs.put("info", new Info(sockets));
    verbs.put("doctor", new Doctor(sockets));
    return verbs;
  }

  private abstract static class Verb implements Callable<Integer> {
    @Spec CommandSpec spec;

    @Option(names = "--json", description = "as JSON")
    boolean json;

    @Option(names = "--config", paramLabel = "FILE", description = "for serai.tpm.*")
    private Path config;

    @Option(names = "--tcti", paramLabel = "TCTI", description = "instead of serai.tpm.tcti")
    private String tcti;

    private final Sockets sockets;

    Verb(Sockets sockets) {
      this.sockets = sockets;
    }

    TpmDoctor.Report examine() {
      Optional<Path> file = Optional.ofNullable(config);
      String chosen =
          Optional.ofNullable(tcti).or(() -> sockets.optional(file, "serai.tpm.tcti")).orElse("");
      boolean software =
          tcti != null || Boolean.parseBoolean(sockets.value(file, "serai.tpm.allow-software"));
      return TpmDoctor.examine(TpmOptions.defaults().withTcti(chosen).withAllowSoftware(software));
    }
  }

  private static Map<String, Object> view(TpmProperties tpm) {
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("manufacturer", tpm.manufacturer().trim());
    view.put("vendor", tpm.vendor().trim());
    view.put("firmware", tpm.firmware());
    view.put("tcti", tpm.tcti());
    view.put("banks", tpm.activeBanks().stream().map(Enum::name).toList());
    view.put("lockout", tpm.lockout());
    return view;
  }

  @Command(description = "What the TPM says of itself.", mixinStandardHelpOptions = true)
  private static final class Info extends Verb {
    Info(Sockets sockets) {
      super(sockets);
    }

    @Override
    public Integer call() {
      TpmDoctor.Report report = examine();
      if (report.tpm().isEmpty()) {
        throw new RefusalException(
            report.findings().stream()
                .findFirst()
                .map(TpmCommands::reason)
                .orElseGet(() -> new Reason(ReasonCode.TPM_UNAVAILABLE, "it does not answer")),
            null);
      }
      Map<String, Object> view = view(report.tpm().get());
      Output.out(spec).print(json ? Output.json(view) + "\n" : Output.facts(view));
      Output.out(spec).flush();
      return 0;
    }
  }

  @Command(
      description = "Who holds the TPM, what is missing, what to do; exit 1 if it is unusable.",
      mixinStandardHelpOptions = true)
  private static final class Doctor extends Verb {
    Doctor(Sockets sockets) {
      super(sockets);
    }

    @Override
    public Integer call() {
      TpmDoctor.Report report = examine();
      PrintWriter out = Output.out(spec);
      if (json) {
        out.println(Output.json(document(report)));
      } else {
        print(report, out);
      }
      out.flush();
      return report.healthy() ? 0 : 1;
    }
  }

  private static Reason reason(TpmDoctor.Finding finding) {
    return new Reason(TpmReasons.code(finding.fault()), finding.what(), finding.remedy());
  }

  /** One line: can it be used, and if not, what is wrong and what to do. */
  private static String summary(TpmDoctor.Report report) {
    if (!report.healthy()) {
      return report.findings().stream()
          .findFirst()
          .map(finding -> "The TPM cannot be used. " + line(finding))
          .orElse("The TPM cannot be used.");
    }
    List<String> codes =
        report.findings().stream().map(f -> TpmReasons.code(f.fault()).name()).distinct().toList();
    return codes.isEmpty()
        ? "The TPM can be used."
        : "The TPM can be used; look at " + String.join(", ", codes) + ".";
  }

  private static String line(TpmDoctor.Finding finding) {
    return reason(finding) + " | remedy: " + finding.remedy();
  }

  private static String opened(TpmDoctor.Device device) {
    return switch (device.errno()) {
      case 0 -> "opens";
      case -1 -> "not tried";
      default -> "errno " + device.errno();
    };
  }

  private static String holders(TpmMachine.Holders holders) {
    String seen = String.join(", ", holders.visible().stream().map(String::valueOf).toList());
    return (seen.isEmpty() ? "nobody" : seen)
        + (holders.complete() ? "" : " (as far as this user can see)");
  }

  private static void print(TpmDoctor.Report report, PrintWriter out) {
    out.println(summary(report));
    out.println();
    List<List<String>> devices = new ArrayList<>();
    for (TpmDoctor.Device device : report.devices()) {
      devices.add(
          List.of(
              device.path().toString(),
              device.present() ? device.ownership().orElse("") : "missing",
              device.present() ? opened(device) : "",
              device.present() ? holders(device.holders()) : ""));
    }
    out.print(Output.table(List.of("DEVICE", "OWNER", "OPEN", "HELD BY"), devices));
    out.println();
    List<List<String>> libraries = new ArrayList<>();
    for (TpmDoctor.Library library : report.libraries()) {
      libraries.add(
          List.of(
              library.soname(),
              library.found() ? library.path() : "missing",
              library.version(),
              library.required() ? "required" : ""));
    }
    out.print(Output.table(List.of("LIBRARY", "WHERE", "VERSION", ""), libraries));
    out.println();
    report
        .choice()
        .ifPresent(choice -> out.println("chosen: " + choice.tcti() + ", " + choice.explanation()));
    report.resourceManagers().forEach(manager -> out.println("resource manager: " + manager));
    report.tpm().ifPresent(tpm -> out.print(Output.facts(view(tpm))));
    for (TpmDoctor.Finding finding : report.findings()) {
      out.println(finding.severity() + " " + line(finding));
    }
  }

  private static Map<String, Object> document(TpmDoctor.Report report) {
    Map<String, Object> document = new LinkedHashMap<>();
    document.put("healthy", report.healthy());
    document.put("summary", summary(report));
    document.put(
        "choice",
        report.choice().map(choice -> choice.tcti() + ", " + choice.explanation()).orElse(""));
    document.put("tpmVersion", report.tpmVersion().orElse(0));
    document.put(
        "resourceManagers", report.resourceManagers().stream().map(String::valueOf).toList());
    List<Map<String, Object>> devices = new ArrayList<>();
    for (TpmDoctor.Device device : report.devices()) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("path", device.path().toString());
      one.put("present", device.present());
      one.put("ownership", device.ownership().orElse(""));
      one.put("errno", device.errno());
      one.put("heldBy", holders(device.holders()));
      devices.add(one);
    }
    document.put("devices", devices);
    List<Map<String, Object>> libraries = new ArrayList<>();
    for (TpmDoctor.Library library : report.libraries()) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("soname", library.soname());
      one.put("path", library.path());
      one.put("version", library.version());
      one.put("required", library.required());
      one.put("package", library.packageName());
      libraries.add(one);
    }
    document.put("libraries", libraries);
    document.put("tpm", report.tpm().map(TpmCommands::view).orElse(Map.of()));
    List<Map<String, Object>> findings = new ArrayList<>();
    for (TpmDoctor.Finding finding : report.findings()) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("severity", finding.severity().name());
      one.put("code", TpmReasons.code(finding.fault()).name());
      one.put("what", finding.what());
      one.put("remedy", finding.remedy());
      one.put("evidence", finding.evidence());
      findings.add(one);
    }
    document.put("findings", findings);
    return document;
  }
}
