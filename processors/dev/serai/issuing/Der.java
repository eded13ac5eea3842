package dev.serai.issuing;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/** Writes DER, X.690. Definite lengths only; callers hand in the contents in canonical form. */
final class Der {
  static final int INTEGER = 0x02;
  static final int BIT_STRING = 0x03;
  static final int OCTET_STRING = 0x04;
  static final int NULL = 0x05;
  static final int OID = 0x06;
  static final int UTF8_STRING = 0x0c;
  static final int PRINTABLE_STRING = 0x13;
  static final int UTC_TIME = 0x17;
  static final int GENERALIZED_TIME = 0x18;
  static final int SEQUENCE = 0x30;
  static final int SET = 0x31;

  private static final byte[] TRUE = {0x01, 0x01, (byte) 0xff};
  private static final DateTimeFormatter UTC =
      DateTimeFormatter.ofPattern("yyMMddHHmmss'Z'", Locale.ROOT);
  private static final DateTimeFormatter GENERALIZED =
      DateTimeFormatter.ofPattern("yyyyMMddHHmmss'Z'", Locale.ROOT);
  private static final int FIRST_GENERALIZED_YEAR = 2050; // RFC 5280, 4.1.2.5

  private Der() {}

  static byte[] tlv(int tag, byte[]... parts) {
    int length = 0;
    for (byte[] part : parts) {
      length += part.length;
    }
    int lengthBytes = length < 0x80 ? 1 : length < 0x100 ? 2 : length < 0x10000 ? 3 : 4;
    byte[] all = new byte[1 + lengthBytes + length];
    all[0] = (byte) tag;
    if (lengthBytes == 1) {
      all[1] = (byte) length;
    } else {
      all[1] = (byte) (0x80 | (lengthBytes - 1));
      for (int i = lengthBytes; i > 1; i--) {
        all[i] = (byte) (length >> (8 * (lengthBytes - i)));
      }
    }
    int at = 1 + lengthBytes;
    for (byte[] part : parts) {
      System.arraycopy(part, 0, all, at, part.length);
      at += part.length;
    }
    return all;
  }

  static byte[] sequence(byte[]... parts) {
    return tlv(SEQUENCE, parts);
  }

  static byte[] integer(BigInteger value) {
    return tlv(INTEGER, value.toByteArray());
  }

  /** Whole bytes, no unused bits. */
  static byte[] bitString(byte[] content) {
    return tlv(BIT_STRING, new byte[1], content);
  }

  static byte[] octetString(byte[]... content) {
    return tlv(OCTET_STRING, content);
  }

  /** From dotted digits. */
  static byte[] oid(String dotted) {
    String[] arcs = dotted.split("\\.", -1);
    byte[] content = new byte[arcs.length * 5];
    int at = 0;
    content[at++] = (byte) (Integer.parseInt(arcs[0]) * 40 + Integer.parseInt(arcs[1]));
    for (int i = 2; i < arcs.length; i++) {
      int arc = Integer.parseInt(arcs[i]);
      int groups = Math.max(1, (32 - Integer.numberOfLeadingZeros(arc) + 6) / 7);
      for (int g = groups - 1; g >= 0; g--) {
        content[at++] = (byte) (((arc >> (7 * g)) & 0x7f) | (g == 0 ? 0 : 0x80));
      }
    }
    return tlv(OID, java.util.Arrays.copyOf(content, at));
  }

  /** RFC 5280, 4.1.2.5: UTCTime up to 2049. */
  static byte[] time(Instant instant) {
    ZonedDateTime at = instant.atZone(ZoneOffset.UTC);
    return at.getYear() < FIRST_GENERALIZED_YEAR
        ? tlv(UTC_TIME, ascii(UTC.format(at)))
        : tlv(GENERALIZED_TIME, ascii(GENERALIZED.format(at)));
  }

  /** RFC 5280, 4.1: one extension around its DER value. */
  static byte[] extension(String oid, boolean critical, byte[] value) {
    return critical
        ? sequence(oid(oid), TRUE, octetString(value))
        : sequence(oid(oid), octetString(value));
  }

  /** One attribute of a name, as a set of one. */
  static byte[] attribute(String oid, int stringTag, String value) {
    return tlv(SET, sequence(oid(oid), tlv(stringTag, value.getBytes(StandardCharsets.UTF_8))));
  }

  static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
