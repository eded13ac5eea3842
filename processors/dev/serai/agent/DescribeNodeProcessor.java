package dev.serai.agent;

import dev.serai.keylime.ApiVersion;
import dev.serai.keylime.RegisterRequest;
import dev.serai.keylime.ServerVersions;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import java.util.Optional;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: reads the registrar's versions and makes the registration of this node. */
final class DescribeNodeProcessor implements Processor {
  /** Exchange variable: path of this node at the registrar. */
  static final String PATH = "registrarPath";

  /** What a registrar without /version speaks. */
  private static final ApiVersion OLDEST_WITH_AGENTS = new ApiVersion(2, 1);

  private final AgentSelf self;
  private final AgentSettings settings;
  private final SoftwareKeys.Server server;

  DescribeNodeProcessor(AgentSelf self, AgentSettings settings, SoftwareKeys.Server server) {
    this.self = self;
    this.settings = settings;
    this.server = server;
  }

  @Override
  public void process(Exchange exchange) {
    ApiVersion version = version(exchange);
    TpmIdentity tpm = self.identity();
    String path = "/v" + version + "/agents/" + tpm.nodeId();
    exchange.setVariable(PATH, path);
    RegistrarCall.request(exchange, "POST", path, Optional.of(registration(tpm)));
  }

  private static ApiVersion version(Exchange exchange) {
    if (RegistrarCall.status(exchange) == 404) {
      return OLDEST_WITH_AGENTS;
    }
    ServerVersions versions = RegistrarCall.results(exchange, ServerVersions.class);
    return ApiVersion.newestCommon(versions.supported())
        .orElseThrow(
            () ->
                new RefusalException(
                    ReasonCode.UNKNOWN_OPERATION,
                    "the registrar speaks none of " + ApiVersion.supportedTexts()));
  }

  private RegisterRequest registration(TpmIdentity tpm) {
    StringBuilder pem = new StringBuilder();
    for (Bytes certificate : tpm.ekCertificates()) {
      pem.append(Pem.encode("CERTIFICATE", certificate.toArray()));
    }
    return RegisterRequest.of(
        pem.length() == 0 ? Optional.empty() : Optional.of(pem.toString()),
        tpm.ek().sized().toBase64(),
        tpm.ak().sized().toBase64(),
        settings.contactHost(),
        settings.contactPort(),
        server.certificatePem());
  }
}
