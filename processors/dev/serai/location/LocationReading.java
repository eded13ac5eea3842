package dev.serai.location;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What one sensor says. It names a device and a person's subscription, so {@code toString} says
 * none of that.
 *
 * @param type "mobile" or "gnss"
 * @param sensorId USB vendor:product or the path of a device
 * @param imei 15 digits
 * @param imsi 14 or 15 digits
 * @param msisdn {@code tel:+} and digits
 * @param position needed for gnss
 * @param takenAt when the sensor took it, in milliseconds; not when it was asked
 * @param source "modem", "gpsd", "nmea" or "file"
 */
public record LocationReading(
    String type,
    String sensorId,
    Optional<String> imei,
    Optional<String> imsi,
    Optional<String> msisdn,
    Optional<String> serialNumber,
    Optional<Position> position,
    Instant takenAt,
    String source) {
  public static final String MOBILE = "mobile";
  public static final String GNSS = "gnss";

  /** Longest text of an id. */
  public static final int MAX_TEXT = 128;

  private static final Pattern TEXT = Pattern.compile("[A-Za-z0-9 ._:/@+-]{1," + MAX_TEXT + "}");
  private static final Pattern IMEI = Pattern.compile("[0-9]{15}");
  private static final Pattern IMSI = Pattern.compile("[0-9]{14,15}");
  private static final Pattern MSISDN = Pattern.compile("tel:\\+[1-9][0-9]{3,14}");
  private static final Pattern SOURCE = Pattern.compile("modem|gpsd|nmea|file");

  /** Latest time that a document can name: the end of the year 9999. */
  private static final long MAX_MILLIS = 253_402_300_799_999L;

  /**
   * Degrees of WGS 84 to six decimals (11 cm), metres to three.
   *
   * @param accuracyMetres radius around the point in which the sensor says it is
   */
  public record Position(double latitude, double longitude, double accuracyMetres) {
    private static final double WHOLE_EARTH = 21_000_000;

    public Position {
      latitude = rounded("latitude", latitude, -90, 90, 6);
      longitude = rounded("longitude", longitude, -180, 180, 6);
      accuracyMetres = rounded("accuracy", accuracyMetres, 0, WHOLE_EARTH, 3);
    }

    private static double rounded(
        String what, double value, double least, double most, int decimals) {
      if (!(value >= least && value <= most)) { // no number is in no range
        throw new IllegalArgumentException(what + " is out of range");
      }
      double rounded =
          BigDecimal.valueOf(value).setScale(decimals, RoundingMode.HALF_EVEN).doubleValue();
      return rounded == 0 ? 0 : rounded; // never -0
    }

    /** Without the place. */
    @Override
    public String toString() {
      return "Position";
    }
  }

  public LocationReading {
    if (!type.equals(MOBILE) && !type.equals(GNSS)) {
      throw new IllegalArgumentException("type is neither mobile nor gnss");
    }
    require("sensor_id", TEXT, sensorId);
    imei.ifPresent(text -> require("sensor_imei", IMEI, text));
    imsi.ifPresent(text -> require("sensor_imsi", IMSI, text));
    msisdn.ifPresent(text -> require("sensor_msisdn", MSISDN, text));
    serialNumber.ifPresent(text -> require("sensor_serial_number", TEXT, text));
    require("source", SOURCE, source);
    if (type.equals(GNSS) && position.isEmpty()) {
      throw new IllegalArgumentException("gnss without a position");
    }
    takenAt = takenAt.truncatedTo(ChronoUnit.MILLIS);
    if (takenAt.isBefore(Instant.EPOCH) || takenAt.toEpochMilli() > MAX_MILLIS) {
      throw new IllegalArgumentException("taken_at_ms is out of range");
    }
  }

  private static void require(String what, Pattern form, String text) {
    if (!form.matcher(text).matches()) {
      throw new IllegalArgumentException(what + " has another form");
    }
  }

  /** Negative when it was taken in the future. */
  public Duration age(Instant now) {
    return Duration.between(takenAt, now);
  }

  /** Without ids and without the place. */
  @Override
  public String toString() {
    return "LocationReading[%s of %s]".formatted(type, source);
  }
}
