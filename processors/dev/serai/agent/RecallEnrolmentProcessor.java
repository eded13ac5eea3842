package dev.serai.agent;

import dev.serai.keylime.KeylimeJson;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.util.Optional;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body TpmIdentity in, AgentEvent.TpmOpened out. */
final class RecallEnrolmentProcessor implements Processor {
  private static final int LIMIT = 16 * 1024;

  private final AgentSelf self;
  private final AgentStatus status;
  private final AgentFiles files;
  private final AgentSettings settings;
  private final SoftwareKeys.Server server;

  RecallEnrolmentProcessor(
      AgentSelf self,
      AgentStatus status,
      AgentFiles files,
      AgentSettings settings,
      SoftwareKeys.Server server) {
    this.self = self;
    this.status = status;
    this.files = files;
    this.settings = settings;
    this.server = server;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    TpmIdentity tpm = exchange.getMessage().getMandatoryBody(TpmIdentity.class);
    self.identity(tpm);
    status.nodeId(tpm.nodeId().text());
    boolean enrolled =
        files
            .read(Enrolment.FILE)
            .flatMap(RecallEnrolmentProcessor::parse)
            .map(kept -> kept.equals(Enrolment.of(tpm, settings, server)))
            .orElse(false);
    exchange.getMessage().setBody(new AgentEvent.TpmOpened(enrolled));
  }

  /** A damaged file says nothing: the node enrols again, which changes nothing. */
  private static Optional<Enrolment> parse(String text) {
    try {
      return Optional.of(KeylimeJson.read(Bytes.ofText(text), LIMIT, Enrolment.class));
    } catch (MalformedStructureException e) {
      return Optional.empty();
    }
  }
}
