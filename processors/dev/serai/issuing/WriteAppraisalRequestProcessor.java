package dev.serai.issuing;

import dev.serai.appraisal.AppraisalJson;
import dev.serai.appraisal.AppraisalRequest;
import dev.serai.role.TraceId;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body AppraisalRequest in, an HTTP request to the verifier out. */
final class WriteAppraisalRequestProcessor implements Processor {
  @Override
  public void process(Exchange exchange) throws Exception {
    AppraisalRequest request = exchange.getMessage().getMandatoryBody(AppraisalRequest.class);
    exchange.getMessage().removeHeaders("*");
    exchange.getMessage().setHeader(Exchange.HTTP_METHOD, "POST");
    exchange.getMessage().setHeader(Exchange.CONTENT_TYPE, "application/json");
    exchange.getMessage().setHeader(TraceId.HEADER, TraceId.traceparent(TraceId.of(exchange)));
    exchange.getMessage().setBody(AppraisalJson.write(request));
  }
}
