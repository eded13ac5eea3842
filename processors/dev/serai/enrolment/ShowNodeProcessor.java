package dev.serai.enrolment;

import dev.serai.keylime.AgentId;
import dev.serai.keylime.Envelope;
import dev.serai.keylime.HttpAnswer;
import dev.serai.keylime.RegistrarRecord;
import dev.serai.tpm.Bytes;
import java.util.Optional;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/** Route step: body {@link RegistrarCall} in, body {@link HttpAnswer} with the record out. */
final class ShowNodeProcessor implements Processor {
  private final EnrolmentStore store;

  ShowNodeProcessor(EnrolmentStore store) {
    this.store = store;
  }

  @Override
  public void process(Exchange exchange) throws InvalidPayloadException {
    RegistrarCall call = exchange.getMessage().getMandatoryBody(RegistrarCall.class);
    AgentId id = call.node().orElseThrow();
    EnrolledNode node = store.find(id).orElseThrow(() -> RegistrarRefusals.unknown(id));
    if (!node.active()) {
      throw RegistrarRefusals.notActivated(id);
    }
    exchange.getMessage().setBody(HttpAnswer.of(Envelope.success(record(node))));
  }

  private static RegistrarRecord record(EnrolledNode node) {
    return new RegistrarRecord(
        Optional.of(node.id().text()),
        node.ek().sized().toBase64(),
        node.ekCertificate().map(Bytes::toBase64),
        node.ak().sized().toBase64(),
        node.contact().mtlsCertificate(),
        node.contact().ip(),
        node.contact().port(),
        node.registrationCount());
  }
}
