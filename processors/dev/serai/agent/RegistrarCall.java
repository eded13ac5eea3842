package dev.serai.agent;

import dev.serai.keylime.Envelope;
import dev.serai.keylime.KeylimeJson;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.TraceId;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.util.Map;
import java.util.Optional;
import org.apache.camel.Exchange;
import org.apache.camel.Message;

/** How the steps of enrol-agent speak to the registrar: the HTTP call before and after a `toD`. */
final class RegistrarCall {
  private static final int LIMIT = 64 * 1024;

  private RegistrarCall() {}

  /** Makes the message a request; the next step of the route sends it. */
  static void request(Exchange exchange, String method, String path, Optional<Object> json) {
    Message message = exchange.getMessage();
    message.removeHeaders("*");
    message.setHeader(Exchange.HTTP_METHOD, method);
    message.setHeader(Exchange.HTTP_PATH, path);
    message.setHeader(TraceId.HEADER, TraceId.traceparent(TraceId.of(exchange)));
    if (json.isPresent()) {
      message.setHeader(Exchange.CONTENT_TYPE, "application/json");
      message.setBody(KeylimeJson.write(json.get()).toArray());
    } else {
      message.setBody(null);
    }
  }

  static int status(Exchange exchange) {
    Integer status = exchange.getMessage().getHeader(Exchange.HTTP_RESPONSE_CODE, Integer.class);
    return status == null ? 0 : status;
  }

  /** The results of a 200. @throws RefusalException with what the registrar said otherwise */
  static <T> T results(Exchange exchange, Class<T> type) {
    int status = status(exchange);
    Bytes body = body(exchange);
    if (status != 200) {
      throw refusal(status, body);
    }
    try {
      return KeylimeJson.readEnvelope(body, LIMIT, type).results();
    } catch (MalformedStructureException e) {
      throw new RefusalException(
          ReasonCode.REGISTRAR_UNREACHABLE,
          "its answer is not one of a registrar: " + e.getMessage(),
          e);
    }
  }

  private static Bytes body(Exchange exchange) {
    byte[] body = exchange.getMessage().getBody(byte[].class);
    return body == null ? Bytes.EMPTY : Bytes.copyOf(body);
  }

  private static RefusalException refusal(int status, Bytes body) {
    String text = "HTTP " + status;
    Optional<ReasonCode> named = Optional.empty();
    try {
      Envelope<?> envelope = KeylimeJson.readEnvelope(body, LIMIT, Map.class);
      text = envelope.status();
      named = reason(envelope);
    } catch (MalformedStructureException e) {
      // An empty or foreign body: the status is all there is.
    }
    String detail = "the registrar said: " + shortened(text);
    if (named.isPresent()) {
      return new RefusalException(named.get(), detail);
    }
    return new RefusalException(byStatus(status), detail);
  }

  /** A registrar of ours names the code, in results or before the colon. */
  private static Optional<ReasonCode> reason(Envelope<?> envelope) {
    Object reason = envelope.results() instanceof Map<?, ?> results ? results.get("reason") : null;
    String name = reason instanceof String text ? text : envelope.status().split(":", 2)[0].trim();
    try {
      ReasonCode code = ReasonCode.valueOf(name);
      // A TPM or a database that fails over there is the registrar's trouble, not this TPM's.
      return AgentLifecycle.isTpmTrouble(code)
          ? Optional.of(ReasonCode.REGISTRAR_UNREACHABLE)
          : Optional.of(code);
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  private static ReasonCode byStatus(int status) {
    return switch (status) {
      case 403 -> ReasonCode.NODE_TPM_CHANGED; // Keylime: another TPM holds this id
      case 404 -> ReasonCode.REGISTRAR_UNREACHABLE;
      case 429 -> ReasonCode.RATE_LIMITED;
      default ->
          status >= 400 && status < 500
              ? ReasonCode.ACTIVATION_FAILED
              : ReasonCode.REGISTRAR_UNREACHABLE;
    };
  }

  private static String shortened(String text) {
    String oneLine = text.replaceAll("\\p{Cntrl}", " ");
    return oneLine.length() <= 300 ? oneLine : oneLine.substring(0, 300) + "..";
  }
}
