package dev.serai.app;

import dev.serai.proto.serai.v1.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Locale;

/**
 * The demo's mobile modem: a file, and numbers that are nobody's (an IMEI and an IMSI of test
 * networks, a phone number of a country code that is not given out).
 */
final class DemoSensor {
  static final String TYPE = "mobile";
  static final String SENSOR_ID = "demo:modem";
  static final String IMEI = "001010123456780";
  static final String IMSI = "001010123456789";
  static final String REGION = "demo";
  private static final String MSISDN = "+999010123456";

  /** In the region of the policy demo-located. */
  private static final double LATITUDE = 52.0;

  private static final double LONGITUDE = 5.0;
  private static final double ACCURACY_METRES = 5_000;
  private static final double NEARBY_DEGREES = 0.01;

  private DemoSensor() {}

  /** For serai.agent.location.file. */
  static Path writeReading(Path dir) throws IOException {
    Path file =
        Files.writeString(
            dir.resolve("modem.json"),
            """
            {"type":"%s","sensor_id":"%s","sensor_imei":"%s","sensor_imsi":"%s","source":"file"}
            """
                .formatted(TYPE, SENSOR_ID, IMEI, IMSI));
    return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
  }

  /** What the fake operator is told: this number is a kilometre from where it belongs. */
  static String subscriber() {
    return String.format(
        Locale.ROOT, "%s=%.4f,%.4f", MSISDN, LATITUDE + NEARBY_DEGREES, LONGITUDE + NEARBY_DEGREES);
  }

  /** What the sensor service is told: this node's, and where it belongs. */
  static Device device(String nodeId) {
    return Device.newBuilder()
        .setType(TYPE)
        .setSensorId(SENSOR_ID)
        .setImei(IMEI)
        .setImsi(IMSI)
        .setMsisdn(MSISDN)
        .setLatitude(LATITUDE)
        .setLongitude(LONGITUDE)
        .setAccuracy(ACCURACY_METRES)
        .setNodeId(nodeId)
        .build();
  }
}
