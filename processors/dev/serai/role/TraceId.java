package dev.serai.role;

import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.camel.Exchange;
import org.slf4j.MDC;

/**
 * The id that ties the log lines and answers of one flow together, through all roles. Every
 * exchange has it from its creation on; a call to another role hands it on as the W3C header {@code
 * traceparent}. It identifies, and proves nothing.
 */
public final class TraceId {
  /** Exchange variable and log key. */
  public static final String VARIABLE = "traceId";

  /** Name of the header or metadata key. */
  public static final String HEADER = "traceparent";

  private static final Pattern TRACEPARENT =
      Pattern.compile("[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}");
  private static final String NONE = "0".repeat(32);
  private static final SecureRandom RANDOM = new SecureRandom();

  private TraceId() {}

  /** A new one, 32 hex digits. */
  public static String random() {
    byte[] id = new byte[16];
    RANDOM.nextBytes(id);
    return HexFormat.of().formatHex(id);
  }

  /** The exchange's id; made, and kept there, if it has none. */
  public static String of(Exchange exchange) {
    String known = exchange.getVariable(VARIABLE, String.class);
    if (known != null) {
      return known;
    }
    Object header = exchange.getMessage().getHeader(HEADER);
    String made =
        (header instanceof String text ? fromTraceparent(text) : Optional.<String>empty())
            .or(() -> ofCallingFlow(exchange))
            .orElseGet(TraceId::random);
    exchange.setVariable(VARIABLE, made);
    return made;
  }

  /**
   * The flow whose step started this one. A consumer's exchange has none: what its thread still has
   * in its log context is of a flow that ended.
   */
  private static Optional<String> ofCallingFlow(Exchange exchange) {
    return exchange.getFromRouteId() == null
        ? Optional.ofNullable(MDC.get(VARIABLE))
        : Optional.empty();
  }

  /** The trace id of a traceparent value, if it is a well-formed one. */
  public static Optional<String> fromTraceparent(String value) {
    Matcher parts = TRACEPARENT.matcher(value);
    return parts.matches() && !parts.group(1).equals(NONE)
        ? Optional.of(parts.group(1))
        : Optional.empty();
  }

  /** The header value for an outgoing call of this flow. */
  public static String traceparent(String traceId) {
    byte[] span = new byte[8];
    RANDOM.nextBytes(span);
    return "00-" + traceId + "-" + HexFormat.of().formatHex(span) + "-01";
  }
}
