package dev.serai.audit;

import dev.serai.audit.HeadFile.Head;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.TpmName;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * Computes a log again: every hash, that no sequence is missing, that it begins where a chain
 * begins or at a pruned checkpoint that the log itself names, that it reaches what was seen of it
 * outside, and the TPM's signatures. The first thing that is wrong is the answer.
 */
public final class ChainVerifier {

  /**
   * What was found.
   *
   * @param wrong empty when all of it is as it was written
   * @param at sequence of the first bad record; 0 when there is none or none can be named
   * @param signers Names of the keys that signed checkpoints
   */
  public record Result(
      Optional<Reason> wrong,
      long at,
      long records,
      long first,
      Optional<Head> last,
      int checkpoints,
      int signed,
      Set<TpmName> signers) {}

  private final Optional<TpmName> ak;
  private final List<Head> anchors;

  /**
   * @param ak the only key whose signed checkpoints count; empty for any
   * @param anchors what somebody else kept: a sequence and its hash
   */
  public ChainVerifier(Optional<TpmName> ak, List<Head> anchors) {
    this.ak = ak;
    this.anchors = List.copyOf(anchors);
  }

  public Result verify(AuditSource source) {
    Walk walk = new Walk();
    try {
      source.read(walk);
      walk.end();
    } catch (Wrong wrong) {
      return walk.result(Optional.of(wrong.reason), wrong.at);
    } catch (RefusalException e) {
      if (e.reason().code() == ReasonCode.AUDIT_UNAVAILABLE) {
        throw e;
      }
      return walk.result(Optional.of(e.reason()), 0);
    }
    return walk.result(Optional.empty(), 0);
  }

  /** Ends the walk. */
  private static final class Wrong extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final transient Reason reason;
    private final long at;

