package dev.serai.http;

import dev.serai.keylime.HttpAnswer;
import dev.serai.reason.ReasonCode;
import java.util.Arrays;
import java.util.Optional;
import org.apache.camel.Exchange;
import org.apache.camel.Message;

/** Puts answers on the wire. */
public final class HttpAnswers {
  /** Response header with the reason code of a refusal. */
  public static final String REASON_HEADER = "Serai-Reason";

  private HttpAnswers() {}

  /**
   * The reason code that another role refused with; nothing else of its header gets any further.
   */
  public static Optional<ReasonCode> reason(Message answer) {
    String said = answer.getHeader(REASON_HEADER, "", String.class);
    return Arrays.stream(ReasonCode.values()).filter(code -> code.name().equals(said)).findFirst();
  }

  /** Makes the answer the response of an exchange that came from HTTP; earlier headers go. */
  public static void write(Exchange exchange, HttpAnswer answer) {
    Message message = exchange.getMessage();
    message.removeHeaders("*");
    message.setHeader(Exchange.HTTP_RESPONSE_CODE, answer.status());
    if (!answer.contentType().isEmpty()) {
      message.setHeader(Exchange.CONTENT_TYPE, answer.contentType());
    }
    message.setBody(answer.body().toArray());
  }
}
