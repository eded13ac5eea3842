package dev.serai.plugin;

import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body DelegatedCertificate in, HttpAnswer out. */
final class AnswerPluginCertificateProcessor implements Processor {
  @Override
  public void process(Exchange exchange) throws Exception {
    exchange
        .getMessage()
        .setBody(
            PluginAnswers.certificate(
                exchange.getMessage().getMandatoryBody(DelegatedCertificate.class)));
  }
}
