package dev.serai.agent;

import com.google.protobuf.ByteString;
import dev.serai.proto.spire.agent.v1.AttestAgentResponse;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body AttestAgentResponse.Result in, AgentEvent.SvidIssued out. */
final class KeepAgentSvidProcessor implements Processor {
  private static final int LONGEST_CHAIN = 8;

  private final AgentIdentity identity;

  KeepAgentSvidProcessor(AgentIdentity identity) {
    this.identity = identity;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    AttestAgentResponse.Result result =
        exchange.getMessage().getMandatoryBody(AttestAgentResponse.Result.class);
    Attestation attestation =
        java.util.Objects.requireNonNull(
            exchange.getVariable(Attestation.VARIABLE, Attestation.class), Attestation.VARIABLE);
    SvidFacts facts =
        identity.accept(chain(result.getSvid().getCertChainList()), attestation.appKey());
    exchange.getMessage().setBody(new AgentEvent.SvidIssued(facts));
  }

  static List<X509Certificate> chain(List<ByteString> encoded) {
    if (encoded.size() > LONGEST_CHAIN) {
      throw new RefusalException(
          ReasonCode.PEER_UNAVAILABLE, "the issuer sent a chain of " + encoded.size());
    }
    return certificates(encoded);
  }

  static List<X509Certificate> certificates(List<ByteString> encoded) {
    List<X509Certificate> chain = new ArrayList<>();
    try {
      for (ByteString certificate : encoded) {
        chain.add(Pem.certificate(certificate.toByteArray()));
      }
    } catch (CertificateException e) {
      throw new RefusalException(
          ReasonCode.PEER_UNAVAILABLE, "the issuer sent a certificate that cannot be read", e);
    }
    return chain;
  }
}
