package dev.serai.audit;

import dev.serai.role.RoleContext;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What the log needs from time to time: counted refusals, checkpoints, pruning. */
public final class AuditUpkeep {
  private static final Logger LOG = LoggerFactory.getLogger(AuditUpkeep.class);

  private final Path stateDir;
  private final Audit audit;
  private final RefusedCallers refused;
  private final Optional<Duration> checkpointInterval;
  private final Optional<Duration> keep;
  private final Supplier<Optional<CheckpointSigner>> signer;
  private final InstantSource clock;
  private Instant nextCheckpoint;

  AuditUpkeep(
      Path stateDir,
      Audit audit,
      RefusedCallers refused,
      Optional<Duration> checkpointInterval,
      Optional<Duration> keep,
      Supplier<Optional<CheckpointSigner>> signer,
      InstantSource clock) {
    this.stateDir = stateDir;
    this.audit = audit;
    this.refused = refused;
    this.checkpointInterval = checkpointInterval;
    this.keep = keep;
    this.signer = signer;
    this.clock = clock;
    this.nextCheckpoint = clock.instant();
  }

  public static AuditUpkeep of(RoleContext context, Audit audit, RefusedCallers refused) {
    return new AuditUpkeep(
        context.stateDir(),
        audit,
        refused,
        optional(context, "serai.audit.checkpoint-interval"),
        optional(context, "serai.audit.keep"),
        () ->
            Optional.ofNullable(
                context
                    .camel()
                    .getRegistry()
                    .lookupByNameAndType(CheckpointSigner.BEAN, CheckpointSigner.class)),
        context.clock());
  }

  private static Optional<Duration> optional(RoleContext context, String key) {
    return context.settings().optionalText(key).map(text -> context.settings().duration(key));
  }

  /** Refusals first: they are recorded whatever happens to the rest. */
  public void run() {
    recordRefused();
    try {
      AuditInbox.empty(stateDir, audit);
    } catch (IOException e) {
      LOG.warn("notes for the audit log cannot be read: {}", e.getMessage());
    }
    Instant now = clock.instant();
    if (checkpointInterval.isPresent() && !now.isBefore(nextCheckpoint)) {
      checkpoint();
      nextCheckpoint = now.plus(checkpointInterval.get());
    }
    if (keep.isPresent()) {
      int gone = audit.prune(now.minus(keep.get()));
      if (gone > 0) {
        LOG.info("audit pruned records={} keep={}", gone, keep.get());
      }
    }
  }

  /** A TPM that does not answer leaves the checkpoint unsigned; the next one is tried again. */
  private void checkpoint() {
    Optional<CheckpointSigner> found = signer.get();
    try {
      audit.checkpoint(found);
    } catch (RuntimeException e) {
      if (found.isEmpty()) {
        throw e;
      }
      LOG.warn("audit checkpoint could not be signed: {}", e.getMessage());
      audit.checkpoint(Optional.empty());
    }
  }

  /** Also at a stop. */
  public void recordRefused() {
    audit.append(refused.take());
  }
}
