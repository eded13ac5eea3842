package dev.serai.watching;

import dev.serai.breaker.BreakerPolicy;
import dev.serai.http.HttpAnswers;
import dev.serai.http.PeerReasons;
import dev.serai.location.LocateJson;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.wire.MalformedStructureException;
import java.util.Optional;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Route step: the sensor role's HTTP answer in, body SensorAnswer out. Anything else is none. What
 * the role says of its operator or of a sensor is its own answer: it is there, and the code is what
 * it would be in one process.
 */
final class ReadSensorAnswerProcessor implements Processor {
  private static final int OK = 200;
  private static final int UNAVAILABLE = 503;
  private static final int TIMEOUT = 504;

  @Override
  public void process(Exchange exchange) throws Exception {
    Integer status = exchange.getMessage().getHeader(Exchange.HTTP_RESPONSE_CODE, Integer.class);
    Optional<ReasonCode> reason = HttpAnswers.reason(exchange.getMessage());
    String body = exchange.getMessage().getMandatoryBody(String.class);
    exchange.getMessage().removeHeaders("*");
    Optional<ReasonCode> behind = reason.filter(PeerReasons::isOfSomebodyBehind);
    if (status != null && ((status != UNAVAILABLE && status != TIMEOUT) || behind.isPresent())) {
      BreakerPolicy.answered(exchange);
    }
    if (behind.isPresent()) {
      throw new RefusalException(behind.get(), "the sensor role says so");
    }
    if (status == null || status != OK) {
      throw new RefusalException(
          ReasonCode.PEER_UNAVAILABLE,
          "the sensor role answered with status "
              + status
              + reason.map(code -> ", " + code).orElse(""));
    }
    try {
      exchange.getMessage().setBody(LocateJson.readAnswer(body));
    } catch (MalformedStructureException e) {
      throw new RefusalException(
          ReasonCode.PEER_UNAVAILABLE, "the sensor role's answer cannot be read", e);
    }
  }
}
