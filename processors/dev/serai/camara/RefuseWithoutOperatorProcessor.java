package dev.serai.camara;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step of a process without an operator. */
final class RefuseWithoutOperatorProcessor implements Processor {
  @Override
  public void process(Exchange exchange) {
    throw new RefusalException(
        ReasonCode.OPERATOR_NOT_CONFIGURED, "there is nobody to ask: serai.camara.url is not set");
  }
}
