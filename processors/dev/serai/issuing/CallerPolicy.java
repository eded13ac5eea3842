package dev.serai.issuing;

import static dev.serai.issuing.CallerPolicy.Kind.AGENT;
import static dev.serai.issuing.CallerPolicy.Kind.ANYBODY;
import static dev.serai.issuing.CallerPolicy.Kind.LOCAL;
import static dev.serai.issuing.CallerPolicy.Kind.VERIFIER;

import dev.serai.net.SpiffeTrustManager;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.rpc.RpcPeer;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.spiffe.X509SvidProfile;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Who may call what. A method without a row is denied to everybody. */
final class CallerPolicy {
  private static final int VERIFIED_CACHE = 4_096;
  private static final String AGENT_SERVICE = "spire.api.server.agent.v1.Agent/";
  private static final String BUNDLE_SERVICE = "spire.api.server.bundle.v1.Bundle/";
  private static final String ENTRY_SERVICE = "spire.api.server.entry.v1.Entry/";
  private static final String SVID_SERVICE = "spire.api.server.svid.v1.SVID/";

  /** Kinds of callers. */
  enum Kind {
    /** Also without a certificate. */
    ANYBODY,
    /** Through the admin socket. */
    LOCAL,
    /** An attested node. */
    AGENT,
    /** The verifier role, by its SPIFFE ID. */
    VERIFIER
  }

  static final Map<String, Kind> TABLE =
      Map.ofEntries(
          Map.entry(AGENT_SERVICE + "AttestAgent", ANYBODY),
          Map.entry(AGENT_SERVICE + "RenewAgent", AGENT),
          Map.entry(AGENT_SERVICE + "PostStatus", AGENT),
          Map.entry(AGENT_SERVICE + "CountAgents", LOCAL),
          Map.entry(AGENT_SERVICE + "ListAgents", LOCAL),
          Map.entry(AGENT_SERVICE + "GetAgent", LOCAL),
          Map.entry(AGENT_SERVICE + "DeleteAgent", LOCAL),
          Map.entry(AGENT_SERVICE + "BanAgent", LOCAL),
          Map.entry(AGENT_SERVICE + "CreateJoinToken", LOCAL),
          Map.entry(BUNDLE_SERVICE + "GetBundle", ANYBODY),
          Map.entry(BUNDLE_SERVICE + "GetFederatedBundle", AGENT),
          Map.entry(ENTRY_SERVICE + "CountEntries", LOCAL),
          Map.entry(ENTRY_SERVICE + "ListEntries", LOCAL),
          Map.entry(ENTRY_SERVICE + "GetEntry", LOCAL),
          Map.entry(ENTRY_SERVICE + "BatchCreateEntry", LOCAL),
          Map.entry(ENTRY_SERVICE + "BatchUpdateEntry", LOCAL),
          Map.entry(ENTRY_SERVICE + "BatchDeleteEntry", LOCAL),
          Map.entry(ENTRY_SERVICE + "GetAuthorizedEntries", AGENT),
          Map.entry(ENTRY_SERVICE + "SyncAuthorizedEntries", AGENT),
          Map.entry(SVID_SERVICE + "BatchNewX509SVID", AGENT),
          Map.entry(SVID_SERVICE + "NewJWTSVID", AGENT),
          Map.entry("serai.v1.Node/Watch", AGENT),
          Map.entry("serai.v1.Verdicts/Report", VERIFIER),
          Map.entry("serai.v1.Nodes/List", LOCAL),
          Map.entry("serai.v1.Nodes/Show", LOCAL),
          Map.entry("serai.v1.Nodes/Ban", LOCAL),
          Map.entry("serai.v1.Nodes/Unban", LOCAL),
          Map.entry("serai.v1.Nodes/Evict", LOCAL));

  private final SpiffeId verifier;
  private final Authority authority;
  private final NodeGate gate;
  private final SpiffeTrustManager trust;
  private final Map<X509Certificate, Long> verifiedUnder =
      new LinkedHashMap<>(64, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<X509Certificate, Long> eldest) {
          return size() > VERIFIED_CACHE;
        }
      };

  CallerPolicy(TrustDomain trustDomain, Authority authority, NodeGate gate) {
    this.verifier = trustDomain.withPath("/serai/verifier");
    this.authority = authority;
    this.gate = gate;
    this.trust =
        new SpiffeTrustManager(
            domain -> domain.equals(trustDomain) ? authority.bundle().certificates() : List.of(),
            id -> true);
  }

  /**
   * @throws RefusalException when this peer may not call this method now
   */
  Caller authorize(String method, RpcPeer peer) {
    Kind wanted = TABLE.get(method);
    if (wanted == null) {
      throw denied(method);
    }
    if (wanted == ANYBODY) {
      return new Caller.Anybody(origin(peer));
    }
    if (peer instanceof RpcPeer.LocalPeer local) {
      if (wanted != LOCAL) {
        throw denied(method);
      }
      return new Caller.Local(local.uid(), local.pid());
    }
    if (wanted != LOCAL && peer instanceof RpcPeer.TlsPeer tls) {
      return remote(method, wanted, tls);
    }
    throw denied(method);
  }

  private Caller remote(String method, Kind wanted, RpcPeer.TlsPeer peer) {
    if (peer.chain().isEmpty()) {
      throw new RefusalException(
          ReasonCode.CALLER_NOT_AUTHENTICATED, "no client certificate was shown");
    }
    X509Certificate leaf = peer.chain().get(0);
    SpiffeId id =
        X509SvidProfile.idOf(leaf)
            .orElseThrow(
                () ->
                    new RefusalException(
                        ReasonCode.CALLER_NOT_AUTHENTICATED,
                        "the client certificate is no X509-SVID"));
    if (wanted == AGENT && id.isAgent()) {
      gate.requireUnexpired(leaf);
      requireVerified(peer.chain());
      return new Caller.Agent(gate.admit(id, leaf), leaf, origin(peer));
    }
    if (wanted == VERIFIER && id.equals(verifier)) {
      if (gate.isExpired(leaf)) {
        throw new RefusalException(
            ReasonCode.CALLER_NOT_AUTHENTICATED, "the client certificate is expired");
      }
      requireVerified(peer.chain());
      return new Caller.RoleProcess(id, origin(peer));
    }
    throw denied(method);
  }

  /** The handshake did this too, but a connection may outlive the bundle it was made under. */
  private void requireVerified(List<X509Certificate> chain) {
    long sequence = authority.bundle().sequence();
    X509Certificate leaf = chain.get(0);
    synchronized (verifiedUnder) {
      if (Long.valueOf(sequence).equals(verifiedUnder.get(leaf))) {
        return;
      }
    }
    try {
      trust.verify(chain);
    } catch (CertificateException e) {
      throw new RefusalException(
          ReasonCode.CALLER_NOT_AUTHENTICATED,
          "the client certificate does not lead to the trust bundle",
          e);
    }
    synchronized (verifiedUnder) {
      verifiedUnder.put(leaf, sequence);
    }
  }

  private static String origin(RpcPeer peer) {
    if (!(peer instanceof RpcPeer.TlsPeer tls)) {
      return "local";
    }
    SocketAddress address = tls.remoteAddress();
    return address instanceof InetSocketAddress inet && inet.getAddress() != null
        ? inet.getAddress().getHostAddress()
        : "unknown";
  }

  private static RefusalException denied(String method) {
    return new RefusalException(
        ReasonCode.CALLER_NOT_ALLOWED, "authorization denied for method /" + method);
  }
}
