package dev.serai.location.sensor;

import static dev.serai.fuzz.Fuzzed.check;

import dev.serai.deadline.Deadline;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** What receivers, gpsd and the message bus may send; for fuzz targets. */
public final class SensorFuzz {
  private SensorFuzz() {}

  /** Sentences, one a line. A wrong checksum is tried as a right one too, or nothing gets far. */
  public static void nmea(byte[] in) throws IOException {
    LineReader lines =
        new LineReader(
            new ByteArrayInputStream(in)::read,
            Deadline.in(Duration.ofMinutes(1)),
            NmeaSentence.MAX_LENGTH,
            1 << 16);
    NmeaFix fix = new NmeaFix();
    for (Optional<String> line = lines.next(); line.isPresent(); line = lines.next()) {
      check(line.get().length() <= NmeaSentence.MAX_LENGTH, "a line is bounded");
      for (String text : List.of(line.get(), summed(line.get()))) {
        try {
          fix.add(NmeaSentence.parse(text))
              .ifPresent(
                  fixed -> check(Math.abs(fixed.position().latitude()) <= 90, "on this earth"));
        } catch (MalformedStructureException e) {
          continue; // noise on the line
        }
      }
    }
  }

  private static String summed(String line) {
    int sum = line.chars().skip(1).reduce(0, (a, b) -> a ^ b);
    return "%s*%02X".formatted(line, sum & 0xff);
  }

  /** One line of gpsd. */
  public static void gpsd(byte[] in) throws MalformedStructureException {
    GpsdReport.parse(Bytes.copyOf(in).toText())
        .ifPresent(
            report ->
                check(report.position().accuracyMetres() >= 0, "an accuracy is no less than zero"));
  }

  /** One message of a bus. */
  public static void dbus(byte[] in) throws MalformedStructureException {
    Bytes message = Bytes.copyOf(in);
    check(DbusMessage.parse(message).fields() != null, "a message has a header");
  }

  /** A message that a bus could send. */
  public static Bytes dbusSeed() {
    return DbusMessage.call(7, "a.b", "/c/d", "e.f", "Get", List.of("x", "yy"));
  }
}
