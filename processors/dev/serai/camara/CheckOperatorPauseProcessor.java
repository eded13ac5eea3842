package dev.serai.camara;

import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: refuses while the operator wants to be left alone. */
final class CheckOperatorPauseProcessor implements Processor {
  private final Quota quota;

  CheckOperatorPauseProcessor(Quota quota) {
    this.quota = quota;
  }

  @Override
  public void process(Exchange exchange) {
    quota.requireNoPause();
  }
}
