package dev.serai.watching;

import dev.serai.breaker.BreakerPolicy;
import dev.serai.http.HttpAnswers;
import dev.serai.location.LocateJson;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.wire.MalformedStructureException;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: the sensor role's HTTP answer in, body SensorAnswer out. Anything else is none. */
final class ReadSensorAnswerProcessor implements Processor {
  private static final int OK = 200;
  private static final int UNAVAILABLE = 503;
  private static final int TIMEOUT = 504;

  @Override
  public void process(Exchange exchange) throws Exception {
    Integer status = exchange.getMessage().getHeader(Exchange.HTTP_RESPONSE_CODE, Integer.class);
    String reason = HttpAnswers.reason(exchange.getMessage()).map(Enum::name).orElse("");
    String body = exchange.getMessage().getMandatoryBody(String.class);
    exchange.getMessage().removeHeaders("*");
    // That it could not ask the operator about one device says nothing against the sensor role.
    if (status != null
        && (reason.startsWith("OPERATOR_") || (status != UNAVAILABLE && status != TIMEOUT))) {
      BreakerPolicy.answered(exchange);
    }
    if (status == null || status != OK) {
      throw new RefusalException(
          ReasonCode.PEER_UNAVAILABLE,
          "the sensor role answered with status "
              + status
              + (reason.isEmpty() ? "" : ", " + reason));
    }
    try {
      exchange.getMessage().setBody(LocateJson.readAnswer(body));
    } catch (MalformedStructureException e) {
      throw new RefusalException(
          ReasonCode.PEER_UNAVAILABLE, "the sensor role's answer cannot be read", e);
    }
  }
}
