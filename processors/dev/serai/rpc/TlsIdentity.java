package dev.serai.rpc;

import javax.net.ssl.SSLContext;

/** What a TLS listener shows and whom it lets in, asked again for every connection. */
@FunctionalInterface
public interface TlsIdentity {

  /**
   * A context for one server handshake. Returning a new one each time rules out resumption of a
   * session that was made under an older identity or trust bundle.
   *
   * @throws IllegalStateException when there is no identity yet; the connection is then closed
   */
  SSLContext serverContext();
}
