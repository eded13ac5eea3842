package dev.serai.agent;

import dev.serai.keylime.KeylimeJson;
import java.util.Map;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: keeps what the registrar has activated; body AgentEvent.Enrolled out. */
final class KeepEnrolmentProcessor implements Processor {
  private final AgentSelf self;
  private final AgentFiles files;
  private final AgentSettings settings;
  private final SoftwareKeys.Server server;

  KeepEnrolmentProcessor(
      AgentSelf self, AgentFiles files, AgentSettings settings, SoftwareKeys.Server server) {
    this.self = self;
    this.files = files;
    this.settings = settings;
    this.server = server;
  }

  @Override
  public void process(Exchange exchange) {
    RegistrarCall.results(exchange, Map.class);
    Enrolment enrolment = Enrolment.of(self.identity(), settings, server);
    files.write(Enrolment.FILE, KeylimeJson.write(enrolment).toText());
    exchange.getMessage().removeHeaders("*");
    exchange.getMessage().setBody(new AgentEvent.Enrolled());
  }
}
