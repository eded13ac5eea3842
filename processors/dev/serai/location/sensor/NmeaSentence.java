package dev.serai.location.sensor;

import dev.serai.tpm.wire.MalformedStructureException;
import java.util.List;

/**
 * One line of NMEA 0183: {@code $} talker, type, fields, {@code *} checksum.
 *
 * @param type GGA, RMC, GSA, ... without the talker
 */
record NmeaSentence(String type, List<String> fields) {
  /** The standard says 82; receivers send a little more. */
  static final int MAX_LENGTH = 120;

  private static final String WHAT = "NMEA sentence";
  private static final int MAX_FIELDS = 40;

  NmeaSentence {
    fields = List.copyOf(fields);
  }

  /** Without the line end. A sentence without a checksum is noise. */
  static NmeaSentence parse(String line) throws MalformedStructureException {
    if (line.length() > MAX_LENGTH) {
      throw new MalformedStructureException(WHAT, "longer than " + MAX_LENGTH);
    }
    int star = line.length() - 3;
    if (star < 6 || line.charAt(0) != '$' || line.charAt(star) != '*') {
      throw new MalformedStructureException(WHAT, "not framed");
    }
    int sum = 0;
    for (int i = 1; i < star; i++) {
      char c = line.charAt(i);
      if (c < ' ' || c > '~' || c == '$' || c == '*') {
        throw new MalformedStructureException(WHAT, "a character that none may have");
      }
      sum ^= c;
    }
    if (sum != hex(line.charAt(star + 1)) * 16 + hex(line.charAt(star + 2))) {
      throw new MalformedStructureException(WHAT, "wrong checksum");
    }
    String[] parts = line.substring(1, star).split(",", -1);
    if (parts.length > MAX_FIELDS || !parts[0].matches("[A-Z]{2}[A-Z]{3}")) {
      throw new MalformedStructureException(WHAT, "of no known talker");
    }
    return new NmeaSentence(parts[0].substring(2), List.of(parts).subList(1, parts.length));
  }

  private static int hex(char digit) throws MalformedStructureException {
    int value = digit < 128 ? Character.digit(digit, 16) : -1;
    if (value < 0) {
      throw new MalformedStructureException(WHAT, "a checksum that is not hex");
    }
    return value;
  }

  /** Empty text when there are fewer. */
  String field(int index) {
    return index < fields.size() ? fields.get(index) : "";
  }
}
