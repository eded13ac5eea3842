package dev.serai.issuing;

import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: does something that needs nothing from the exchange. */
final class ActionProcessor implements Processor {
  private final Runnable action;

  ActionProcessor(Runnable action) {
    this.action = action;
  }

  @Override
  public void process(Exchange exchange) {
    action.run();
  }
}
