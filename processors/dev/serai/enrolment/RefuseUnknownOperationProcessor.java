package dev.serai.enrolment;

import dev.serai.reason.ReasonCode;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: for an operation that no route serves; answers as for an unknown path. */
final class RefuseUnknownOperationProcessor implements Processor {
  @Override
  public void process(Exchange exchange) {
    throw RegistrarRefusals.bare(404, ReasonCode.UNKNOWN_OPERATION, "no route serves this");
  }
}
