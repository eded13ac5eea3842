package dev.serai.cli;

import dev.serai.audit.AuditDatabase;
import dev.serai.audit.AuditExport;
import dev.serai.audit.AuditKind;
import dev.serai.audit.AuditRecord;
import dev.serai.audit.AuditSource;
import dev.serai.audit.ChainVerifier;
import dev.serai.audit.HeadFile.Head;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import dev.serai.tpm.wire.TpmName;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** serai audit ...: the log is read in the state directory, whether the process runs or not. */
final class AuditCommands {
  private static final Pattern ANCHOR = Pattern.compile("(\\d{1,18}):([0-9a-f]{64})");

  private AuditCommands() {}

  static Map<String, Callable<Integer>> all(Sockets sockets) {
    Map<String, Callable<Integer>> verbs = new LinkedHashMap<>();
    verbs.put("list", new ListRecords(sockets));
    verbs.put("verify", new Verify(sockets));
    verbs.put("export", new Export(sockets));
    return verbs;
  }

  /** Which state directory. */
  static class Where {
    @Option(names = "--config", paramLabel = "FILE", description = "configuration of the process")
    private Path config;

    @Option(
        names = "--state-dir",
        paramLabel = "DIR",
        description = "state directory; else that of the configuration")
    private Path stateDir;

    Path stateDir(Sockets sockets) {
      return stateDir != null
          ? stateDir
          : Path.of(sockets.value(Optional.ofNullable(config), "serai.state-dir"));
    }

    Optional<Path> config() {
      return Optional.ofNullable(config);
    }
  }

  @Command(description = "The last records, oldest first.", mixinStandardHelpOptions = true)
  private static final class ListRecords implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private Where where;

    @Option(names = "--json", description = "as JSON")
    private boolean json;

    @Option(names = "--kind", paramLabel = "KIND", description = "for instance svid.issued")
    private String kind;

    @Option(
        names = "--since",
        paramLabel = "TIME",
        description = "2026-11-25T10:00:00Z, or 2h ago: 15m, 2h, 7d")
    private String since;

    @Option(
        names = "--subject",
        paramLabel = "ID",
        description = "node id, SPIFFE id, or a part of it")
    private String subject;

    @Option(names = "--limit", paramLabel = "N", defaultValue = "100")
    private int limit;

    private final Sockets sockets;

    ListRecords(Sockets sockets) {
      this.sockets = sockets;
    }

    @Override
    public Integer call() {
      if (kind != null && AuditKind.byWord(kind).isEmpty()) {
        throw new ParameterException(spec.commandLine(), "no kind " + kind);
      }
      if (limit < 1) {
        throw new ParameterException(spec.commandLine(), "--limit is at least 1");
      }
      Instant from = since == null ? Instant.MIN : instant(since);
      List<AuditRecord> records;
      try (AuditDatabase log = AuditDatabase.open(where.stateDir(sockets))) {
        records =
            log.last(
                limit,
                Optional.ofNullable(kind),
                record ->
                    !record.at().isBefore(from)
                        && (subject == null || record.subject().contains(subject)));
      }
      PrintWriter out = Output.out(spec);
      if (json) {
        out.println(Output.json(records.stream().map(AuditCommands::view).toList()));
      } else {
        List<List<String>> rows = new ArrayList<>();
        for (AuditRecord record : records) {
          rows.add(
              List.of(
                  Long.toString(record.sequence()),
                  record.at().toString(),
                  record.kind(),
                  record.subject(),
                  record.actor(),
                  record.reasons(),
                  record.detail()));
        }
        out.print(
            Output.table(
                List.of("SEQUENCE", "AT", "KIND", "SUBJECT", "ACTOR", "REASONS", "DETAIL"), rows));
      }
      out.flush();
      return 0;
    }

