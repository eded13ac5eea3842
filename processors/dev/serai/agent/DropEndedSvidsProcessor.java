package dev.serai.agent;

import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: while there is no issuer to ask, takes back what has ended. */
final class DropEndedSvidsProcessor implements Processor {
  private final IdentityPublisher publisher;
  private final AgentStatus status;

  DropEndedSvidsProcessor(IdentityPublisher publisher, AgentStatus status) {
    this.publisher = publisher;
    this.status = status;
  }

  @Override
  public void process(Exchange exchange) {
    publisher.dropEnded(status.state());
  }
}
