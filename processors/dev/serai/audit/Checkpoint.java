package dev.serai.audit;

import dev.serai.tpm.Bytes;
import java.time.Instant;
import java.util.Optional;

/**
 * Where the chain stood.
 *
 * @param hash of the record with this sequence
 * @param pruned records up to this one may be gone
 */
public record Checkpoint(
    long sequence,
    String chainId,
    Bytes hash,
    Instant at,
    boolean pruned,
    Optional<SignedCheckpoint> signed) {}
