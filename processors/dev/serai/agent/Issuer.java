package dev.serai.agent;

import dev.serai.net.SpiffeChannels;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.reason.TpmReasons;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.TrustDomain;
import dev.serai.tpm.TpmException;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * The way to the issuer, with and without the node's own identity. An error is named here once; a
 * refusal of the node, and a TPM that fails inside a handshake, also change the agent's life.
 */
final class Issuer implements AutoCloseable {
  private final AgentSettings settings;
  private final TrustBundles bundles;
  private final AgentIdentity identity;
  private final AgentStatus status;
  private final SpiffeId serverId;
  private final ManagedChannel asNode;

  Issuer(AgentSettings settings, TrustBundles bundles, AgentIdentity identity, AgentStatus status) {
    this.settings = settings;
    this.bundles = bundles;
    this.identity = identity;
    this.status = status;
    this.serverId = TrustDomain.parse(settings.trustDomain()).withPath("/spire/server");
    this.asNode =
        SpiffeChannels.tls(
            settings.issuerHost(), settings.issuerPort(), identity.source(), serverId);
  }

  /** The connection that shows the node's SVID. */
  ManagedChannel asNode() {
    return asNode;
  }

  /**
   * A new connection without identity, being made while the caller goes on; the caller closes it.
   */
  ManagedChannel asAnybody() {
    bundles.refresh();
    if (bundles.authorities().isEmpty()) {
      throw new RefusalException(
          ReasonCode.TRUST_BUNDLE_MISSING, "no certificate in " + settings.trustBundle());
    }
    ManagedChannel channel =
        SpiffeChannels.bundleOnly(
            settings.issuerHost(), settings.issuerPort(), bundles::authorities, serverId);
    channel.getState(true); // the TPM's signature of the CSR, which comes next, takes as long
    return channel;
  }

  /** A call as this node. */
  <T> T callAsNode(Function<ManagedChannel, T> call) {
    long generation = identity.generation();
    try {
      return call.apply(asNode);
    } catch (StatusRuntimeException e) {
      throw failedAsNode(e, generation);
    }
  }

  /** Of the identity that calls as this node are made with now. */
  long generation() {
    return identity.generation();
  }

  /**
   * Names a failure of a call as this node, and tells the agent's life what follows from it.
   *
   * @param generation of the identity the call was begun with; the refusal of a former one, which
   *     an issuer forgets when the next is used, is none of the node
   */
  RuntimeException failedAsNode(StatusRuntimeException failure, long generation) {
    return failed(failure, generation, code -> isRefusalOfNode(failure, code));
  }

  /**
   * The same for a call that is about one entry, where a refusal without a word on the node is one
   * of the entry.
   */
  RuntimeException failedForEntry(StatusRuntimeException failure, long generation) {
    return failed(failure, generation, Issuer::namesTheNode);
  }

  private RuntimeException failed(
      StatusRuntimeException failure, long generation, Predicate<ReasonCode> refusesNode) {
    Optional<TpmException> tpm = IssuerErrors.tpmTrouble(failure);
    if (tpm.isPresent()) {
      status.on(new AgentEvent.TpmLost(TpmReasons.of(tpm.get())));
      return tpm.get();
    }
    Reason reason = IssuerErrors.reason(failure);
    if (generation == identity.generation() && refusesNode.test(reason.code())) {
      status.on(new AgentEvent.NodeRefused(reason));
    }
    return new RefusalException(reason.code(), reason.detail(), failure);
  }

  private static boolean isRefusalOfNode(StatusRuntimeException failure, ReasonCode code) {
    return switch (failure.getStatus().getCode()) {
      case PERMISSION_DENIED, UNAUTHENTICATED -> true;
      default -> AgentLifecycle.isCuredByAttesting(code);
    };
  }

  private static boolean namesTheNode(ReasonCode code) {
    return switch (code) {
      case NODE_UNTRUSTED, NODE_BANNED, CALLER_NOT_AUTHENTICATED -> true;
      default -> AgentLifecycle.isCuredByAttesting(code);
    };
  }

  @Override
  public void close() {
    asNode.shutdownNow();
  }
}
