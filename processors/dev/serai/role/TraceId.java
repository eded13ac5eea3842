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

  /** Exchange property and key of the log context: the present span. */
  private static final String SPAN = "seraiSpan";

  private static final String CALLER = "seraiCallersSpan";
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

  /** The header value for an outgoing call of this flow; names the span that makes it, if any. */
  public static String traceparent(String traceId) {
    String span = MDC.get(SPAN);
    if (span != null && traceId.equals(MDC.get(VARIABLE))) {
      return "00-" + traceId + "-" + span;
    }
    byte[] made = new byte[8];
    RANDOM.nextBytes(made);
    return traceparent(traceId, HexFormat.of().formatHex(made), true);
  }

  /** The header value that names this span. */
  public static String traceparent(String traceId, String spanId, boolean sampled) {
    return "00-" + traceId + "-" + mark(spanId, sampled);
  }

  private static String mark(String spanId, boolean sampled) {
    return spanId + (sampled ? "-01" : "-00");
  }

  /** From now on the steps of this exchange work in this span. Only with tracing on. */
  public static void enterSpan(Exchange exchange, String spanId, boolean sampled) {
    exchange.setProperty(SPAN, mark(spanId, sampled));
  }

  /** The exchange's last span has ended. */
  public static void leaveSpan(Exchange exchange) {
    exchange.removeProperty(SPAN);
  }

  /** Puts the exchange's ids into the log context of this thread, for one step. */
  public static void show(Exchange exchange, String traceId) {
    MDC.put(VARIABLE, traceId);
    String span = exchange.getProperty(SPAN, String.class);
    if (span != null) {
      MDC.put(SPAN, span);
    } else if (MDC.get(SPAN) != null) {
      MDC.remove(SPAN);
    }
  }

  /** Takes them out again. */
  public static void hide() {
    MDC.remove(VARIABLE);
    MDC.remove(SPAN);
  }

  /** What a caller of another protocol than HTTP sent as traceparent. */
  public static void calledWith(Exchange exchange, String traceparent) {
    exchange.setProperty(CALLER, traceparent);
  }

  /**
   * The span a caller named, or whose step started this flow, when it is of this exchange's trace.
   * 16 hex digits.
   */
  public static Optional<String> callersSpan(Exchange exchange) {
    String step = MDC.get(SPAN);
    if (step != null
        && exchange.getFromRouteId() == null
        && of(exchange).equals(MDC.get(VARIABLE))) {
      return Optional.of(step.substring(0, 16));
    }
    Object header = exchange.getProperty(CALLER);
    if (header == null) {
      header = exchange.getMessage().getHeader(HEADER);
    }
    if (!(header instanceof String text)) {
      return Optional.empty();
    }
    Matcher parts = TRACEPARENT.matcher(text);
    return parts.matches()
            && parts.group(1).equals(of(exchange))
            && !parts.group(2).equals("0".repeat(16))
        ? Optional.of(parts.group(2))
        : Optional.empty();
  }
}
