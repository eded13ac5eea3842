package dev.serai.net;

import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.X509SvidProfile;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.ssl.SslHandler;
import java.security.cert.X509Certificate;
import java.util.Optional;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import org.apache.camel.Exchange;
import org.apache.camel.component.netty.NettyConstants;

/** Who made the HTTP request: read it before the wire headers are dropped. */
public final class PeerIdentity {
  private PeerIdentity() {}

  /**
   * The verified client of a netty-http exchange; empty without TLS or client certificate. It is
   * taken from the connection itself, so a header of the request cannot stand in for it.
   */
  public static Optional<SpiffeId> of(Exchange exchange) {
    return certificate(exchange).flatMap(X509SvidProfile::idOf);
  }

  /** The client's verified certificate. */
  public static Optional<X509Certificate> certificate(Exchange exchange) {
    Object context = exchange.getMessage().getHeader(NettyConstants.NETTY_CHANNEL_HANDLER_CONTEXT);
    if (!(context instanceof ChannelHandlerContext connection)) {
      return Optional.empty();
    }
    SslHandler tls = connection.pipeline().get(SslHandler.class);
    if (tls == null) {
      return Optional.empty();
    }
    SSLSession session = tls.engine().getSession();
    try {
      return Optional.of((X509Certificate) session.getPeerCertificates()[0]);
    } catch (SSLPeerUnverifiedException noneShown) {
      return Optional.empty();
    }
  }
}
