package dev.serai.location;

import java.util.regex.Pattern;

/**
 * Which sensors are allowed, in the prototype's form: {@code type:sensor_id} or {@code
 * type:sensor_id:value}, where the value of a gnss sensor is its serial number. {@code *} is every
 * sensor, {@code :*} at the end everything that begins so. None of them allows that there is no
 * location.
 */
public record SensorPattern(String text) {
  private static final Pattern FORM =
      Pattern.compile("\\*|(mobile|gnss):(\\*|[A-Za-z0-9 ._:/@+-]{1,260}(:\\*)?)");

  public SensorPattern {
    if (!FORM.matcher(text).matches()) {
      throw new IllegalArgumentException(
          "not * nor mobile: or gnss: with a sensor id, or with :* at its end");
    }
  }

  /** Names one sensor and no other. */
  public boolean isExact() {
    return !text.endsWith("*");
  }

  public boolean matches(LocationReading reading) {
    String sensor = sensor(reading);
    return isExact()
        ? sensor.equals(text)
        : sensor.startsWith(text.substring(0, text.length() - 1));
  }

  static String sensor(LocationReading reading) {
    String sensor = reading.type() + ":" + reading.sensorId();
    return reading.type().equals(LocationReading.GNSS)
        ? sensor + reading.serialNumber().map(number -> ":" + number).orElse("")
        : sensor;
  }
}
