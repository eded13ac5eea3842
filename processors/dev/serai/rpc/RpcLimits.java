package dev.serai.rpc;

import java.time.Duration;

/**
 * The bounds of one server. What exceeds them is refused, never queued without end.
 *
 * @param messageBytes largest request message
 * @param headerBytes largest set of request headers
 * @param callsPerConnection open calls of one connection, streams included
 * @param connections open connections of one listener
 * @param connectionsPerPeer of these, from one address or one user
 * @param workers calls that run in routes at the same time
 * @param waiting calls that wait for a worker; the next one is answered OVERLOADED
 * @param unsentMessages messages a slow reader may be behind before its stream is ended
 * @param connectionAge a TLS connection is closed after this, so that identities are shown afresh;
 *     zero for no limit
 */
public record RpcLimits(
    int messageBytes,
    int headerBytes,
    int callsPerConnection,
    int connections,
    int connectionsPerPeer,
    int workers,
    int waiting,
    int unsentMessages,
    Duration connectionAge) {

  /** Four MiB messages, 16 workers, 4096 connections, a connection age of 3 minutes. */
  public static final RpcLimits DEFAULTS =
      new RpcLimits(4 << 20, 16 << 10, 256, 4096, 1024, 16, 1024, 64, Duration.ofMinutes(3));

  public RpcLimits {
    requirePositive("messageBytes", messageBytes);
    requirePositive("headerBytes", headerBytes);
    requirePositive("callsPerConnection", callsPerConnection);
    requirePositive("connections", connections);
    requirePositive("connectionsPerPeer", connectionsPerPeer);
    requirePositive("workers", workers);
    requirePositive("waiting", waiting);
    requirePositive("unsentMessages", unsentMessages);
    if (connectionAge.isNegative()) {
      throw new IllegalArgumentException("connectionAge is negative");
    }
  }

  private static void requirePositive(String name, int value) {
    if (value <= 0) {
      throw new IllegalArgumentException(name + " must be positive, was " + value);
    }
  }

  public RpcLimits withMessageBytes(int bytes) {
    return new RpcLimits(
        bytes,
        headerBytes,
        callsPerConnection,
        connections,
        connectionsPerPeer,
        workers,
        waiting,
        unsentMessages,
        connectionAge);
  }

  public RpcLimits withConnections(int total, int perPeer) {
    return new RpcLimits(
        messageBytes,
        headerBytes,
        callsPerConnection,
        total,
        perPeer,
        workers,
        waiting,
        unsentMessages,
        connectionAge);
  }

  public RpcLimits withCallsPerConnection(int calls) {
    return new RpcLimits(
        messageBytes,
        headerBytes,
        calls,
        connections,
        connectionsPerPeer,
        workers,
        waiting,
        unsentMessages,
        connectionAge);
  }

  public RpcLimits withWorkers(int running, int queued) {
    return new RpcLimits(
        messageBytes,
        headerBytes,
        callsPerConnection,
        connections,
        connectionsPerPeer,
        running,
        queued,
        unsentMessages,
        connectionAge);
  }

  public RpcLimits withConnectionAge(Duration age) {
    return new RpcLimits(
        messageBytes,
        headerBytes,
        callsPerConnection,
        connections,
        connectionsPerPeer,
        workers,
        waiting,
        unsentMessages,
        age);
  }
}
