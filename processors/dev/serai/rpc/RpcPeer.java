package dev.serai.rpc;

import java.net.SocketAddress;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Optional;

/** Who is at the other end of a call. Set by the transport, never from the request. */
public sealed interface RpcPeer {

  /**
   * A process on this machine, as the kernel named it when it connected.
   *
   * @param pid 0 when it lives in another PID namespace
   * @param startTime when the process started, in clock ticks since boot, read when the connection
   *     was accepted; -1 when it could not be read. A process with the same pid and another start
   *     time is not the caller.
   */
  record LocalPeer(int pid, int uid, int gid, long startTime) implements RpcPeer {
    /** Of unknown start time, which no workload attestation accepts. */
    public LocalPeer(int pid, int uid, int gid) {
      this(pid, uid, gid, -1);
    }
  }

  /**
   * A TLS client.
   *
   * @param chain what it showed, leaf first, verified in the handshake; empty when it showed none
   */
  record TlsPeer(List<X509Certificate> chain, SocketAddress remoteAddress) implements RpcPeer {
    public TlsPeer {
      chain = List.copyOf(chain);
    }

    /** The certificate whose key the client proved to hold. */
    public Optional<X509Certificate> leaf() {
      return chain.stream().findFirst();
    }
  }
}
