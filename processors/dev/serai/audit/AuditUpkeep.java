package dev.serai.audit;

import dev.serai.role.RoleContext;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.function.LongSupplier;
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
  private final Optional<PruneAllowance> allowance;
  private Instant nextCheckpoint;
  private boolean heldBack;

  AuditUpkeep(
      Path stateDir,
      Audit audit,
      RefusedCallers refused,
      Optional<Duration> checkpointInterval,
      Optional<Duration> keep,
      Supplier<Optional<CheckpointSigner>> signer,
      InstantSource clock,
      LongSupplier nanos) {
    this.allowance = keep.map(age -> new PruneAllowance(age, nanos));
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
        context.clock(),
        System::nanoTime);
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
    allowance.ifPresent(most -> prune(now.minus(keep.get()), most));
  }

  private void prune(Instant before, PruneAllowance most) {
    long allowed = most.now(audit.size());
    if (allowed < 1) {
      return;
    }
    int gone = audit.prune(before, allowed);
    most.used(gone);
    if (gone > 0) {
      LOG.info("audit pruned records={} keep={}", gone, keep.get());
    }
    boolean held = gone >= allowed;
    if (held && !heldBack) {
      LOG.warn("audit pruning held back: more is old than could become so; is the clock right?");
    }
    heldBack = held;
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
