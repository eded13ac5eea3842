package dev.serai.watching;

import dev.serai.deadline.Deadline;
import dev.serai.location.LocateJson;
import dev.serai.location.SensorQuestion;
import dev.serai.role.TraceId;
import java.time.Duration;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.component.netty.NettyConstants;

/** Route step: body SensorQuestion in, an HTTP request to the sensor role out. */
final class WriteSensorQuestionProcessor implements Processor {
  /** An operator may have to be asked. */
  static final Duration DEADLINE = Duration.ofSeconds(12);

  @Override
  public void process(Exchange exchange) throws Exception {
    SensorQuestion question = exchange.getMessage().getMandatoryBody(SensorQuestion.class);
    exchange.getMessage().removeHeaders("*");
    exchange.getMessage().setHeader(Exchange.HTTP_METHOD, "POST");
    exchange.getMessage().setHeader(Exchange.CONTENT_TYPE, "application/json");
    exchange.getMessage().setHeader(TraceId.HEADER, TraceId.traceparent(TraceId.of(exchange)));
    long patience = Deadline.within(exchange, DEADLINE).toMillis();
    exchange.getMessage().setHeader(NettyConstants.NETTY_REQUEST_TIMEOUT, patience);
    exchange.getMessage().setHeader(Deadline.HEADER, Long.toString(patience));
    exchange.getMessage().setBody(LocateJson.write(question));
  }
}
