package dev.serai.workload;

import dev.serai.jwtsvid.ClaimedJwtSvid;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/** Where JWT-SVIDs come from: the agent. */
public interface JwtSvidSource {
  /**
   * A JWT-SVID of this identity for this audience. It ends with a RefusalException when there is
   * none.
   *
   * @param audience at least one; two sets in another order are the same audience
   */
  CompletableFuture<ClaimedJwtSvid> fetch(WorkloadIdentity identity, Set<String> audience);
}
