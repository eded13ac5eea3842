package dev.serai.gate;

import static java.util.Objects.requireNonNull;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.rpc.RpcCall;
import dev.serai.rpc.RpcPeer;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.X509SvidProfile;
import java.util.Optional;
import java.util.Set;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * First step of the proxy's call: only a proxy that is on the list is answered, by its SVID or, on
 * the unix socket, by the user the kernel names. What anybody else says of his peers is nothing.
 */
final class AuthorizeProxyProcessor implements Processor {
  private final Set<SpiffeId> proxies;
  private final Set<Integer> users;

  AuthorizeProxyProcessor(Set<SpiffeId> proxies, Set<Integer> users) {
    this.proxies = Set.copyOf(proxies);
    this.users = Set.copyOf(users);
  }

  @Override
  public void process(Exchange exchange) {
    RpcCall call =
        requireNonNull(exchange.getVariable(RpcCall.VARIABLE, RpcCall.class), RpcCall.VARIABLE);
    if (call.peer() instanceof RpcPeer.LocalPeer local) {
      if (!users.contains(local.uid())) {
        throw new RefusalException(
            ReasonCode.CALLER_NOT_ALLOWED, "user %d is no proxy".formatted(local.uid()));
      }
      return;
    }
    Optional<SpiffeId> id =
        call.peer() instanceof RpcPeer.TlsPeer tls
            ? tls.leaf().flatMap(X509SvidProfile::idOf)
            : Optional.empty();
    if (id.isEmpty()) {
      throw new RefusalException(ReasonCode.CALLER_NOT_AUTHENTICATED, "no client certificate");
    }
    if (!proxies.contains(id.get())) {
      throw new RefusalException(ReasonCode.CALLER_NOT_ALLOWED, id.get() + " is no proxy");
    }
  }
}
