package dev.serai.agent;

import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body SyncRound in; workloads get what it brought. */
final class PublishIdentitiesProcessor implements Processor {
  private final IdentityPublisher publisher;

  PublishIdentitiesProcessor(IdentityPublisher publisher) {
    this.publisher = publisher;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    publisher.publish(exchange.getMessage().getMandatoryBody(SyncRound.class));
  }
}