    Wrong(ReasonCode code, long at, String detail) {
      super(detail, null, false, false);
      this.reason = new Reason(code, detail);
      this.at = at;
    }
  }

  private final class Walk implements AuditSource.Reader {
    private final List<ChainSegment> segments = new ArrayList<>();
    private final Set<TpmName> signers = new HashSet<>();
    private final Map<Long, List<Bytes>> seenOutside = new TreeMap<>();
    private final Map<Long, String> prunedThrough = new HashMap<>();
    private Optional<Checkpoint> floor = Optional.empty();
    private Iterator<ChainSegment> coming;
    private Optional<ChainSegment> next = Optional.empty();
    private ChainSegment current;
    private long expected;
    private Bytes previous = Bytes.EMPTY;
    private Optional<Wrong> broken = Optional.empty();
    private int checkpoints;
    private int signed;
    private long records;
    private long first;
    private Optional<Head> last = Optional.empty();

    @Override
    public void segment(ChainSegment segment) {
      segments.add(segment);
    }

    @Override
    public void checkpoint(Checkpoint checkpoint) {
      checkpoints++;
      if (checkpoint.signed().isPresent()) {
        TpmName name = CheckpointProof.requireSound(checkpoint).orElse(null);
        if (name == null || ak.filter(wanted -> !wanted.equals(name)).isPresent()) {
          throw new Wrong(
              ReasonCode.AUDIT_CHAIN_BROKEN,
              checkpoint.sequence(),
              name == null
                  ? "the signature of the checkpoint is not valid"
                  : "the checkpoint is signed by another key, " + name.toHex());
        }
        signers.add(name);
        signed++;
      }
      if (checkpoint.pruned()) {
        floor = Optional.of(checkpoint);
      }
      seen(checkpoint.sequence(), checkpoint.hash());
    }

    @Override
    public void head(Head head) {
      seen(head.sequence(), head.hash());
    }

    private void seen(long sequence, Bytes hash) {
      seenOutside.computeIfAbsent(sequence, s -> new ArrayList<>()).add(hash);
    }

    @Override
    public void record(AuditRecord record) {
      if (coming == null) {
        start();
      }
      step(record);
    }

    private void start() {
      anchors.forEach(anchor -> seen(anchor.sequence(), anchor.hash()));
      if (segments.isEmpty()) {
        throw new Wrong(ReasonCode.AUDIT_CHAIN_BROKEN, 0, "no chain begins");
      }
      coming = segments.iterator();
      next = Optional.of(coming.next());
      if (floor.isEmpty()) {
        expected = next.get().firstSequence();
        if (!next.get().previousChain().isEmpty() || expected != 1) {
          // A log that begins after a lost one says so in its segment's cause.
          requireCause(next.get());
        }
        return;
      }
      Checkpoint pruned = floor.get();
      while (next.isPresent() && next.get().firstSequence() <= pruned.sequence()) {
        current = next.get();
        next = coming.hasNext() ? Optional.of(coming.next()) : Optional.empty();
      }
      if (current == null || !current.chainId().equals(pruned.chainId())) {
        throw new Wrong(
            ReasonCode.AUDIT_CHAIN_BROKEN,
            pruned.sequence(),
            "the pruned checkpoint is of another chain");
      }
      expected = pruned.sequence() + 1;
      previous = pruned.hash();
    }

    private void requireCause(ChainSegment segment) {
      if (segment.cause() != ChainSegment.Cause.BROKEN) {
        throw new Wrong(
            ReasonCode.AUDIT_TRUNCATED, segment.firstSequence(), "the beginning is missing");
      }
    }

    private void step(AuditRecord record) {
      long sequence = record.sequence();
      if (next.isPresent() && next.get().firstSequence() <= sequence) {
        enter(next.get(), sequence);
        next = coming.hasNext() ? Optional.of(coming.next()) : Optional.empty();
      }
      if (sequence != expected) {
        throw new Wrong(
            records == 0 ? ReasonCode.AUDIT_TRUNCATED : ReasonCode.AUDIT_CHAIN_BROKEN,
            expected,
            "record %d is missing or out of order".formatted(expected));
      }
      Bytes hash = ChainHash.ofRecord(current.chainId(), previous, record);
      if (!hash.equals(record.hash())) {
        throw new Wrong(
            ReasonCode.AUDIT_CHAIN_BROKEN,
            sequence,
            "record %d is not the one that was written".formatted(sequence));
      }
      List<Bytes> outside = seenOutside.remove(sequence);
      if (outside != null && !outside.stream().allMatch(hash::equals)) {
        throw new Wrong(
            ReasonCode.AUDIT_CHAIN_BROKEN,
            sequence,
            "record %d has another hash than was seen outside the log".formatted(sequence));
      }
      remember(record);
      if (records++ == 0) {
        first = sequence;
      }
      last = Optional.of(new Head(current.chainId(), sequence, hash));
      previous = hash;
      expected = sequence + 1;
    }

    private void remember(AuditRecord record) {
      if (record.kind().equals(AuditKind.AUDIT_PRUNED.word())) {
        int colon = record.subject().indexOf(':');
        if (colon > 0 && record.subject().substring(0, colon).matches("\\d{1,18}")) {
          prunedThrough.put(
              Long.parseLong(record.subject().substring(0, colon)),
              record.subject().substring(colon + 1));
        }
      }
      if (record.kind().equals(AuditKind.AUDIT_BROKEN.word()) && broken.isEmpty()) {
        broken =
            Optional.of(
                new Wrong(
                    record.reasonCodes().contains(ReasonCode.AUDIT_CHAIN_BROKEN.name())
                        ? ReasonCode.AUDIT_CHAIN_BROKEN
                        : ReasonCode.AUDIT_TRUNCATED,
                    record.sequence(),
                    "record %d says that the log was found so at a start"
                        .formatted(record.sequence())));
      }
    }

    private void enter(ChainSegment segment, long sequence) {
      boolean follows =
          current == null
              ? last.isEmpty()
              : segment.previousChain().equals(current.chainId())
                  && segment.previousSequence() == expected - 1
                  && segment.previousHash().equals(previous);
      if (segment.firstSequence() != sequence) {
        throw new Wrong(
            records == 0 ? ReasonCode.AUDIT_TRUNCATED : ReasonCode.AUDIT_CHAIN_BROKEN,
            segment.firstSequence(),
            "record %d is missing".formatted(segment.firstSequence()));
      }
      if (!follows) {
        throw new Wrong(
            ReasonCode.AUDIT_CHAIN_BROKEN,
            segment.firstSequence(),
            "chain %s does not go on from the one before".formatted(segment.chainId()));
      }
      if (segment.cause() != ChainSegment.Cause.BROKEN && segment.firstSequence() != expected) {
        throw new Wrong(
            ReasonCode.AUDIT_CHAIN_BROKEN, expected, "record %d is missing".formatted(expected));
      }
      current = segment;
      previous = ChainHash.ofSegment(segment);
      expected = segment.firstSequence();
    }

    void end() {
      if (coming == null) {
        if (segments.isEmpty() && seenOutside.isEmpty() && anchors.isEmpty()) {
          return; // nothing was ever recorded
        }
        throw new Wrong(ReasonCode.AUDIT_TRUNCATED, 0, "there are no records");
      }
      if (next.isPresent()) {
        throw new Wrong(
            ReasonCode.AUDIT_TRUNCATED,
            next.get().firstSequence(),
            "the records of chain %s are missing".formatted(next.get().chainId()));
      }
      floor.ifPresent(
          pruned -> {
            seenOutside.keySet().removeIf(sequence -> sequence <= pruned.sequence());
            if (!pruned.hash().toHex().equals(prunedThrough.get(pruned.sequence()))) {
              throw new Wrong(
                  ReasonCode.AUDIT_TRUNCATED,
                  pruned.sequence(),
                  "no record says that those up to %d were pruned".formatted(pruned.sequence()));
            }
          });
      for (long sequence : seenOutside.keySet()) {
        if (broken.isPresent()) {
          break; // what is missing is what that record tells of
        }
        throw new Wrong(
            ReasonCode.AUDIT_TRUNCATED,
            expected,
            "the log ends at %d; %d was seen outside it".formatted(expected - 1, sequence));
      }
      if (broken.isPresent()) {
        throw broken.get();
      }
    }

    Result result(Optional<Reason> wrong, long at) {
      return new Result(wrong, at, records, first, last, checkpoints, signed, Set.copyOf(signers));
    }
  }
}
