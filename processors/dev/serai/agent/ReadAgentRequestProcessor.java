package dev.serai.agent;

import dev.serai.http.RefusalForm;
import dev.serai.keylime.Envelope;
import dev.serai.keylime.HttpAnswer;
import dev.serai.reason.ReasonCode;
import dev.serai.tpm.Bytes;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.time.InstantSource;
import java.util.Optional;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.Processor;
import org.apache.camel.component.netty.NettyConstants;

/**
 * Route step: the HTTP request becomes an AgentApiCall, or its refusal when the peer showed no
 * certificate or asks too often. Whom a certificate may belong to was judged in the handshake.
 */
final class ReadAgentRequestProcessor implements Processor {
  /** Exchange variable: kind of the call, for the choice of the route. */
  static final String KIND = "agentApiKind";

  private final TokenBuckets buckets;
  private final CertifyCallers certifyCallers;
  private final InstantSource clock;
  private final boolean unifiedIdentity;

  /**
   * @param unifiedIdentity whether the prototype's peers are served
   */
  ReadAgentRequestProcessor(
      TokenBuckets buckets,
      CertifyCallers certifyCallers,
      InstantSource clock,
      boolean unifiedIdentity) {
    this.buckets = buckets;
    this.certifyCallers = certifyCallers;
    this.clock = clock;
    this.unifiedIdentity = unifiedIdentity;
  }

  @Override
  public void process(Exchange exchange) {
    AgentApiCall call = read(exchange);
    exchange.getMessage().removeHeaders("*");
    exchange.setVariable(KIND, call.kind());
    exchange.getMessage().setBody(call);
  }

  private AgentApiCall read(Exchange exchange) {
    Message in = exchange.getMessage();
    Optional<X509Certificate> caller = certificate(in.getHeader(NettyConstants.NETTY_SSL_SESSION));
    if (caller.isEmpty()) {
      return new AgentApiCall.Refusal(
          HttpAnswer.refusal(
              403, "Forbidden", "CALLER_NOT_AUTHENTICATED", "a client certificate is needed"));
    }
    AgentApiCall call =
        AgentApiCall.parse(
            text(in, Exchange.HTTP_METHOD),
            rawPath(in),
            text(in, Exchange.HTTP_RAW_QUERY),
            () -> body(in));
    boolean sovereign =
        call instanceof AgentApiCall.CertifyAppKey || call instanceof AgentApiCall.Location;
    if (sovereign && !unifiedIdentity) {
      return new AgentApiCall.Refusal(
          HttpAnswer.refusal(
              403, "Forbidden", ReasonCode.FEATURE_OFF.name(), ReasonCode.FEATURE_OFF.what()));
    }
    if (call instanceof AgentApiCall.CertifyAppKey) {
      RefusalForm form = AnswerCertifiedProcessor::refusal;
      exchange.setVariable(RefusalForm.VARIABLE, form);
      certifyCallers.require(address(in), caller.get());
    }
    boolean costly =
        call instanceof AgentApiCall.Quote
            || call instanceof AgentApiCall.IdentityQuote
            || call instanceof AgentApiCall.Location;
    if (costly && !buckets.take(peer(in), clock.instant())) {
      return new AgentApiCall.Refusal(
          HttpAnswer.of(Envelope.bare(429, "RATE_LIMITED: too many quotes asked for")));
    }
    return call;
  }

  private static Bytes body(Message in) {
    byte[] body = in.getBody(byte[].class);
    return body == null ? Bytes.EMPTY : Bytes.copyOf(body);
  }

  /** Whose key the caller proved to hold. */
  private static Optional<X509Certificate> certificate(Object session) {
    if (!(session instanceof SSLSession tls)) {
      return Optional.empty();
    }
    try {
      Certificate[] chain = tls.getPeerCertificates();
      return chain != null && chain.length > 0 && chain[0] instanceof X509Certificate leaf
          ? Optional.of(leaf)
          : Optional.empty();
    } catch (SSLPeerUnverifiedException e) {
      return Optional.empty();
    }
  }

  private static Optional<InetAddress> address(Message in) {
    return in.getHeader(NettyConstants.NETTY_REMOTE_ADDRESS) instanceof InetSocketAddress inet
        ? Optional.ofNullable(inet.getAddress())
        : Optional.empty();
  }

  private static String peer(Message in) {
    return address(in).map(InetAddress::getHostAddress).orElse("unknown");
  }

  private static String rawPath(Message in) {
    String uri = text(in, Exchange.HTTP_URI);
    int query = uri.indexOf('?');
    return query < 0 ? uri : uri.substring(0, query);
  }

  private static String text(Message in, String header) {
    String value = in.getHeader(header, String.class);
    return value == null ? "" : value;
  }
}
