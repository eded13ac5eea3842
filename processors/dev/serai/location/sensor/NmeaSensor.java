package dev.serai.location.sensor;

import dev.serai.deadline.Deadline;
import dev.serai.location.LocationReading;
import dev.serai.tpm.wire.MalformedStructureException;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * A GNSS receiver on a serial device (or any file) that speaks NMEA 0183. The line's speed is what
 * the system set it to. Nothing is written to it.
 */
final class NmeaSensor implements LocationSensor {
  private static final long MOST_BYTES = 256 * 1024;
  private static final int POLL_MILLIS = 20;

  private final Path device;

  NmeaSensor(Path device) {
    this.device = device;
  }

  @Override
  public String name() {
    return "gnss";
  }

  @Override
  public LocationReading read(Duration within) {
    Deadline deadline = Deadline.in(within.minusMillis(Math.min(100, within.toMillis() / 10)));
    // Not Files.newInputStream: what it calls available is the size of a file.
    try (InputStream in = new FileInputStream(device.toFile())) {
      boolean regular = Files.isRegularFile(device);
      return read(
          new LineReader(
              buffer -> regular ? in.read(buffer) : readAvailable(in, buffer),
              deadline,
              NmeaSentence.MAX_LENGTH,
              MOST_BYTES));
    } catch (IOException e) {
      throw Refusals.missing(device + " cannot be read: " + e, e);
    }
  }

  /** A device that is silent holds up nobody: it is not read before it has something. */
  private static int readAvailable(InputStream in, byte[] buffer) throws IOException {
    if (in.available() > 0) {
      return in.read(buffer, 0, Math.min(buffer.length, in.available()));
    }
    try {
      Thread.sleep(POLL_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return -1;
    }
    return 0;
  }

  private LocationReading read(LineReader lines) throws IOException {
    NmeaFix fix = new NmeaFix();
    int sentences = 0;
    int noise = 0;
    for (Optional<String> line = lines.next(); line.isPresent(); line = lines.next()) {
      try {
        NmeaSentence sentence = NmeaSentence.parse(line.get());
        sentences++;
        Optional<NmeaFix.Fixed> fixed = fix.add(sentence);
        if (fixed.isPresent()) {
          return reading(fixed.get());
        }
      } catch (MalformedStructureException e) {
        noise++; // a line cut at its beginning is usual
      }
    }
    if (sentences == 0 && noise > 0) {
      throw Refusals.invalid(device + " sends no NMEA 0183", null);
    }
    throw Refusals.noFix("%s: %d sentences and no fix".formatted(device, sentences));
  }

  private LocationReading reading(NmeaFix.Fixed fixed) {
    return new LocationReading(
        LocationReading.GNSS,
        device.toString(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.of(fixed.position()),
        fixed.takenAt(),
        "nmea");
  }
}
