package dev.serai.audit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Backups that were made beside the process. Only the process writes its log, so the command leaves
 * a note in the state directory, and the next round of upkeep records it; after a restart too.
 */
public final class AuditInbox {
  private static final String DIRECTORY = "audit-inbox";
  private static final int MOST = 100;
  private static final int LONGEST = 256;
  private static final Pattern NOTE =
      Pattern.compile("backup head=(\\d{1,18}:[0-9a-f]{64}|) files=(\\d{1,9})\n");

  private AuditInbox() {}

  /**
   * @param head SEQUENCE:HASH of the last record in the backup, or empty
   */
  public static void leave(Path stateDir, String head, int files) throws IOException {
    Path directory = stateDir.resolve(DIRECTORY);
    Files.createDirectories(
        directory,
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    Path beside = directory.resolve("." + UUID.randomUUID());
    Files.writeString(beside, "backup head=" + head + " files=" + files + "\n");
    Files.move(
        beside, directory.resolve(UUID.randomUUID() + ".note"), StandardCopyOption.ATOMIC_MOVE);
  }

  /** Records what lies there, then removes it. */
  static void empty(Path stateDir, Audit audit) throws IOException {
    Path directory = stateDir.resolve(DIRECTORY);
    if (!Files.isDirectory(directory)) {
      return;
    }
    List<Path> notes = new ArrayList<>();
    try (Stream<Path> files = Files.list(directory)) {
      files.filter(file -> file.toString().endsWith(".note")).limit(MOST).forEach(notes::add);
    }
    for (Path note : notes) {
      if (Files.size(note) <= LONGEST) {
        Matcher fields = NOTE.matcher(Files.readString(note));
        if (fields.matches()) {
          audit.append(
              AuditEvent.of(AuditKind.BACKUP_MADE, "backup")
                  .with("head", fields.group(1))
                  .with("files", Long.parseLong(fields.group(2))));
        }
      }
      Files.deleteIfExists(note);
    }
  }
}
