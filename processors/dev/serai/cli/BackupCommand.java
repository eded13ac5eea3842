package dev.serai.cli;

import dev.serai.backup.Backup;
import dev.serai.backup.BackupArchive;
import dev.serai.backup.Manifest;
import dev.serai.backup.Restore;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** serai backup, serai backup verify. */
@Command(
    description = "The state in one file, while the process runs.",
    mixinStandardHelpOptions = true)
final class BackupCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private AuditCommands.Where where;

  @Option(names = "--out", paramLabel = "FILE", description = "a new file that only you can read")
  private Path out;

  @Option(
      names = "--recipient",
      paramLabel = "CERTIFICATE",
      description = "seals it for the holder of this RSA certificate's key (PEM or DER)")
  private Path recipient;

  @Option(
      names = "--passphrase-file",
      paramLabel = "FILE",
      description = "seals it with the passphrase in this file")
  private Path passphrase;

  @Option(names = "--json", description = "as JSON")
  private boolean json;

  private final Sockets sockets;

  private BackupCommand(Sockets sockets) {
    this.sockets = sockets;
  }

  static CommandLine make(Sockets sockets) {
    CommandLine line = new CommandLine(new BackupCommand(sockets));
    line.addSubcommand("verify", new Verify());
    return line;
  }

  @Override
  public Integer call() throws IOException {
    if (out == null) {
      throw new CommandLine.ParameterException(spec.commandLine(), "--out is missing");
    }
    String version = new SeraiCommand.Version().getVersion()[0];
    Manifest manifest =
        Backup.make(
            where.stateDir(sockets),
            out,
            Optional.ofNullable(recipient),
            Optional.ofNullable(passphrase),
            version,
            Instant.now());
    if (recipient == null && passphrase == null) {
      spec.commandLine()
          .getErr()
          .println(
              "serai: note: "
                  + out
                  + " holds the keys of the authorities in the clear; see --recipient and"
                  + " --passphrase-file");
    }
    print(spec, view(out, manifest), json);
    return 0;
  }

  static Map<String, Object> view(Path file, Manifest manifest) {
    Map<String, Object> view = new LinkedHashMap<>();
    view.put("file", file.toString());
    view.put("madeAt", manifest.madeAt().toString());
    view.put("trustDomain", manifest.trustDomain());
    view.put("version", manifest.version());
    view.put("schema", manifest.schema());
    view.put("files", manifest.files().size());
    view.put("auditHead", manifest.auditHead());
    return view;
  }

  static void print(CommandSpec spec, Map<String, Object> view, boolean json) {
    Output.out(spec).print(json ? Output.json(view) + "\n" : Output.facts(view));
    Output.out(spec).flush();
  }

  /** What opens a sealed backup. */
  static final class Opening {
    @Option(
        names = "--key",
        paramLabel = "FILE",
        description = "private key (PEM) of the certificate it was sealed for")
    private Path key;

    @Option(
        names = "--passphrase-file",
        paramLabel = "FILE",
        description = "the passphrase it was sealed with")
    private Path passphrase;

    BackupArchive archive(Path file) {
      return new BackupArchive(file, Optional.ofNullable(passphrase), Optional.ofNullable(key));
    }
  }

  @Command(
      description = "Checks a backup as a restore would: hashes, database, keys, audit log.",
      mixinStandardHelpOptions = true)
  private static final class Verify implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private Opening opening;

    @Parameters(paramLabel = "FILE", description = "the backup")
    private Path file;

    @Option(names = "--json", description = "as JSON")
    private boolean json;

    @Override
    public Integer call() throws IOException {
      print(spec, view(file, opening.archive(file).verify()), json);
      return 0;
    }
  }

  /** serai restore. */
  @Command(
      description = "Puts a backup back into a state directory that no process holds.",
      mixinStandardHelpOptions = true)
  static final class RestoreCommand implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private Opening opening;
    @Mixin private AuditCommands.Where where;

    @Option(names = "--from", required = true, paramLabel = "FILE", description = "the backup")
    private Path file;

    @Option(names = "--force", description = "over the state that is there, which is lost")
    private boolean force;

    @Option(
        names = "--accept-broken-audit",
        description = "also when the audit log in it was changed or cut; the new log says so")
    private boolean anyAudit;

    @Option(
        names = "--lose-bans",
        description =
            "also when the bans of the state that is there cannot be carried over; ban again what"
                + " has to stay out")
    private boolean loseBans;

    @Option(
        names = "--keep-joined",
        description =
            "agents of join tokens come back also when it is not known who was evicted after the"
                + " backup; role processes always do then")
    private boolean keepJoined;

    @Option(names = "--json", description = "as JSON")
    private boolean json;

    private final Sockets sockets;

    RestoreCommand(Sockets sockets) {
      this.sockets = sockets;
    }

    @Override
    public Integer call() throws IOException {
      Path stateDir = where.stateDir(sockets);
      Restore.Done done =
          Restore.run(
              opening.archive(file),
              stateDir,
              new Restore.Options(force, anyAudit, loseBans, keepJoined),
              Clock.systemUTC());
      Map<String, Object> view = view(file, done.manifest());
      view.put("stateDir", stateDir.toString());
      view.put("replacedHead", done.replacedHead());
      view.put("bansOfReplacedStateLost", done.bansLost());
      view.put("joinedAgentsEvicted", done.evicted().size());
      view.put("joinedAgentsKept", done.joined().size());
      print(spec, view, json);
      return 0;
    }
  }
}
