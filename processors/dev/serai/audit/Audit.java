package dev.serai.audit;

import dev.serai.audit.HeadFile.Head;
import dev.serai.deadline.Deadline;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.Meters;
import dev.serai.role.RoleContext;
import dev.serai.role.TraceId;
import dev.serai.store.Database;
import dev.serai.store.DatabaseException;
import dev.serai.tpm.Bytes;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.security.SecureRandom;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/**
 * The audit log of this process. A change of state and its record are one transaction; what has no
 * transaction of its own waits until its record is on disk, and those who wait at the same time
 * share one commit. What cannot be recorded does not happen. Safe for any thread.
 */
public final class Audit {
  private static final Logger LOG = LoggerFactory.getLogger(Audit.class);
  private static final String BEAN = "audit";
  private static final int LARGEST_COMMIT = 2_048;
  private static final int LARGEST_DELETION = 5_000;
  private static final Duration LONGEST_WAIT = Duration.ofSeconds(15);
  private static final SecureRandom RANDOM = new SecureRandom();

  private final Database database;
  private final String trustDomain;
  private final HeadFile headFile;
  private final InstantSource clock;
  private final MeterRegistry meters;
  private final Timer appended;
  private final Queue<Waiting> waiting = new ConcurrentLinkedQueue<>();
  private final ReentrantLock committing = new ReentrantLock();
  private volatile ChainSegment segment;
  private volatile Head head;
  private volatile Instant headAt;
  private volatile Optional<Reason> finding = Optional.empty();
  private volatile Optional<Reason> headTrouble = Optional.empty();

  private Audit(
      Database database,
      String trustDomain,
      HeadFile headFile,
      InstantSource clock,
      MeterRegistry meters) {
    this.database = database;
    this.trustDomain = trustDomain;
    this.headFile = headFile;
    this.clock = clock;
    this.meters = meters;
    this.appended =
        Timer.builder("serai.audit.append")
            .description("Time until records that wait for the disk are on it")
            .register(meters);
    Gauge.builder("serai.audit.head.age", this, Audit::headAgeSeconds)
        .description("Time since the last record")
        .baseUnit("seconds")
        .register(meters);
    Gauge.builder("serai.audit.intact", this, a -> a.trouble().isEmpty() ? 1 : 0)
        .description("1 while the log is as it was left and its head can be written")
        .register(meters);
  }

  /** The one of this process; opened by whichever role asks first. */
  public static Audit of(RoleContext context) {
    synchronized (BEAN) {
      return find(context)
          .orElseGet(
              () -> {
                Audit opened =
                    open(
                        context.database(),
                        context.settings().text("serai.trust-domain"),
                        new HeadFile(context.stateDir().resolve(HeadFile.NAME)),
                        context.clock(),
                        context.meters());
                context.bind(BEAN, opened);
                return opened;
              });
    }
  }

  /** Empty in a process whose roles keep no log. */
  public static Optional<Audit> find(RoleContext context) {
    return Optional.ofNullable(
        context.camel().getRegistry().lookupByNameAndType(BEAN, Audit.class));
  }

  /**
   * Takes the chain up where it ended. A log that does not end where the head file says is not
   * taken up: a new chain begins whose first record says so, and the finding stays until it is
   * pruned.
   */
  public static Audit open(
      Database database,
      String trustDomain,
      HeadFile headFile,
      InstantSource clock,
      MeterRegistry meters) {
    Audit audit = new Audit(database, trustDomain, headFile, clock, meters);
    database.write(
        connection -> {
          audit.takeUp(connection);
          return null;
        });
    return audit;
  }

  private void takeUp(Connection connection) throws SQLException {
    List<ChainSegment> segments = AuditTable.segments(connection);
    Optional<AuditRecord> last = AuditTable.last(connection);
    Optional<Head> left = headFile.read();
    Optional<Reason> wrong = wrong(connection, segments, last, left);
    if (wrong.isEmpty() && !segments.isEmpty() && last.isPresent()) {
      segment = segments.get(segments.size() - 1);
      head = new Head(segment.chainId(), last.get().sequence(), last.get().hash());
      headAt = last.get().at();
      headFile.write(head);
      return;
    }
    Bytes hash = last.map(AuditRecord::hash).orElse(Bytes.EMPTY);
    long sequence = last.map(AuditRecord::sequence).orElse(0L);
    String chain = segments.isEmpty() ? "" : segments.get(segments.size() - 1).chainId();
    long first = Math.max(sequence, left.map(Head::sequence).orElse(0L)) + 1;
    begin(
        connection,
        wrong.isEmpty() ? ChainSegment.Cause.NEW : ChainSegment.Cause.BROKEN,
        first,
        chain,
        sequence,
        hash);
    if (wrong.isEmpty()) {
      append(connection, AuditEvent.of(AuditKind.AUDIT_BEGUN, segment.chainId()));
    } else {
      finding = wrong;
      LOG.error(
          "audit code={} detail=\"{}\" new-chain={}",
          wrong.get().code(),
          wrong.get().detail(),
          segment.chainId());
      append(
          connection,
          AuditEvent.of(AuditKind.AUDIT_BROKEN, segment.chainId())
              .because(wrong.get().code())
              .with("found", sequence + ":" + hash.toHex())
              .with("expected", left.map(Head::toString).orElse("")));
    }
  }

