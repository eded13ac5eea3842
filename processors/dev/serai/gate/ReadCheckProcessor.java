package dev.serai.gate;

import dev.serai.proto.envoy.auth.v3.AttributeContext;
import dev.serai.proto.envoy.auth.v3.CheckRequest;
import dev.serai.rpc.RefusalMessage;
import dev.serai.tpm.wire.MalformedStructureException;
import java.util.Optional;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/**
 * Route step: body {@link CheckRequest} of an allowed proxy in, body {@link GateRequest} out. Where
 * the certificate is looked for is configured, never chosen by the request: a client writes
 * headers.
 */
final class ReadCheckProcessor implements Processor {
  /** Where the proxy puts its peer's certificate. */
  enum Source {
    /** {@code source.certificate}, which only the proxy can fill. */
    PEER,
    /** The header, for proxies that sanitize it. */
    XFCC
  }

  private final Source source;
  private final GateMeters meters;

  ReadCheckProcessor(Source source, GateMeters meters) {
    this.source = source;
    this.meters = meters;
  }

  @Override
  public void process(Exchange exchange) throws InvalidPayloadException {
    CheckRequest request = exchange.getMessage().getMandatoryBody(CheckRequest.class);
    RefusalMessage form =
        refused -> {
          meters.notDecidedFor(refused.reason().code());
          return CheckAnswers.refused(refused);
        };
    exchange.setProperty(RefusalMessage.PROPERTY, form);
    exchange.getMessage().setBody(read(request.getAttributes()));
  }

  GateRequest read(AttributeContext attributes) {
    if (source == Source.PEER) {
      return GateRequest.of(attributes.getSource().getCertificate());
    }
    String header =
        attributes.getRequest().getHttp().getHeadersOrDefault(ForwardedCertificate.HEADER, "");
    if (header.isEmpty()) {
      return new GateRequest(Optional.empty());
    }
    try {
      return new GateRequest(ForwardedCertificate.parse(header));
    } catch (MalformedStructureException e) {
      // Said by the step that judges certificates: this text is none.
      return GateRequest.of("not used: " + e.getMessage());
    }
  }
}
