package dev.serai.location;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.util.regex.Pattern;

/**
 * Identifiers of mobile devices and places, in the one form we keep and compare. Refusals name the
 * rule and never the value, which is personal.
 */
public final class DeviceIds {
  private static final Pattern IMEI = Pattern.compile("[0-9]{15}");
  private static final Pattern IMSI = Pattern.compile("[0-9]{14,15}");
  private static final Pattern MSISDN = Pattern.compile("(tel:)?\\+([1-9][0-9]{4,14})");
  private static final Pattern SERIAL = Pattern.compile("[\\x21-\\x7e]{1,64}");
  private static final Pattern SENSOR = Pattern.compile("[\\x21-\\x7e]{1,128}");
  private static final double MOST_METRES = 20_037_509; // half of the equator

  private DeviceIds() {}

  /**
   * 15 digits, the last of which is Luhn's check digit. 3GPP TS 23.003, clause 6.
   *
   * @throws RefusalException IMEI_INVALID
   */
  public static String imei(String text) {
    if (!IMEI.matcher(text).matches()) {
      throw new RefusalException(ReasonCode.IMEI_INVALID, "not 15 digits");
    }
    if (luhn(text) != 0) {
      throw new RefusalException(ReasonCode.IMEI_INVALID, "the check digit is wrong");
    }
    return text;
  }

  private static int luhn(String digits) {
    int sum = 0;
    for (int i = 0; i < digits.length(); i++) {
      int digit = digits.charAt(digits.length() - 1 - i) - '0';
      int weighed = i % 2 == 0 ? digit : 2 * digit;
      sum += weighed > 9 ? weighed - 9 : weighed;
    }
    return sum % 10;
  }

  /**
   * 14 or 15 digits. 3GPP TS 23.003, clause 2.
   *
   * @throws RefusalException IMSI_INVALID
   */
  public static String imsi(String text) {
    if (!IMSI.matcher(text).matches()) {
      throw new RefusalException(ReasonCode.IMSI_INVALID, "not 14 or 15 digits");
    }
    return text;
  }

  /**
   * An E.164 number with its plus sign, also as a {@code tel:} URI; the answer is without {@code
   * tel:}.
   *
   * @throws RefusalException MSISDN_INVALID
   */
  public static String msisdn(String text) {
    var parts = MSISDN.matcher(text);
    if (!parts.matches()) {
      throw new RefusalException(
          ReasonCode.MSISDN_INVALID, "not + and 5 to 15 digits, with or without tel: before it");
    }
    return "+" + parts.group(2);
  }

  /**
   * A serial number: 1 to 64 visible characters.
   *
   * @throws RefusalException MALFORMED_REQUEST
   */
  public static String serialNumber(String text) {
    return visible(SERIAL, "sensor_serial_number", text);
  }

  /**
   * The id of a kind of sensor, for instance vendor:product of USB: 1 to 128 visible characters.
   *
   * @throws RefusalException MALFORMED_REQUEST
   */
  public static String sensorId(String text) {
    return visible(SENSOR, "sensor_id", text);
  }

  private static String visible(Pattern pattern, String field, String text) {
    if (!pattern.matcher(text).matches()) {
      throw new RefusalException(
          ReasonCode.MALFORMED_REQUEST, field + " is empty, too long or holds other characters");
    }
    return text;
  }

  /**
   * Degrees north, WGS 84.
   *
   * @throws RefusalException COORDINATES_INVALID
   */
  public static double latitude(double degrees) {
    return within("latitude", degrees, -90, 90);
  }

  /**
   * Degrees east, WGS 84.
   *
   * @throws RefusalException COORDINATES_INVALID
   */
  public static double longitude(double degrees) {
    return within("longitude", degrees, -180, 180);
  }

  /**
   * Metres, above zero and no more than half the way around the Earth.
   *
   * @throws RefusalException COORDINATES_INVALID
   */
  public static double accuracy(double metres) {
    return within("accuracy", metres, Double.MIN_VALUE, MOST_METRES);
  }

  /** What is no number is in no range. Minus zero becomes zero: it is the same place. */
  private static double within(String what, double value, double least, double most) {
    if (!(value >= least && value <= most)) {
      throw new RefusalException(
          ReasonCode.COORDINATES_INVALID, what + " is no number in its range");
    }
    return value + 0.0;
  }
}
