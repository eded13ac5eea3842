package dev.serai.issuing;

import dev.serai.appraisal.AppraisalJson;
import dev.serai.appraisal.AppraisalRequest;
import dev.serai.deadline.Deadline;
import dev.serai.role.TraceId;
import java.time.Duration;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.component.netty.NettyConstants;

/** Route step: body AppraisalRequest in, an HTTP request to the verifier out. */
final class WriteAppraisalRequestProcessor implements Processor {
  /** The longest an appraisal takes; less when the caller will not wait as long. */
  static final Duration DEADLINE = Duration.ofSeconds(20);

  @Override
  public void process(Exchange exchange) throws Exception {
    AppraisalRequest request = exchange.getMessage().getMandatoryBody(AppraisalRequest.class);
    exchange.getMessage().removeHeaders("*");
    exchange.getMessage().setHeader(Exchange.HTTP_METHOD, "POST");
    exchange.getMessage().setHeader(Exchange.CONTENT_TYPE, "application/json");
    exchange.getMessage().setHeader(TraceId.HEADER, TraceId.traceparent(TraceId.of(exchange)));
    long patience = Deadline.within(exchange, DEADLINE).toMillis();
    exchange.getMessage().setHeader(NettyConstants.NETTY_REQUEST_TIMEOUT, patience);
    exchange.getMessage().setHeader(Deadline.HEADER, Long.toString(patience));
    exchange.getMessage().setBody(AppraisalJson.write(request));
  }
}
