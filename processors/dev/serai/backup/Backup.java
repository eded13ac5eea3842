package dev.serai.backup;

import dev.serai.audit.AuditInbox;
import dev.serai.audit.HeadFile;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.store.DatabaseException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Takes the state of a directory while a process uses it. The database is a snapshot of one moment;
 * a key is on the disk before its row and goes only after it, so the keys read after the snapshot
 * hold every one the snapshot needs, unless authorities changed in between: then it is taken again.
 */
public final class Backup {
  private static final int TRIES = 20;
  private static final long BETWEEN_TRIES_MILLIS = 100;

  private Backup() {}

  /**
   * @param out a new file, 0600
   * @param recipient certificate of who may open it
   * @param passphraseFile or what opens it; without either it is in the clear
   * @throws RefusalException when it cannot be made; there is no file then
   */
  public static Manifest make(
      Path stateDir,
      Path out,
      Optional<Path> recipient,
      Optional<Path> passphraseFile,
      String version,
      Instant now)
      throws IOException {
    if (!Files.isDirectory(stateDir) || StateFiles.isEmpty(stateDir)) {
      throw new RefusalException(ReasonCode.MALFORMED_REQUEST, "no state in " + stateDir);
    }
    if (Files.exists(out)) {
      throw new RefusalException(ReasonCode.MALFORMED_REQUEST, out + " is there already");
    }
    Path parent = out.toAbsolutePath().getParent();
    Path work = Files.createTempDirectory(parent, ".serai-backup"); // 0700
    try {
      boolean database = Files.exists(stateDir.resolve(StateFiles.DATABASE));
      Optional<HeadFile.Head> seen =
          new HeadFile(stateDir.resolve(StateFiles.HEAD)).read(); // before the snapshot
      collect(stateDir, work, database);
      Manifest manifest = manifest(work, database, seen, version, now);
      Path whole = work.resolve("whole");
      write(manifest, work, whole, recipient, passphraseFile);
      StateFiles.sync(whole);
      Files.createLink(out, whole); // never over a file that is there
      StateFiles.sync(parent);
      AuditInbox.leave(stateDir, manifest.auditHead(), manifest.files().size());
      return manifest;
    } catch (FileAlreadyExistsException e) {
      throw new RefusalException(ReasonCode.MALFORMED_REQUEST, out + " is there already", e);
    } catch (SQLException e) {
      throw new DatabaseException("the database cannot be copied: " + e.getMessage(), e);
    } finally {
      StateFiles.delete(work);
    }
  }

  private static void collect(Path stateDir, Path work, boolean database)
      throws IOException, SQLException {
    Path files = work.resolve("files");
    for (int i = 0; i < TRIES; i++) {
      StateFiles.delete(files);
      StateFiles.makePrivateDirectories(files);
      Path copy = files.resolve(StateFiles.DATABASE);
      if (database) {
        StateDatabase.snapshot(stateDir.resolve(StateFiles.DATABASE), copy);
        Files.setPosixFilePermissions(copy, PosixFilePermissions.fromString("rw-------"));
      }
      copyFiles(stateDir, files);
      if (!database || hasItsKeys(copy, files)) {
        return;
      }
      pause();
    }
    throw new RefusalException(
        ReasonCode.AUTHORITY_UNAVAILABLE,
        "an authority in the database has no key in " + StateFiles.KEYS);
  }

  /** One that goes while it is read is not state any more. */
  private static void copyFiles(Path stateDir, Path files) throws IOException {
    for (String path : StateFiles.present(stateDir)) {
      Path target = files.resolve(path);
      StateFiles.makePrivateDirectories(target.getParent());
      try {
        byte[] content = Files.readAllBytes(stateDir.resolve(path));
        try (var out =
            Files.newByteChannel(
                target,
                Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                PosixFilePermissions.asFileAttribute(
                    PosixFilePermissions.fromString("rw-------")))) {
          out.write(java.nio.ByteBuffer.wrap(content));
        }
      } catch (NoSuchFileException e) {
        Files.deleteIfExists(target);
      }
    }
  }

  static boolean hasItsKeys(Path database, Path files) throws SQLException {
    return StateDatabase.signingAuthorities(database).stream()
        .allMatch(id -> Files.exists(files.resolve(StateFiles.KEYS).resolve(id + ".p8")));
  }

  private static void pause() {
    try {
      TimeUnit.MILLISECONDS.sleep(BETWEEN_TRIES_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RefusalException(ReasonCode.NOT_RUNNING, "interrupted", e);
    }
  }

  private static Manifest manifest(
      Path work, boolean database, Optional<HeadFile.Head> seen, String version, Instant now)
      throws IOException, SQLException {
    Path files = work.resolve("files");
    Path copy = files.resolve(StateFiles.DATABASE);
    Optional<HeadFile.Head> head =
        database
            ? HeadFile.ofDatabase(copy, seen, files.resolve(StateFiles.HEAD))
            : Optional.empty();
    List<Manifest.Item> items = new ArrayList<>();
    try (Stream<Path> all = Files.walk(files)) {
      for (Path file : all.filter(Files::isRegularFile).sorted().toList()) {
        String path = files.relativize(file).toString();
        if (StateFiles.isLawful(path)) {
          items.add(new Manifest.Item(path, Files.size(file), StateFiles.sha256(file)));
        }
      }
    }
    return new Manifest(
        now,
        version,
        database ? StateDatabase.schema(copy) : "",
        database ? StateDatabase.trustDomain(copy) : "",
        head.map(HeadFile.Head::toString).orElse(""),
        items);
  }

  private static void write(
      Manifest manifest,
      Path work,
      Path whole,
      Optional<Path> recipient,
      Optional<Path> passphraseFile)
      throws IOException {
    Files.createFile(
        whole, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try (OutputStream out = Files.newOutputStream(whole);
        // closing an envelope twice would end it twice, so only the zip stream does
        ZipOutputStream zip = new ZipOutputStream(Sealing.seal(out, recipient, passphraseFile))) {
      zip.putNextEntry(new ZipEntry(Manifest.NAME));
      zip.write(manifest.toJson());
      zip.closeEntry();
      for (Manifest.Item item : manifest.files()) {
        zip.putNextEntry(new ZipEntry(item.path()));
        Files.copy(work.resolve("files").resolve(item.path()), zip);
        zip.closeEntry();
      }
    }
  }
}
