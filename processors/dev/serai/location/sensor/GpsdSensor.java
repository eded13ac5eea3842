package dev.serai.location.sensor;

import dev.serai.deadline.Deadline;
import dev.serai.location.LocationReading;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.wire.MalformedStructureException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;

/** A GNSS receiver behind gpsd on this machine: its JSON protocol over TCP. */
final class GpsdSensor implements LocationSensor {
  private static final byte[] WATCH =
      "?WATCH={\"enable\":true,\"json\":true};\n".getBytes(StandardCharsets.US_ASCII);
  private static final long MOST_BYTES = 512 * 1024;

  private final InetSocketAddress address;

  /**
   * @throws RefusalException CONFIGURATION_INVALID for a gpsd of another machine: nothing says who
   *     it is
   */
  GpsdSensor(InetSocketAddress address) {
    InetAddress host = address.getAddress();
    if (host == null || !host.isLoopbackAddress()) {
      throw new RefusalException(
          ReasonCode.CONFIGURATION_INVALID,
          "serai.agent.location.gpsd is not on this machine's loopback");
    }
    this.address = address;
  }

  @Override
  public String name() {
    return "gnss";
  }

  @Override
  public LocationReading read(Duration within) {
    Deadline deadline = Deadline.in(within.minusMillis(Math.min(100, within.toMillis() / 10)));
    try (Socket socket = new Socket()) {
      socket.connect(address, millis(deadline));
      socket.getOutputStream().write(WATCH);
      socket.getOutputStream().flush();
      InputStream in = socket.getInputStream();
      return read(
          new LineReader(
              buffer -> {
                socket.setSoTimeout(millis(deadline));
                try {
                  return in.read(buffer);
                } catch (SocketTimeoutException e) {
                  return 0; // the deadline is looked at next
                }
              },
              deadline,
              GpsdReport.MAX_LINE,
              MOST_BYTES));
    } catch (IOException e) {
      throw Refusals.missing("gpsd at %s: %s".formatted(address, e.getMessage()), e);
    }
  }

  /** Zero would mean for ever. */
  private static int millis(Deadline deadline) {
    return (int) Math.max(1, deadline.remaining().toMillis());
  }

  private LocationReading read(LineReader lines) throws IOException {
    int objects = 0;
    for (Optional<String> line = lines.next(); line.isPresent(); line = lines.next()) {
      try {
        Optional<GpsdReport> report = GpsdReport.parse(line.get());
        objects++;
        // A fix whose time gpsd does not know has no age.
        if (report.isPresent() && report.get().takenAt().isPresent()) {
          return reading(report.get());
        }
      } catch (MalformedStructureException | IllegalArgumentException e) {
        throw Refusals.invalid("gpsd at %s: %s".formatted(address, e.getMessage()), e);
      }
    }
    throw Refusals.noFix("gpsd at %s: %d objects and no fix".formatted(address, objects));
  }

  private LocationReading reading(GpsdReport report) {
    return new LocationReading(
        LocationReading.GNSS,
        report.device().orElse("gpsd"),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.of(report.position()),
        report.takenAt().orElseThrow(),
        "gpsd");
  }
}
