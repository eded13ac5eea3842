package dev.serai.issuing;

import dev.serai.appraisal.AppraisalJson;
import dev.serai.breaker.BreakerPolicy;
import dev.serai.http.HttpAnswers;
import dev.serai.http.PeerReasons;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.wire.MalformedStructureException;
import java.util.Optional;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Route step: the verifier's HTTP answer in, body Verdict out. Anything else is no verdict. When
 * somebody whom the verifier asks is away, the verifier is not, and the code is that one's.
 */
final class ReadVerdictProcessor implements Processor {
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
      throw new RefusalException(behind.get(), "the verifier says so");
    }
    if (status == null || status != OK) {
      throw new RefusalException(
          ReasonCode.PEER_UNAVAILABLE,
          "the verifier answered with status "
              + status
              + reason.map(code -> ", " + code).orElse(""));
    }
    try {
      exchange.getMessage().setBody(AppraisalJson.readVerdict(body));
    } catch (MalformedStructureException e) {
      throw new RefusalException(
          ReasonCode.PEER_UNAVAILABLE, "the verifier's answer is no verdict", e);
    }
  }
}
