package dev.serai.location;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Iterator;
import java.util.TreeMap;

/**
 * JSON text as Python's {@code json.dumps(value, sort_keys=True)} writes it: keys sorted by code
 * point, ", " and ": " between, everything but ASCII escaped, numbers as {@code repr} shows them.
 * Peers sign and check endorsements over this text.
 */
final class PythonJson {
  private static final int MOST_DIGITS = 17;

  private PythonJson() {}

  static String write(JsonNode value) {
    StringBuilder out = new StringBuilder();
    write(value, out);
    return out.toString();
  }

  private static void write(JsonNode value, StringBuilder out) {
    if (value.isObject()) {
      object(value, out);
    } else if (value.isArray()) {
      array(value, out);
    } else if (value.isTextual()) {
      text(value.textValue(), out);
    } else if (value.isIntegralNumber()) {
      out.append(value.bigIntegerValue());
    } else if (value.isNumber()) {
      out.append(number(value.doubleValue()));
    } else {
      out.append(value.isNull() ? "null" : value.asText());
    }
  }

  private static void object(JsonNode object, StringBuilder out) {
    // Code points and UTF-16 units sort differently above U+FFFF; our keys are ASCII.
    TreeMap<String, JsonNode> sorted = new TreeMap<>();
    object.fields().forEachRemaining(field -> sorted.put(field.getKey(), field.getValue()));
    out.append('{');
    String between = "";
    for (var field : sorted.entrySet()) {
      out.append(between);
      text(field.getKey(), out);
      out.append(": ");
      write(field.getValue(), out);
      between = ", ";
    }
    out.append('}');
  }

  private static void array(JsonNode array, StringBuilder out) {
    out.append('[');
    for (Iterator<JsonNode> items = array.elements(); items.hasNext(); ) {
      write(items.next(), out);
      if (items.hasNext()) {
        out.append(", ");
      }
    }
    out.append(']');
  }

  private static void text(String text, StringBuilder out) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\f' -> out.append("\\f");
        case '\b' -> out.append("\\b");
        default -> {
          if (c < ' ' || c > '~') {
            out.append("\\u%04x".formatted((int) c));
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }

  /** The shortest digits that are this number and no other; Java 17's own are sometimes longer. */
  static String number(double value) {
    if (Double.isNaN(value) || Double.isInfinite(value)) {
      throw new IllegalArgumentException("not a number of JSON");
    }
    if (value == 0) {
      return 1 / value < 0 ? "-0.0" : "0.0";
    }
    BigDecimal exact = new BigDecimal(value);
    BigDecimal shortest = exact;
    for (int digits = 1; digits <= MOST_DIGITS; digits++) {
      shortest = exact.round(new MathContext(digits, RoundingMode.HALF_EVEN));
      if (shortest.doubleValue() == value) {
        break;
      }
    }
    BigDecimal bare = shortest.stripTrailingZeros();
    int exponent = bare.precision() - bare.scale() - 1;
    if (exponent >= -4 && exponent < 16) {
      String plain = bare.toPlainString();
      return plain.indexOf('.') < 0 ? plain + ".0" : plain;
    }
    String digits = bare.unscaledValue().abs().toString();
    String mantissa = digits.length() == 1 ? digits : digits.charAt(0) + "." + digits.substring(1);
    return "%s%se%s%02d"
        .formatted(value < 0 ? "-" : "", mantissa, exponent < 0 ? "-" : "+", Math.abs(exponent));
  }
}
