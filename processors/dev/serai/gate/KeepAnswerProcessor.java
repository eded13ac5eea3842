package dev.serai.gate;

import static java.util.Objects.requireNonNull;

import dev.serai.location.DeviceAnswer;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body {@link DeviceAnswer} in, body the waiting {@link GateCase} with it out. */
final class KeepAnswerProcessor implements Processor {
  private final DeviceAnswers answers;
  private final GateMeters meters;

  KeepAnswerProcessor(DeviceAnswers answers, GateMeters meters) {
    this.answers = answers;
    this.meters = meters;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    // Not as a conversion: Camel makes a constant of any body that is written like its name.
    if (!(exchange.getMessage().getBody() instanceof DeviceAnswer answer)) {
      throw new RefusalException(
          ReasonCode.GATE_ANSWER_INVALID, "the hop to the sensor service left no answer");
    }
    GateCase open =
        requireNonNull(
            exchange.getVariable(AskDeviceProcessor.WAITING_CASE, GateCase.class),
            AskDeviceProcessor.WAITING_CASE);
    exchange.removeVariable(AskDeviceProcessor.WAITING_CASE);
    meters.answeredBySensor();
    answers.keep(GateSteps.question(open.location()), answer);
    exchange.getMessage().setBody(open.answered(answer));
  }
}
