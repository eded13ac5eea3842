package dev.serai.backup;

import dev.serai.audit.AuditDatabase;
import dev.serai.audit.ChainVerifier;
import dev.serai.backup.Sealing.Opener;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/** A backup that somebody hands us. Nothing of it is believed before all of it is checked. */
public final class BackupArchive {
  private static final int LARGEST_MANIFEST = 4 << 20;

  private final Path file;
  private final Opener opener;

  /**
   * @param keyFile or passphrase file: what opens a sealed one
   */
  public BackupArchive(Path file, Optional<Path> passphraseFile, Optional<Path> keyFile) {
    this.file = file;
    this.opener = new Opener(passphraseFile, keyFile);
  }

  /**
   * Opens, unpacks and checks all of it, and leaves nothing behind.
   *
   * @throws RefusalException BACKUP_INVALID, AUDIT_TRUNCATED or AUDIT_CHAIN_BROKEN
   */
  public Manifest verify() throws IOException {
    Path work = Files.createTempDirectory("serai-backup-verify"); // 0700
    try {
      Manifest manifest = unpack(work);
      Optional<Reason> wrong = check(manifest, work);
      if (wrong.isPresent()) {
        throw new RefusalException(
            wrong.get().code(), "the audit log in it: " + wrong.get().detail());
      }
      return manifest;
    } finally {
      StateFiles.delete(work);
    }
  }

  /** Into an empty directory; every size and hash is as the manifest says. */
  Manifest unpack(Path into) throws IOException {
    try (InputStream opened = Sealing.open(file, opener);
        ZipInputStream zip = new ZipInputStream(opened)) {
      ZipEntry first = zip.getNextEntry();
      if (first == null || !first.getName().equals(Manifest.NAME)) {
        throw Manifest.invalid("it does not begin with a manifest");
      }
      byte[] json = zip.readNBytes(LARGEST_MANIFEST + 1);
      if (json.length > LARGEST_MANIFEST) {
        throw Manifest.invalid("its manifest is too long");
      }
      Manifest manifest = Manifest.parse(json);
      requireRoom(manifest, into);
      Map<String, Manifest.Item> missing = new HashMap<>();
      manifest.files().forEach(item -> missing.put(item.path(), item));
      for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
        Manifest.Item item = missing.remove(entry.getName());
        if (item == null) {
          throw Manifest.invalid("a file that is not in its manifest");
        }
        unpack(zip, item, into.resolve(item.path()));
      }
      opened.transferTo(OutputStream.nullOutputStream()); // the seal is checked at the very end
      if (!missing.isEmpty()) {
        throw Manifest.invalid("%d files of its manifest are missing".formatted(missing.size()));
      }
      return manifest;
    } catch (RefusalException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      if (e instanceof FileSystemException) {
        throw e;
      }
      throw new RefusalException(
          ReasonCode.BACKUP_INVALID, "it is cut or was changed: " + e.getMessage(), e);
    }
  }

  /** Little that is packed may unpack to much: then it fails before the disk is full. */
  private static void requireRoom(Manifest manifest, Path into) throws IOException {
    long room = Files.getFileStore(into).getUsableSpace();
    for (Manifest.Item item : manifest.files()) {
      room -= item.size();
      if (room < 0) {
        throw new FileSystemException(into.toString(), null, "no room for what is in the backup");
      }
    }
  }

  private static void unpack(InputStream in, Manifest.Item item, Path target) throws IOException {
    StateFiles.makePrivateDirectories(target.getParent());
    MessageDigest digest = StateFiles.newSha256();
    long size = 0;
    try (OutputStream out =
        Channels.newOutputStream(
            Files.newByteChannel(
                target,
                Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                PosixFilePermissions.asFileAttribute(
                    PosixFilePermissions.fromString("rw-------"))))) {
      byte[] buffer = new byte[1 << 16];
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        size += read;
        if (size > item.size()) {
          throw Manifest.invalid(item.path() + " is longer than its manifest says");
        }
        digest.update(buffer, 0, read);
        out.write(buffer, 0, read);
      }
    }
    if (size != item.size() || !HexFormat.of().formatHex(digest.digest()).equals(item.sha256())) {
      throw Manifest.invalid(item.path() + " is not the file of its manifest");
    }
  }

  /**
   * What an unpacked one has to be besides: whole in itself. Answers what is wrong with the audit
   * log in it, which is no reason against the rest.
   */
  static Optional<Reason> check(Manifest manifest, Path unpacked) {
    Path database = unpacked.resolve(StateFiles.DATABASE);
    if (!Files.exists(database)) {
      return Optional.empty(); // of an agent alone
    }
    StateDatabase.damage(database)
        .ifPresent(
            damage -> {
              throw Manifest.invalid("its database is damaged: " + damage);
            });
    try {
      if (!Backup.hasItsKeys(database, unpacked)) {
        throw Manifest.invalid("an authority of its database has no key in it");
      }
    } catch (SQLException e) {
      throw new RefusalException(
          ReasonCode.BACKUP_INVALID, "its database cannot be read: " + e.getMessage(), e);
    }
    if (manifest.auditHead().isEmpty()) {
      return Optional.empty();
    }
    try (AuditDatabase log = AuditDatabase.open(unpacked)) {
      return new ChainVerifier(Optional.empty(), List.of()).verify(log).wrong();
    }
  }
}
