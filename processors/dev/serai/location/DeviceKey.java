package dev.serai.location;

import dev.serai.tpm.Bytes;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Turns what names a device into something that only tells whether it is the same one. There are so
 * few IMEI and IMSI that a hash without a key could be tried out; this one has a key of 32 bytes in
 * a file of mode 0600. Removing the file gives every device another name.
 */
public final class DeviceKey {
  private static final int KEY_LENGTH = 32;

  private final SecretKeySpec key;

  private DeviceKey(byte[] key) {
    this.key = new SecretKeySpec(key, "HmacSHA256");
  }

  /**
   * Reads the key, or makes it. It is on the disk when this returns.
   *
   * @throws UncheckedIOException when the file cannot be used
   */
  public static DeviceKey in(Path file) {
    try {
      byte[] stored = read(file);
      return new DeviceKey(stored.length == 0 ? make(file) : stored);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot use " + file, e);
    }
  }

  /**
   * The key of another process, which made it; never made here.
   *
   * @throws UncheckedIOException when there is none, or when others may read it
   */
  public static DeviceKey of(Path file) {
    try {
      if (Files.getPosixFilePermissions(file).contains(PosixFilePermission.OTHERS_READ)) {
        throw new IOException("every user can read it");
      }
      byte[] stored = Files.readAllBytes(file);
      if (stored.length != KEY_LENGTH) {
        throw new IOException("it holds %d bytes".formatted(stored.length));
      }
      return new DeviceKey(stored);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot use " + file + ": " + e.getMessage(), e);
    }
  }

  private static byte[] read(Path file) throws IOException {
    try {
      byte[] stored = Files.readAllBytes(file);
      if (stored.length != KEY_LENGTH) {
        throw new IOException("%s holds %d bytes".formatted(file, stored.length));
      }
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
      return stored;
    } catch (NoSuchFileException e) {
      return new byte[0];
    }
  }

  private static byte[] make(Path file) throws IOException {
    byte[] made = new byte[KEY_LENGTH];
    new SecureRandom().nextBytes(made);
    Path directory = file.toAbsolutePath().getParent();
    Files.createDirectories(
        directory,
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    Path temporary =
        Files.createTempFile(
            directory,
            "." + file.getFileName(),
            ".new",
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try {
      try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
        channel.write(ByteBuffer.wrap(made));
        channel.force(true);
      }
      Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
      try (FileChannel parent = FileChannel.open(directory, StandardOpenOption.READ)) {
        parent.force(true);
      }
    } finally {
      Files.deleteIfExists(temporary);
    }
    return made;
  }

  /** A name for the device of the reading, by the most telling thing that it says of it. */
  public Bytes device(LocationReading reading) {
    return name(unique(reading).stream().findFirst().orElse(SensorPattern.sensor(reading)));
  }

  /**
   * Each name that {@link #device} may give to a device with these identifiers, whichever of them a
   * reading had.
   */
  public List<Bytes> names(
      String type,
      Optional<String> imei,
      Optional<String> serialNumber,
      Optional<String> imsi,
      Optional<String> msisdn) {
    return unique(type, imei, serialNumber, imsi, msisdn).stream().map(this::name).toList();
  }

  private Bytes name(String part) {
    return mac("device\n" + part);
  }

  /**
   * A name for each thing that no other device has: IMEI, IMSI, number, serial number. A USB id or
   * a path is the same on many machines, so there may be none.
   */
  public List<Bytes> exclusive(LocationReading reading) {
    return unique(reading).stream().map(part -> mac("exclusive\n" + part)).toList();
  }

  private static List<String> unique(LocationReading reading) {
    return unique(
        reading.type(), reading.imei(), reading.serialNumber(), reading.imsi(), reading.msisdn());
  }

  /** The most telling one first. */
  private static List<String> unique(
      String type,
      Optional<String> imei,
      Optional<String> serialNumber,
      Optional<String> imsi,
      Optional<String> msisdn) {
    List<String> parts = new ArrayList<>();
    imei.ifPresent(number -> parts.add("imei:" + number));
    serialNumber.ifPresent(number -> parts.add("serial:" + type + ":" + number));
    imsi.ifPresent(number -> parts.add("imsi:" + number));
    msisdn.ifPresent(number -> parts.add("msisdn:" + number));
    return parts;
  }

  private Bytes mac(String text) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(key);
      return Bytes.copyOf(mac.doFinal(text.getBytes(StandardCharsets.UTF_8)));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java has HmacSHA256", e);
    }
  }

  @Override
  public String toString() {
    return "DeviceKey[..]";
  }
}
