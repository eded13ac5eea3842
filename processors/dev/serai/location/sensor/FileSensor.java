package dev.serai.location.sensor;

import dev.serai.location.LocationDocument;
import dev.serai.location.LocationReading;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Set;

/**
 * A fixed site: a JSON file with the fields of a location document, of root's or of this process's
 * user, that nobody else may write. Without {@code taken_at_ms} it holds as long as it is there.
 */
final class FileSensor implements LocationSensor {
  private static final Path SELF = Path.of("/proc/self");

  private final Path file;
  private final InstantSource clock;

  FileSensor(Path file, InstantSource clock) {
    this.file = file;
    this.clock = clock;
  }

  @Override
  public String name() {
    return "file";
  }

  @Override
  public LocationReading read(Duration within) {
    try {
      requireOnlyOurs();
      byte[] content;
      try (InputStream in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
        content = in.readNBytes(LocationDocument.MAX_SIZE + 1);
      }
      requireOnlyOurs(); // and not exchanged meanwhile by one who may not
      LocationReading reading =
          LocationDocument.parseLoosely(Bytes.copyOf(content), clock.instant());
      if (!reading.source().equals("file")) {
        throw Refusals.invalid(file + ": source is not \"file\"", null);
      }
      return reading;
    } catch (NoSuchFileException e) {
      throw Refusals.missing("there is no " + file, e);
    } catch (MalformedStructureException e) {
      throw Refusals.invalid(file + ": " + e.getMessage(), e);
    } catch (IOException e) {
      throw Refusals.invalid(file + " cannot be read: " + e, e);
    }
  }

  private void requireOnlyOurs() throws IOException {
    PosixFileAttributes attributes =
        Files.readAttributes(file, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    if (!attributes.isRegularFile()) {
      throw Refusals.invalid(file + " is not a file", null);
    }
    int owner = (int) Files.getAttribute(file, "unix:uid", LinkOption.NOFOLLOW_LINKS);
    int own = (int) Files.getAttribute(SELF, "unix:uid");
    if (owner != 0 && owner != own) {
      throw Refusals.invalid(file + " belongs to uid %d".formatted(owner), null);
    }
    Set<PosixFilePermission> permissions = attributes.permissions();
    if (permissions.contains(PosixFilePermission.GROUP_WRITE)
        || permissions.contains(PosixFilePermission.OTHERS_WRITE)) {
      throw Refusals.invalid("others may write " + file, null);
    }
  }
}
