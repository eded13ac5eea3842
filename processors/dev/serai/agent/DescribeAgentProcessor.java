package dev.serai.agent;

import dev.serai.keylime.Envelope;
import dev.serai.keylime.HttpAnswer;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body AgentApiCall.Info in, HttpAnswer out. */
final class DescribeAgentProcessor implements Processor {
  private final AgentSelf self;

  DescribeAgentProcessor(AgentSelf self) {
    this.self = self;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    AgentApiCall.Info call = exchange.getMessage().getMandatoryBody(AgentApiCall.Info.class);
    TpmIdentity tpm = self.identity();
    KeylimeAlgorithms words = KeylimeAlgorithms.of(tpm.akKind(), call.version());
    // The AK has no persistent handle: it is made again from its template when it is needed.
    AgentInfo info =
        new AgentInfo(tpm.nodeId().text(), words.hash(), words.encryption(), words.signature(), 0);
    exchange.getMessage().setBody(HttpAnswer.of(Envelope.success(info)));
  }
}
