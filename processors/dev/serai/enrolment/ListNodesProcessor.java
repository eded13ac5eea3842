package dev.serai.enrolment;

import dev.serai.keylime.Envelope;
import dev.serai.keylime.HttpAnswer;
import dev.serai.keylime.NodeIds;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body {@link HttpAnswer} with all node ids out. */
final class ListNodesProcessor implements Processor {
  private final EnrolmentStore store;

  ListNodesProcessor(EnrolmentStore store) {
    this.store = store;
  }

  @Override
  public void process(Exchange exchange) {
    exchange.getMessage().setBody(HttpAnswer.of(Envelope.success(new NodeIds(store.ids()))));
  }
}