  private static Optional<Reason> wrong(
      Connection connection,
      List<ChainSegment> segments,
      Optional<AuditRecord> last,
      Optional<Head> left)
      throws SQLException {
    long end = last.map(AuditRecord::sequence).orElse(0L);
    if (left.isEmpty()) {
      return last.isEmpty() && segments.isEmpty()
          ? Optional.empty()
          : Optional.of(
              new Reason(
                  ReasonCode.AUDIT_TRUNCATED, "the file with the last hash is gone or unreadable"));
    }
    if (left.get().sequence() > end) {
      return Optional.of(
          new Reason(
              ReasonCode.AUDIT_TRUNCATED,
              "ends at %d, was at %d".formatted(end, left.get().sequence())));
    }
    Optional<AuditRecord> known = AuditTable.at(connection, left.get().sequence());
    boolean same = known.filter(record -> record.hash().equals(left.get().hash())).isPresent();
    boolean pruned =
        known.isEmpty()
            && AuditTable.floor(connection)
                .filter(floor -> floor.sequence() >= left.get().sequence())
                .isPresent();
    if (!same && !pruned) {
      return Optional.of(
          new Reason(
              ReasonCode.AUDIT_CHAIN_BROKEN,
              "record %d is another one".formatted(left.get().sequence())));
    }
    return segments.isEmpty()
        ? Optional.of(new Reason(ReasonCode.AUDIT_CHAIN_BROKEN, "records without a chain"))
        : Optional.empty();
  }

  private void begin(
      Connection connection,
      ChainSegment.Cause cause,
      long first,
      String previousChain,
      long previousSequence,
      Bytes previousHash)
      throws SQLException {
    byte[] id = new byte[16];
    RANDOM.nextBytes(id);
    segment =
        new ChainSegment(
            HexFormat.of().formatHex(id),
            first,
            trustDomain,
            Instant.ofEpochMilli(clock.millis()),
            cause,
            previousChain,
            previousSequence,
            previousHash);
    AuditTable.insert(connection, segment);
  }

  /**
   * Records within a write transaction of the caller's: both are on disk or neither.
   *
   * @param connection of that transaction
   */
  public void append(Connection connection, AuditEvent... events) throws SQLException {
    List<Stamped> stamped = new ArrayList<>();
    for (AuditEvent event : events) {
      stamped.add(stamped(event));
    }
    insert(connection, stamped);
  }

  /**
   * Records and waits for the disk. Inside a write transaction of this thread it is part of that.
   *
   * @throws RefusalException AUDIT_UNAVAILABLE; nothing may be handed out then
   */
  public void append(AuditEvent... events) {
    append(List.of(events));
  }

  /** The same. */
  public void append(Collection<AuditEvent> events) {
    if (events.isEmpty()) {
      return;
    }
    Waiting mine = new Waiting(events.stream().map(this::stamped).toList());
    if (database.isWriting()) {
      commit(List.of(mine));
      if (mine.failure != null) {
        throw unavailable(mine.failure);
      }
      return;
    }
    appended.record(
        () -> {
          waiting.add(mine);
          takeTurn(mine);
        });
    if (mine.failure != null) {
      throw unavailable(mine.failure);
    }
  }

