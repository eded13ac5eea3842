package dev.serai.agent;

import dev.serai.plugin.HeldKey;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;

/** What the agent has learnt of its own machine since it started. Safe for use from any thread. */
final class AgentSelf {
  private final AtomicReference<Optional<TpmIdentity>> identity =
      new AtomicReference<>(Optional.empty());
  private final AtomicReference<Optional<AppKey>> appKey = new AtomicReference<>(Optional.empty());

  void identity(TpmIdentity read) {
    identity.set(Optional.of(read));
  }

  /** Known once the TPM was opened. */
  TpmIdentity identity() {
    return identity
        .get()
        .orElseThrow(
            () ->
                new RefusalException(
                    ReasonCode.AGENT_NOT_READY, "the TPM has not been opened yet"));
  }

  void appKey(AppKey key) {
    appKey.set(Optional.of(key));
  }

  /** The same for those outside the agent. */
  HeldKey heldKey() {
    AppKey key = appKey();
    return new HeldKey(key.key(), key.publicArea());
  }

  /** Known once it was loaded. */
  AppKey appKey() {
    return appKey
        .get()
        .orElseThrow(
            () -> new RefusalException(ReasonCode.AGENT_NOT_READY, "there is no App Key yet"));
  }
}
