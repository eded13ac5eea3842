package dev.serai.gate;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.serai.breaker.BreakerPolicy;
import dev.serai.http.HttpAnswers;
import dev.serai.keylime.KeylimeJson;
import dev.serai.location.DeviceAnswer;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.util.Arrays;
import java.util.Optional;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: the sensor service's HTTP answer in, body {@link DeviceAnswer} out. */
final class ReadDeviceAnswerProcessor implements Processor {
  private static final int MAX_SIZE = 16 * 1024;
  private static final int OK = 200;
  private static final int NOT_FOUND = 404;
  private static final int SERVER_ERROR = 500;
  private static final String OPERATORS = "OPERATOR_";

  /** All that is read of it. A text that Jackson would take for true is none. */
  private record Answer(
      @JsonProperty("verification_result") Optional<Object> said,
      @JsonProperty("verification_status") Optional<String> status) {
    Optional<Boolean> result() {
      return said.map(
          value -> {
            if (value instanceof Boolean yes) {
              return yes;
            }
            throw new RefusalException(
                ReasonCode.GATE_ANSWER_INVALID, "verification_result is neither true nor false");
          });
    }
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    Integer status = exchange.getMessage().getHeader(Exchange.HTTP_RESPONSE_CODE, Integer.class);
    String reason = exchange.getMessage().getHeader(HttpAnswers.REASON_HEADER, "", String.class);
    byte[] body = exchange.getMessage().getBody(byte[].class);
    exchange.getMessage().removeHeaders("*");
    boolean operators = reason.startsWith(OPERATORS);
    if (operators) { // the service is there, and has a breaker of its own for the operator
      BreakerPolicy.answered(exchange);
    }
    if (status == null || status >= SERVER_ERROR || status == 429 || operators) {
      throw new RefusalException(
          ReasonCode.GATE_UNAVAILABLE,
          "the sensor service answered with status " + status + known(reason));
    }
    BreakerPolicy.answered(exchange);
    exchange
        .getMessage()
        .setBody(read(status, reason, body == null ? Bytes.EMPTY : Bytes.copyOf(body)));
  }

  /** Its code, if it is one of ours; nothing else of a header gets into a log. */
  private static String known(String reason) {
    return Arrays.stream(ReasonCode.values())
        .map(ReasonCode::name)
        .filter(reason::equals)
        .findFirst()
        .map(name -> ", " + name)
        .orElse("");
  }

  /**
   * @throws RefusalException GATE_ANSWER_INVALID for anything that is not plainly a yes or a no
   */
  static DeviceAnswer read(int status, String reason, Bytes body) {
    // No such device, one of another subscriber, several: nothing confirms this claim.
    boolean unnamed = status == NOT_FOUND && reason.isEmpty(); // the prototype's service
    if (unnamed || (status != OK && reason.startsWith("SENSOR_"))) {
      return DeviceAnswer.DENIED;
    }
    if (status != OK) {
      throw new RefusalException(
          ReasonCode.GATE_ANSWER_INVALID, "the sensor service answered with status " + status);
    }
    Answer answer;
    try {
      answer = KeylimeJson.read(body, MAX_SIZE, Answer.class);
    } catch (MalformedStructureException e) {
      throw new RefusalException(ReasonCode.GATE_ANSWER_INVALID, e.getMessage(), e);
    }
    String said =
        answer
            .status()
            .or(() -> answer.result().map(yes -> yes ? "TRUE" : "FALSE"))
            .orElseThrow(
                () ->
                    new RefusalException(
                        ReasonCode.GATE_ANSWER_INVALID, "verification_result is missing"));
    return judge(said, answer.result());
  }

  /** Word and value have to say the same; whatever is neither yes nor no is unknown. */
  private static DeviceAnswer judge(String said, Optional<Boolean> result) {
    if (said.equals("TRUE") && result.filter(yes -> yes).isPresent()) {
      return DeviceAnswer.CONFIRMED;
    }
    return said.equals("FALSE") && result.filter(yes -> !yes).isPresent()
        ? DeviceAnswer.DENIED
        : DeviceAnswer.UNKNOWN;
  }
}
