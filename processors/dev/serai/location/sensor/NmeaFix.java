package dev.serai.location.sensor;

import dev.serai.location.LocationReading.Position;
import dev.serai.tpm.wire.MalformedStructureException;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a receiver's sentences say together: where (GGA), that it means it (RMC active, GSA a fix),
 * and on which date (RMC). Only sentences of the same second count together.
 */
final class NmeaFix {
  /**
   * Metres of error for each unit of horizontal dilution: what a receiver without corrections has
   * to assume of its ranges, at 95 %.
   */
  static final double METRES_PER_HDOP = 5.0;

  private static final double WORST_HDOP = 50;
  private static final Pattern TIME = Pattern.compile("(\\d\\d)(\\d\\d)(\\d\\d)(?:\\.(\\d{1,9}))?");
  private static final Pattern DATE = Pattern.compile("(\\d\\d)(\\d\\d)(\\d\\d)");
  private static final Pattern ANGLE = Pattern.compile("(\\d{2,3})(\\d\\d(?:\\.\\d{1,9})?)");
  private static final Pattern NUMBER = Pattern.compile("\\d{1,4}(?:\\.\\d{1,6})?");

  /** GGA qualities that are a measured position: GPS, differential, PPS, RTK fixed and float. */
  private static final String MEASURED = "1|2|3|4|5";

  private Optional<Gga> gga = Optional.empty();
  private Optional<Rmc> rmc = Optional.empty();
  private boolean fixDenied;

  private record Gga(LocalTime time, double latitude, double longitude, double hdop) {}

  private record Rmc(LocalTime time, LocalDate date) {}

  /** A position and when the receiver took it. */
  record Fixed(Position position, Instant takenAt) {}

  /** A fix, once its sentences are complete. Sentences of other types are passed over. */
  Optional<Fixed> add(NmeaSentence sentence) throws MalformedStructureException {
    switch (sentence.type()) {
      case "GGA" -> gga = gga(sentence);
      case "RMC" -> rmc = rmc(sentence);
      case "GSA" -> fixDenied = sentence.field(1).equals("1");
      default -> {
        return Optional.empty();
      }
    }
    if (gga.isEmpty() || rmc.isEmpty() || fixDenied) {
      return Optional.empty();
    }
    if (!gga.get().time().equals(rmc.get().time())) {
      return Optional.empty();
    }
    try {
      Gga at = gga.get();
      return Optional.of(
          new Fixed(
              new Position(at.latitude(), at.longitude(), at.hdop() * METRES_PER_HDOP),
              rmc.get().date().atTime(at.time()).toInstant(ZoneOffset.UTC)));
    } catch (IllegalArgumentException e) { // out of range
      throw malformed(e.getMessage());
    }
  }

  /** Time, latitude, N, longitude, E, quality, satellites, HDOP, ... */
  private static Optional<Gga> gga(NmeaSentence in) throws MalformedStructureException {
    if (!in.field(5).matches(MEASURED)) {
      return Optional.empty(); // none, estimated, manual or simulated
    }
    if (!NUMBER.matcher(in.field(7)).matches()) {
      return Optional.empty();
    }
    double hdop = Double.parseDouble(in.field(7));
    if (!(hdop > 0 && hdop <= WORST_HDOP)) {
      return Optional.empty();
    }
    return Optional.of(
        new Gga(
            time(in.field(0)),
            angle(in.field(1), in.field(2), "N", "S"),
            angle(in.field(3), in.field(4), "E", "W"),
            hdop));
  }

  /** Time, status, latitude, N, longitude, E, speed, course, date, ... */
  private static Optional<Rmc> rmc(NmeaSentence in) throws MalformedStructureException {
    if (!in.field(1).equals("A")) {
      return Optional.empty();
    }
    Matcher date = DATE.matcher(in.field(8));
    if (!date.matches()) {
      throw malformed("a date that is none");
    }
    try {
      return Optional.of(
          new Rmc(
              time(in.field(0)),
              LocalDate.of(
                  2000 + Integer.parseInt(date.group(3)),
                  Integer.parseInt(date.group(2)),
                  Integer.parseInt(date.group(1)))));
    } catch (DateTimeException e) {
      throw malformed("a date that is none");
    }
  }

  private static LocalTime time(String text) throws MalformedStructureException {
    Matcher parts = TIME.matcher(text);
    if (!parts.matches()) {
      throw malformed("a time that is none");
    }
    String fraction = parts.group(4) == null ? "0" : parts.group(4);
    int nanos = Integer.parseInt((fraction + "000000000").substring(0, 9));
    try {
      return LocalTime.of(
          Integer.parseInt(parts.group(1)),
          Integer.parseInt(parts.group(2)),
          Integer.parseInt(parts.group(3)),
          nanos);
    } catch (DateTimeException e) { // a leap second too: the next one is as good
      throw malformed("a time that is none");
    }
  }

  private static double angle(String text, String side, String positive, String negative)
      throws MalformedStructureException {
    Matcher parts = ANGLE.matcher(text);
    if (!parts.matches() || !(side.equals(positive) || side.equals(negative))) {
      throw malformed("an angle that is none");
    }
    double minutes = Double.parseDouble(parts.group(2));
    if (minutes >= 60) {
      throw malformed("an angle that is none");
    }
    double degrees = Integer.parseInt(parts.group(1)) + minutes / 60;
    return side.equals(negative) ? -degrees : degrees;
  }

  private static MalformedStructureException malformed(String why) {
    return new MalformedStructureException("NMEA sentence", why);
  }
}
