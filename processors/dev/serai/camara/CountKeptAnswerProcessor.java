package dev.serai.camara;

import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body {@link OperatorAnswer} stays; counts that it was kept. */
final class CountKeptAnswerProcessor implements Processor {
  private final OperatorMeters meters;

  CountKeptAnswerProcessor(OperatorMeters meters) {
    this.meters = meters;
  }

  @Override
  public void process(Exchange exchange) {
    meters.question("kept");
  }
}
