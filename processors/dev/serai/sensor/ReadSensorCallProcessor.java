package dev.serai.sensor;

import dev.serai.http.RefusalForm;
import dev.serai.net.PeerIdentity;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.RateLimits;
import dev.serai.spiffe.SpiffeId;
import dev.serai.tpm.Bytes;
import java.net.InetSocketAddress;
import java.util.Optional;
import java.util.Set;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.component.netty.NettyConstants;

/** Route step: HTTP request in, body {@link SensorCall} out, once the caller may ask it. */
final class ReadSensorCallProcessor implements Processor {
  /** Who asks, for the audit log. */
  static final String ACTOR = "sensorActor";

  private static final int MAX_BODY = 64 * 1024;

  private final Optional<BearerToken> token;
  private final Set<SpiffeId> callers;
  private final RateLimits limits;
  private final SidecarMeters meters;

  /**
   * @param token for callers in clear; empty with TLS
   * @param callers for callers with TLS
   */
  ReadSensorCallProcessor(
      Optional<BearerToken> token, Set<SpiffeId> callers, RateLimits limits, SidecarMeters meters) {
    this.token = token;
    this.callers = Set.copyOf(callers);
    this.limits = limits;
    this.meters = meters;
  }

  @Override
  public void process(Exchange exchange) {
    exchange.setVariable(RefusalForm.VARIABLE, new SensorRefusals(meters));
    SensorOperation operation =
        operation(
            exchange.getMessage().getHeader(Exchange.HTTP_METHOD, "", String.class),
            exchange.getMessage().getHeader(Exchange.HTTP_PATH, "", String.class));
    Optional<SpiffeId> peer = PeerIdentity.of(exchange);
    String address = address(exchange);
    // Who has no token empties nobody's bucket but that of all who have none.
    boolean trusted = token.filter(t -> t.isIn(authorization(exchange))).isPresent();
    limits.take(peer.map(SpiffeId::toString).orElse(trusted ? "token" : address), 1);
    if (!operation.isOpen()) {
      authenticate(exchange, peer, trusted);
    }
    exchange.setVariable(
        ACTOR, peer.map(SpiffeId::toString).orElse(operation.isOpen() ? "anybody" : "token"));
    byte[] body = exchange.getMessage().getBody(byte[].class);
    if (body != null && body.length > MAX_BODY) {
      throw new RefusalException(
          ReasonCode.REQUEST_TOO_LARGE, "more than %d bytes".formatted(MAX_BODY));
    }
    exchange
        .getMessage()
        .setBody(new SensorCall(operation, body == null ? Bytes.EMPTY : Bytes.copyOf(body)));
  }

  private static SensorOperation operation(String method, String path) {
    SensorOperation operation =
        SensorOperation.byPath(path)
            .orElseThrow(
                () -> new RefusalException(ReasonCode.UNKNOWN_OPERATION, SensorRefusals.NO_PATH));
    if (!operation.method().equals(method)) {
      throw new RefusalException(ReasonCode.UNKNOWN_OPERATION, SensorRefusals.NO_METHOD);
    }
    return operation;
  }

  private static String authorization(Exchange exchange) {
    return exchange.getMessage().getHeader("Authorization", "", String.class);
  }

  private void authenticate(Exchange exchange, Optional<SpiffeId> peer, boolean trusted) {
    if (token.isPresent()) {
      if (!trusted) {
        throw new RefusalException(
            ReasonCode.CALLER_NOT_AUTHENTICATED,
            authorization(exchange).isEmpty()
                ? "no bearer token was shown"
                : "another token than ours was shown");
      }
      return;
    }
    if (peer.isEmpty()) {
      throw new RefusalException(
          ReasonCode.CALLER_NOT_AUTHENTICATED, "no client certificate was shown");
    }
    if (!callers.contains(peer.get())) {
      throw new RefusalException(
          ReasonCode.CALLER_NOT_ALLOWED, peer.get() + " is not in serai.sensor.callers");
    }
  }

  private static String address(Exchange exchange) {
    Object remote = exchange.getMessage().getHeader(NettyConstants.NETTY_REMOTE_ADDRESS);
    return remote instanceof InetSocketAddress inet && inet.getAddress() != null
        ? inet.getAddress().getHostAddress()
        : "unknown";
  }
}
