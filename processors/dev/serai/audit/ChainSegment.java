package dev.serai.audit;

import dev.serai.tpm.Bytes;
import java.time.Instant;

/**
 * Where a chain begins and what it goes on from.
 *
 * @param previousChain empty for the first, whose previous sequence is 0 and hash is empty
 */
public record ChainSegment(
    String chainId,
    long firstSequence,
    String trustDomain,
    Instant startedAt,
    Cause cause,
    String previousChain,
    long previousSequence,
    Bytes previousHash) {

  /** Why a chain begins. */
  public enum Cause {
    NEW,
    RESTORED,
    /** The chain before it was found cut or changed. */
    BROKEN
  }
}