    private Instant instant(String text) {
      Matcher ago = Pattern.compile("(\\d{1,6})([smhd])").matcher(text);
      if (ago.matches()) {
        long amount = Long.parseLong(ago.group(1));
        return Instant.now()
            .minus(
                switch (ago.group(2)) {
                  case "s" -> Duration.ofSeconds(amount);
                  case "m" -> Duration.ofMinutes(amount);
                  case "h" -> Duration.ofHours(amount);
                  default -> Duration.ofDays(amount);
                });
      }
      try {
        return Instant.parse(text);
      } catch (DateTimeParseException e) {
        throw new ParameterException(spec.commandLine(), "not a time: " + text, e);
      }
    }
  }

  static Map<String, Object> view(AuditRecord record) {
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("sequence", record.sequence());
    view.put("at", record.at().toString());
    view.put("kind", record.kind());
    view.put("subject", record.subject());
    view.put("actor", record.actor());
    view.put("trace", record.trace());
    view.put("reasons", record.reasonCodes());
    view.put("detail", Output.parsed(record.detail()));
    view.put("hash", record.hash().toHex());
    return view;
  }

  @Command(
      description = "Computes the whole chain again; exit 1 if anything was changed or is missing.",
      mixinStandardHelpOptions = true)
  private static final class Verify implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private Where where;

    @Option(names = "--file", paramLabel = "EXPORT", description = "an export instead")
    private Path file;

    @Option(
        names = "--anchor",
        paramLabel = "SEQUENCE:HASH",
        description = "a record as you saw it earlier; may be given several times")
    private List<String> anchors = new ArrayList<>();

    @Option(
        names = "--ak",
        paramLabel = "NAME",
        description = "AK Name in hex: signatures of another key do not count, and one is demanded")
    private String ak;

    @Option(names = "--json", description = "as JSON")
    private boolean json;

    private final Sockets sockets;

    Verify(Sockets sockets) {
      this.sockets = sockets;
    }

    @Override
    public Integer call() {
      Optional<TpmName> signer = Optional.ofNullable(ak).map(this::name);
      ChainVerifier verifier =
          new ChainVerifier(signer, anchors.stream().map(this::anchor).toList());
      ChainVerifier.Result result;
      try (AuditSource source =
          file != null ? new AuditExport(file) : AuditDatabase.open(where.stateDir(sockets))) {
        result = verifier.verify(source);
      }
      Map<String, Object> view = new LinkedHashMap<>();
      view.put("intact", result.wrong().isEmpty());
      view.put("records", result.records());
      view.put("first", result.first());
      view.put("last", result.last().map(Head::toString).orElse(""));
      view.put("chain", result.last().map(Head::chainId).orElse(""));
      view.put("checkpoints", result.checkpoints());
      view.put("signed", result.signed());
      view.put("signers", result.signers().stream().map(TpmName::toHex).sorted().toList());
      if (result.wrong().isPresent()) {
        view.put("reason", result.wrong().get().code().name());
        view.put("firstBad", result.at());
      }
      Output.out(spec).print(json ? Output.json(view) + "\n" : Output.facts(view));
      Output.out(spec).flush();
      if (result.wrong().isPresent()) {
        throw new RefusalException(result.wrong().get().code(), result.wrong().get().detail());
      }
      if (signer.isPresent() && result.signed() == 0) {
        throw new RefusalException(ReasonCode.AUDIT_TRUNCATED, "no checkpoint is signed by " + ak);
      }
      return 0;
    }

    private TpmName name(String hex) {
      try {
        return TpmName.parse(Bytes.ofHex(hex));
      } catch (MalformedStructureException | IllegalArgumentException e) {
        throw new ParameterException(spec.commandLine(), "not a Name: " + hex, e);
      }
    }

    private Head anchor(String text) {
      Matcher parts = ANCHOR.matcher(text);
      if (!parts.matches()) {
        throw new ParameterException(spec.commandLine(), "not SEQUENCE:HASH: " + text);
      }
      return new Head("", Long.parseLong(parts.group(1)), Bytes.ofHex(parts.group(2)));
    }
  }

  @Command(
      description = "All of it as lines of JSON, with hashes and checkpoints.",
      mixinStandardHelpOptions = true)
  private static final class Export implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private Where where;

    @Option(
        names = "--out",
        paramLabel = "FILE",
        description = "a new file that only you can read; else standard output")
    private Path file;

    private final Sockets sockets;

    Export(Sockets sockets) {
      this.sockets = sockets;
    }

    @Override
    public Integer call() throws IOException {
      try (AuditDatabase log = AuditDatabase.open(where.stateDir(sockets))) {
        if (file == null) {
          AuditExport.write(log, Output.out(spec), Instant.now());
          return 0;
        }
        long records;
        try (PrintWriter out =
            new PrintWriter(
                Channels.newWriter(
                    Files.newByteChannel(
                        file,
                        Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                        PosixFilePermissions.asFileAttribute(
                            PosixFilePermissions.fromString("rw-------"))),
                    StandardCharsets.UTF_8))) {
          records = AuditExport.write(log, out, Instant.now());
        }
        Output.out(spec).println(records + " records in " + file);
        Output.out(spec).flush();
        return 0;
      } catch (FileAlreadyExistsException e) {
        throw new RefusalException(ReasonCode.MALFORMED_REQUEST, file + " is there already", e);
      }
    }
  }
}
