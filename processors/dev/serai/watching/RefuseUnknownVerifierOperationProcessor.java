package dev.serai.watching;

import dev.serai.keylime.HttpAnswer;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: for an operation that no route serves. */
final class RefuseUnknownVerifierOperationProcessor implements Processor {
  @Override
  public void process(Exchange exchange) {
    throw new RefusalException(
        ReasonCode.UNKNOWN_OPERATION, "no route serves this", null, HttpAnswer.empty(404));
  }
}
