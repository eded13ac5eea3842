package dev.serai.watching;

import dev.serai.keylime.Envelope;
import dev.serai.keylime.HttpAnswer;
import dev.serai.keylime.ServerVersions;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body {@link HttpAnswer} with the versions served out. */
final class AnswerVerifierVersionsProcessor implements Processor {
  @Override
  public void process(Exchange exchange) {
    exchange.getMessage().setBody(HttpAnswer.of(Envelope.success(ServerVersions.ours())));
  }
}
