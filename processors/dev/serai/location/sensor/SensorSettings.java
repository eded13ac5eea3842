package dev.serai.location.sensor;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.Settings;
import io.micrometer.core.instrument.MeterRegistry;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** The sensors that the configuration names. */
public final class SensorSettings {
  private static final String KEY = "serai.agent.location.";

  private SensorSettings() {}

  /** None when serai.agent.location.sensors is empty. */
  public static LocationSensors sensors(
      Settings settings, InstantSource clock, MeterRegistry meters) {
    List<LocationSensor> sensors = new ArrayList<>();
    for (String kind : settings.list(KEY + "sensors")) {
      sensors.add(sensor(kind, settings, clock));
    }
    return new LocationSensors(
        sensors,
        settings.duration(KEY + "read-timeout"),
        settings.duration(KEY + "max-age"),
        clock,
        meters);
  }

  private static LocationSensor sensor(String kind, Settings settings, InstantSource clock) {
    return switch (kind) {
      case "mobile" -> {
        Set<String> usb = new TreeSet<>(settings.list(KEY + "usb"));
        yield new MobileSensor(new UsbBus(usb), new ModemManager(), clock);
      }
      case "gpsd" -> {
        String address = settings.text(KEY + "gpsd");
        int colon = address.lastIndexOf(':');
        yield new GpsdSensor(
            new InetSocketAddress(
                address.substring(0, colon), Integer.parseInt(address.substring(colon + 1))));
      }
      case "nmea" -> new NmeaSensor(path(settings, "nmea-device"));
      case "file" -> new FileSensor(path(settings, "file"), clock);
      default -> throw invalid(KEY + "sensors", "mobile, gpsd, nmea and file");
    };
  }

  private static Path path(Settings settings, String key) {
    return Path.of(
        settings
            .optionalText(KEY + key)
            .orElseThrow(() -> invalid(KEY + key, "a path, for serai.agent.location.sensors")));
  }

  private static RefusalException invalid(String key, String wanted) {
    return new RefusalException(ReasonCode.CONFIGURATION_INVALID, key + " has to be " + wanted);
  }
}
