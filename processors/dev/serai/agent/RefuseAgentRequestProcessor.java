package dev.serai.agent;

import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body AgentApiCall.Refusal in, its HttpAnswer out. */
final class RefuseAgentRequestProcessor implements Processor {
  @Override
  public void process(Exchange exchange) throws Exception {
    AgentApiCall.Refusal call = exchange.getMessage().getMandatoryBody(AgentApiCall.Refusal.class);
    exchange.getMessage().setBody(call.answer());
  }
}