  /** Whoever's turn it is writes for all that wait. */
  private void takeTurn(Waiting mine) {
    try {
      if (!committing.tryLock(LONGEST_WAIT.toMillis(), TimeUnit.MILLISECONDS)) {
        if (!mine.done) {
          waiting.remove(mine);
          mine.failure = new DatabaseException("no turn to write the audit log in time", null);
        }
        return;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      waiting.remove(mine);
      mine.failure = new DatabaseException("interrupted while waiting for the audit log", e);
      return;
    }
    try {
      while (!mine.done) {
        try (Deadline.Scope everybodys = Deadline.enter(Optional.empty())) {
          commit(drained()); // not by the deadline of whoever's turn it is
        }
      }
    } finally {
      committing.unlock();
    }
  }

  private List<Waiting> drained() {
    List<Waiting> batch = new ArrayList<>();
    int events = 0;
    while (events < LARGEST_COMMIT) {
      Waiting next = waiting.poll();
      if (next == null) {
        break;
      }
      batch.add(next);
      events += next.events.size();
    }
    return batch;
  }

  private void commit(List<Waiting> batch) {
    try {
      database.write(
          connection -> {
            insert(connection, batch.stream().flatMap(one -> one.events.stream()).toList());
            return null;
          });
    } catch (RuntimeException e) {
      batch.forEach(one -> one.failure = e);
    } finally {
      batch.forEach(one -> one.done = true);
    }
  }

  private Counter counter(AuditKind kind) {
    return Meters.counter(
        meters, "serai.audit.records", "Records of the audit log", "kind", kind.word());
  }

  private static RefusalException unavailable(RuntimeException cause) {
    return new RefusalException(
        ReasonCode.AUDIT_UNAVAILABLE, ReasonCode.AUDIT_UNAVAILABLE.what(), cause);
  }

  /** Somebody's records, and what came of them. */
  private static final class Waiting {
    private final List<Stamped> events;
    private volatile boolean done;
    private volatile RuntimeException failure;

    Waiting(List<Stamped> events) {
      this.events = events;
    }
  }

  /** An event with what only its own thread knows. */
  private record Stamped(AuditEvent event, Instant at, String actor, String trace) {}

  private Stamped stamped(AuditEvent event) {
    String trace = MDC.get(TraceId.VARIABLE);
    return new Stamped(
        event,
        Instant.ofEpochMilli(clock.millis()),
        AuditEvent.lawful(Acting.now().orElse(event.kind().actor())),
        trace == null ? "" : AuditEvent.lawful(trace));
  }

  private void insert(Connection connection, List<Stamped> events) throws SQLException {
    if (events.isEmpty()) {
      return;
    }
    Optional<AuditRecord> last = AuditTable.last(connection);
    boolean first = last.isEmpty() || last.get().sequence() < segment.firstSequence();
    long sequence = first ? segment.firstSequence() : last.get().sequence() + 1;
    Bytes previous = first ? ChainHash.ofSegment(segment) : last.get().hash();
    List<AuditRecord> records = new ArrayList<>();
    for (Stamped event : events) {
      AuditRecord record = record(event, sequence, previous);
      records.add(record);
      previous = record.hash();
      sequence++;
    }
    AuditTable.insert(connection, records);
    AuditRecord end = records.get(records.size() - 1);
    database.afterCommit(() -> committed(end, events));
  }

  private AuditRecord record(Stamped stamped, long sequence, Bytes previous) {
    AuditEvent event = stamped.event();
    AuditRecord open =
        new AuditRecord(
            sequence,
            stamped.at(),
            event.kind().word(),
            event.subject(),
            stamped.actor(),
            stamped.trace(),
            event.reasons().stream().map(Enum::name).collect(Collectors.joining(",")),
            event.detailText(),
            Bytes.EMPTY);
    return new AuditRecord(
        sequence,
        open.at(),
        open.kind(),
        open.subject(),
        open.actor(),
        open.trace(),
        open.reasons(),
        open.detail(),
        ChainHash.ofRecord(segment.chainId(), previous, open));
  }

  private void committed(AuditRecord end, List<Stamped> events) {
    head = new Head(segment.chainId(), end.sequence(), end.hash());
    headAt = end.at();
    for (Stamped one : events) {
      counter(one.event().kind()).increment();
    }
    try {
      if (finding.isPresent() && end.sequence() == segment.firstSequence()) {
        headFile.replace(head);
      } else {
        headFile.write(head);
      }
      headTrouble = Optional.empty();
    } catch (RuntimeException e) {
      if (headTrouble.isEmpty()) {
        LOG.error("audit head cannot be written: {}", e.getMessage());
      }
      headTrouble =
          Optional.of(
              new Reason(ReasonCode.AUDIT_UNAVAILABLE, "the last hash cannot be written outside"));
    }
  }

  /**
   * A restored database goes on in a new chain that names where the backup's ended, and is not what
   * the machine had.
   *
   * @param restored says what was restored over what
   */
  public void beginAfterRestore(AuditEvent restored) {
    database.write(
        connection -> {
          Head ended = head;
          begin(
              connection,
              ChainSegment.Cause.RESTORED,
              ended == null ? segment.firstSequence() : ended.sequence() + 1,
              ended == null ? "" : ended.chainId(),
              ended == null ? 0 : ended.sequence(),
              ended == null ? Bytes.EMPTY : ended.hash());
          append(connection, restored);
          return null;
        });
  }

  /**
   * Keeps where the chain stands now, signed if there is a signer that can. Nothing to do when
   * nothing but the last checkpoint was recorded since.
   */
  public Optional<Checkpoint> checkpoint(Optional<CheckpointSigner> signer) {
    Head now = head;
    Optional<Checkpoint> last = database.read(AuditTable::lastCheckpoint);
    if (now == null || last.filter(c -> c.sequence() >= now.sequence() - 1).isPresent()) {
      return Optional.empty();
    }
    Checkpoint checkpoint =
        new Checkpoint(
            now.sequence(),
            now.chainId(),
            now.hash(),
            clock.instant(),
            false,
            signer.map(s -> s.sign(now.chainId(), now.sequence(), now.hash())));
    database.write(
        connection -> {
          AuditTable.save(connection, checkpoint);
          append(
              connection,
              AuditEvent.of(AuditKind.AUDIT_CHECKPOINT, now.toString())
                  .with("signed", checkpoint.signed().isPresent()));
          return null;
        });
    return Optional.of(checkpoint);
  }

  /**
   * Removes records older than this, up to a checkpoint that stays. The log says so before they go;
   * the answer is how many went now.
   */
  public int prune(Instant before) {
    return prune(before, Long.MAX_VALUE);
  }

  /** How many records there are, or a few more: where a chain ended numbers may be left out. */
  long size() {
    return head == null
        ? 0
        : head.sequence() - database.read(AuditTable::floor).map(Checkpoint::sequence).orElse(0L);
  }

  /**
   * The same, and of what is older not more than this.
   *
   * @param most how many records may go
   */
  int prune(Instant before, long most) {
    database.write(
        connection -> {
          long floor = AuditTable.floor(connection).map(Checkpoint::sequence).orElse(0L);
          Optional<AuditRecord> old = AuditTable.lastBefore(connection, before);
          if (old.isPresent() && old.get().sequence() - floor > most) {
            old = AuditTable.lastUpTo(connection, floor + most);
          }
          if (old.isEmpty()
              || old.get().sequence() <= floor
              || old.get().sequence() >= head.sequence()) {
            return null;
          }
          AuditRecord end = old.get();
          long through = end.sequence();
          AuditTable.save(
              connection,
              new Checkpoint(
                  through,
                  chainOf(connection, through),
                  end.hash(),
                  clock.instant(),
                  true,
                  Optional.empty()));
          append(
              connection,
              AuditEvent.of(AuditKind.AUDIT_PRUNED, through + ":" + end.hash().toHex())
                  .with("through", through));
          return null;
        });
    Optional<Checkpoint> floor = database.read(AuditTable::floor);
    int gone = 0;
    while (floor.isPresent()) {
      long through = floor.get().sequence();
      int now =
          database.write(
              connection -> AuditTable.deleteUpTo(connection, through, LARGEST_DELETION));
      gone += now;
      if (now < LARGEST_DELETION) {
        break;
      }
    }
    return gone;
  }

  private static String chainOf(Connection connection, long sequence) throws SQLException {
    String chain = "";
    for (ChainSegment one : AuditTable.segments(connection)) {
      if (one.firstSequence() <= sequence) {
        chain = one.chainId();
      }
    }
    return chain;
  }

  /** Where the chain ends; empty before the first record. */
  public Optional<Head> head() {
    return Optional.ofNullable(head);
  }

  /** What was found wrong at the start, or that the head cannot be written. */
  public Optional<Reason> trouble() {
    return finding.isPresent() ? finding : headTrouble;
  }

  /** Short facts for health. From memory. */
  public String fact() {
    Head now = head;
    String at = now == null ? "empty" : "at " + now.sequence();
    return trouble().map(reason -> reason.code() + ", " + at).orElse("intact, " + at);
  }

  /** The last record of a kind that is still there; not of watch verdicts, which have no index. */
  public Optional<AuditRecord> lastOf(AuditKind kind) {
    return database.read(connection -> AuditTable.lastOf(connection, kind.word()));
  }

  private double headAgeSeconds() {
    Instant at = headAt;
    return at == null ? Double.NaN : Duration.between(at, clock.instant()).toMillis() / 1000.0;
  }
}
