package dev.serai.gate;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.serai.deadline.Deadline;
import dev.serai.location.DeviceQuestion;
import dev.serai.role.TraceId;
import java.time.Duration;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.component.netty.NettyConstants;

/** Route step: body {@link DeviceQuestion} in, a request for the sensor service's /verify out. */
final class WriteDeviceQuestionProcessor implements Processor {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Duration deadline;

  /**
   * @param deadline of one question; less when the caller will not wait as long
   */
  WriteDeviceQuestionProcessor(Duration deadline) {
    this.deadline = deadline;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    DeviceQuestion question = exchange.getMessage().getMandatoryBody(DeviceQuestion.class);
    exchange.getMessage().removeHeaders("*");
    exchange.getMessage().setHeader(Exchange.HTTP_METHOD, "POST");
    exchange.getMessage().setHeader(Exchange.CONTENT_TYPE, "application/json");
    exchange.getMessage().setHeader(TraceId.HEADER, TraceId.traceparent(TraceId.of(exchange)));
    long patience = Deadline.within(exchange, deadline).toMillis();
    exchange.getMessage().setHeader(NettyConstants.NETTY_REQUEST_TIMEOUT, patience);
    exchange.getMessage().setHeader(Deadline.HEADER, Long.toString(patience));
    exchange.getMessage().setBody(json(question));
  }

  /** The prototype's fields, and the pseudonym where the claims have no other name. */
  static String json(DeviceQuestion question) throws JsonProcessingException {
    ObjectNode json = JSON.createObjectNode();
    json.put("sensor_type", question.type());
    question.device().ifPresent(device -> json.put("device", device));
    question.sensorId().ifPresent(id -> json.put("sensor_id", id));
    question.imei().ifPresent(imei -> json.put("sensor_imei", imei));
    question.imsi().ifPresent(imsi -> json.put("sensor_imsi", imsi));
    question.serialNumber().ifPresent(number -> json.put("sensor_serial_number", number));
    json.put("skip_cache", question.fresh());
    return JSON.writeValueAsString(json);
  }
}
