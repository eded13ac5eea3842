package dev.serai.agent;

import dev.serai.keylime.Envelope;
import dev.serai.keylime.HttpAnswer;
import java.net.InetSocketAddress;
import java.security.cert.Certificate;
import java.time.InstantSource;
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
  private final InstantSource clock;

  ReadAgentRequestProcessor(TokenBuckets buckets, InstantSource clock) {
    this.buckets = buckets;
    this.clock = clock;
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
    if (!hasCertificate(in.getHeader(NettyConstants.NETTY_SSL_SESSION))) {
      return new AgentApiCall.Refusal(
          HttpAnswer.refusal(
              403, "Forbidden", "CALLER_NOT_AUTHENTICATED", "a client certificate is needed"));
    }
    AgentApiCall call =
        AgentApiCall.parse(
            text(in, Exchange.HTTP_METHOD), rawPath(in), text(in, Exchange.HTTP_RAW_QUERY));
    boolean costly =
        call instanceof AgentApiCall.Quote || call instanceof AgentApiCall.IdentityQuote;
    if (costly && !buckets.take(peer(in), clock.instant())) {
      return new AgentApiCall.Refusal(
          HttpAnswer.of(Envelope.bare(429, "RATE_LIMITED: too many quotes asked for")));
    }
    return call;
  }

  private static boolean hasCertificate(Object session) {
    if (!(session instanceof SSLSession tls)) {
      return false;
    }
    try {
      Certificate[] chain = tls.getPeerCertificates();
      return chain != null && chain.length > 0;
    } catch (SSLPeerUnverifiedException e) {
      return false;
    }
  }

  private static String peer(Message in) {
    Object address = in.getHeader(NettyConstants.NETTY_REMOTE_ADDRESS);
    return address instanceof InetSocketAddress inet && inet.getAddress() != null
        ? inet.getAddress().getHostAddress()
        : "unknown";
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
