package dev.serai.agent;

import com.google.common.util.concurrent.FutureCallback;
import com.google.common.util.concurrent.Futures;
import com.google.common.util.concurrent.ListenableFuture;
import com.google.common.util.concurrent.MoreExecutors;
import dev.serai.jwtsvid.ClaimedJwtSvid;
import dev.serai.proto.spire.svid.v1.NewJWTSVIDRequest;
import dev.serai.proto.spire.svid.v1.NewJWTSVIDResponse;
import dev.serai.proto.spire.svid.v1.SVIDGrpc;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.workload.WorkloadIdentity;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Asks the issuer for a JWT-SVID, as this node. What comes must be for whom and for what it was
 * asked. Its signature is not looked at: it came over the connection to the issuer, and a verifier
 * may know a new key of the issuer's earlier than this agent.
 */
final class AskJwtSvid implements JwtSvidCache.Issuance {
  private final Issuer issuer;
  private final InstantSource clock;

  AskJwtSvid(Issuer issuer, InstantSource clock) {
    this.issuer = issuer;
    this.clock = clock;
  }

  @Override
  public CompletableFuture<ClaimedJwtSvid> issue(
      WorkloadIdentity identity, Set<String> audience, Duration patience) {
    CompletableFuture<ClaimedJwtSvid> result = new CompletableFuture<>();
    long generation = issuer.generation();
    ListenableFuture<NewJWTSVIDResponse> answer =
        SVIDGrpc.newFutureStub(issuer.asNode())
            .withDeadlineAfter(patience.toMillis(), TimeUnit.MILLISECONDS)
            .newJWTSVID(
                NewJWTSVIDRequest.newBuilder()
                    .setEntryId(identity.entry().id())
                    .addAllAudience(audience)
                    .build());
    Futures.addCallback(
        answer,
        new FutureCallback<>() {
          @Override
          public void onSuccess(NewJWTSVIDResponse response) {
            try {
              result.complete(received(response.getSvid().getToken(), identity, audience));
            } catch (RuntimeException e) {
              result.completeExceptionally(e);
            }
          }

          @Override
          public void onFailure(Throwable failure) {
            result.completeExceptionally(
                failure instanceof StatusRuntimeException status
                    ? issuer.failedForEntry(status, generation)
                    : failure);
          }
        },
        MoreExecutors.directExecutor());
    return result;
  }

  private ClaimedJwtSvid received(String token, WorkloadIdentity identity, Set<String> audience) {
    ClaimedJwtSvid svid;
    try {
      svid = ClaimedJwtSvid.parse(token);
    } catch (RefusalException e) {
      throw notIssued("its answer cannot be used: " + e.reason().detail());
    }
    Instant now = clock.instant();
    if (!svid.id().equals(identity.id())
        || !new HashSet<>(svid.audience()).equals(new HashSet<>(audience))) {
      throw notIssued("it answered with a token for another identity or audience");
    }
    if (!now.isBefore(svid.expiresAt())) {
      throw notIssued("its token ended at " + svid.expiresAt());
    }
    return svid;
  }

  private static RefusalException notIssued(String why) {
    return new RefusalException(ReasonCode.JWT_SVID_NOT_ISSUED, why);
  }
}
