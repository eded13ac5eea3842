package dev.serai.tpm.tss;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.KeyRef;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.TpmClock;
import dev.serai.tpm.TpmException;
import dev.serai.tpm.TpmException.Fault;
import dev.serai.tpm.TpmProperties;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.CredentialBlob;
import dev.serai.tpm.wire.PcrSelection;
import dev.serai.tpm.wire.TpmtPublic;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * The TPM of this machine through libtss2. One owner thread makes every call, in the order they
 * came, on one ESYS context.
 *
 * <p>Nothing in libtss2 bounds a call, and a native call cannot be interrupted. So the caller waits
 * with a deadline; when it passes while the call is under way, the owner thread is given up as lost
 * and another one with a new context takes over. A lost thread that comes back takes its keys out
 * of the TPM and ends. While too many are lost, every call is refused at once.
 *
 * <p>After a transport error the context is made anew, at once when the operation may be repeated,
 * else for the next call. Keys come back by themselves: a {@link KeyRef} says how to make them.
 *
 * <p>Safe for use from any thread. After {@link #close()} nothing of ours is loaded in the TPM.
 */
public final class TssTpm implements Tpm {
  private static final int MAX_WAITING = 1024;
  private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(5);

  private final TpmOptions options;
  private final BlockingQueue<Call<?>> calls = new LinkedBlockingQueue<>(MAX_WAITING);
  private final Object lock = new Object();
  private final Attachment attachment;
  private volatile Set<KeyRef> loaded = Set.of();
  private volatile String place;
  // Guarded by lock.
  private Owner owner;
  private int lost;

  /** What only a TPM that answers can say. */
  private static final Set<Fault> ANSWERS =
      EnumSet.of(
          Fault.AUTH,
          Fault.LOCKOUT,
          Fault.RESOURCES,
          Fault.STALE_KEY,
          Fault.INTEGRITY,
          Fault.RETRY,
          Fault.COMMAND);

  private Optional<TpmException> silence = Optional.empty();
  private boolean closed;
  private Orphans orphans = Orphans.NONE;

  private TssTpm(TpmOptions options) {
    this.options = options;
    this.attachment = new Attachment(options.managerPatience());
    this.place = options.tcti().orElse(options.machine().resourceManager().toString());
  }

  /**
   * Opens the TPM now.
   *
   * @throws TpmException when there is none that answers; its fault says which kind of trouble
   */
  public static TssTpm open(TpmOptions options) {
    TssTpm tpm = lazy(options);
    try {
      tpm.call("open", options.commandDeadline(), true, session -> session.loadedHandles());
      return tpm;
    } catch (RuntimeException | Error e) {
      tpm.close();
      throw e;
    }
  }

  /** Opens the TPM with the first call. A call without a TPM fails; the next one tries again. */
  public static TssTpm lazy(TpmOptions options) {
    return new TssTpm(options);
  }

  @Override
  public TpmProperties properties() {
    return command("properties", TpmSession::properties);
  }

  @Override
  public Bytes random(int count) {
    if (count < 0 || count > 4096) {
      throw new TpmException(Fault.COMMAND, 0, "%d random bytes".formatted(count));
    }
    return command("random", session -> session.random(count));
  }

  @Override
  public Map<TpmHash, SortedMap<Integer, Bytes>> readPcrs(PcrSelection selection) {
    return command("pcrread", session -> session.readPcrs(selection));
  }

  @Override
  public void extendPcr(int pcr, TpmHash bank, Bytes digest) {
    call(
        "pcrextend",
        options.commandDeadline(),
        false,
        session -> {
          session.extendPcr(pcr, bank, digest);
          return true;
        });
  }

  @Override
  public void resetPcr(int pcr) {
    command(
        "pcrreset",
        session -> {
          session.resetPcr(pcr);
          return true;
        });
  }

  @Override
  public TpmClock clock() {
    return command("clock", TpmSession::clock);
  }

  @Override
  public Bytes readNv(int index) {
    return command("nvread", session -> session.readNv(index));
  }

  @Override
  public List<Bytes> endorsementCertificates(KeyRef.Endorsement ek) {
    return call(
        "ekcertificates",
        options.keyDeadline(),
        true,
        session -> session.endorsementCertificates(ek));
  }

  @Override
  public TpmtPublic publicArea(KeyRef key) {
    return call("publicarea", options.keyDeadline(), true, session -> session.publicArea(key));
  }

  @Override
  public KeyRef.App createAppKey(AppKeyType type) {
    return call("createkey", options.keyDeadline(), true, session -> session.createAppKey(type));
  }

  @Override
  public Bytes activateCredential(
      KeyRef.Attestation ak, KeyRef.Endorsement ek, CredentialBlob blob) {
    return call(
        "activate", bound(ak, ek), true, session -> session.activateCredential(ak, ek, blob));
  }

  @Override
  public Attested certify(KeyRef subject, KeyRef.Attestation ak, Bytes qualifyingData) {
    return call(
        "certify",
        bound(subject, ak),
        true,
        session -> session.certify(subject, ak, qualifyingData));
  }

  @Override
  public Attested quote(KeyRef.Attestation ak, PcrSelection selection, Bytes qualifyingData) {
    return call("quote", bound(ak), true, session -> session.quote(ak, selection, qualifyingData));
  }

  @Override
  public Bytes sign(KeyRef.App key, SignScheme scheme, Bytes digest) {
    return call("sign", bound(key), true, session -> session.sign(key, scheme, digest));
  }

  @Override
  public void check() {
    command(
        "check",
        session -> {
          session.check(options.machine());
          return true;
        });
  }

  /**
   * Lets the call under way finish, refuses those that wait, takes our keys out of the TPM. Waits a
   * few seconds at most.
   */
  @Override
  public void close() {
    Owner last;
    synchronized (lock) {
      if (closed) {
        return;
      }
      closed = true;
      last = owner;
      owner = null;
    }
    if (last != null) {
      last.interrupt();
      try {
        last.join(CLOSE_PATIENCE.toMillis());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    refuseWaiting(TssTpm::closedException);
  }

  private void refuseWaiting(Supplier<TpmException> why) {
    for (Call<?> call = calls.poll(); call != null; call = calls.poll()) {
      call.answer.completeExceptionally(why.get());
    }
  }

  private static TpmException closedException() {
    return new TpmException(Fault.UNAVAILABLE, 0, "this TPM was closed");
  }

  private Duration bound(KeyRef... keys) {
    return loaded.containsAll(List.of(keys)) ? options.commandDeadline() : options.keyDeadline();
  }

  private <T> T command(String operation, Function<TpmSession, T> body) {
    return call(operation, options.commandDeadline(), true, body);
  }

  /**
   * @param repeatable sent twice, it does no harm
   */
  private <T> T call(
      String operation, Duration bound, boolean repeatable, Function<TpmSession, T> body) {
    long started = System.nanoTime();
    Call<T> call = new Call<>(operation, started + bound.toNanos(), repeatable, body);
    Duration patience =
        options.listener().patience().filter(p -> p.compareTo(bound) < 0).orElse(bound);
    try {
      enqueue(call);
      T answer = await(call, bound, started + patience.toNanos());
      report(operation, Optional.empty(), started);
      return answer;
    } catch (TpmException e) {
      report(operation, Optional.of(e.fault()), started);
      throw e;
    }
  }

  private void report(String operation, Optional<Fault> fault, long started) {
    options.listener().finished(operation, fault, Duration.ofNanos(System.nanoTime() - started));
  }

  private void enqueue(Call<?> call) {
    synchronized (lock) {
      if (closed) {
        throw closedException();
      }
      if (lost >= options.maxLostThreads()) {
        throw silence.orElseGet(() -> wedged(Optional.empty())).again();
      }
      if (owner == null) {
        owner = new Owner();
        owner.start();
      }
      if (!calls.offer(call)) {
        throw new TpmException(Fault.UNAVAILABLE, 0, MAX_WAITING + " calls wait for the TPM");
      }
    }
  }

  /**
   * @param leaves when the caller goes, at the call's deadline or before it
   */
  private <T> T await(Call<T> call, Duration bound, long leaves) {
    try {
      return call.answer.get(leaves - System.nanoTime(), TimeUnit.NANOSECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof TpmException known) {
        // A new exception with the caller's stack; the owner's is the cause.
        throw known.again();
      }
      throw new IllegalStateException("TPM operation " + call.operation, e.getCause());
    } catch (TimeoutException e) {
      throw leaves - call.deadline < 0 ? leave(call) : abandon(call, bound);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      calls.remove(call);
      throw new TpmException(
          Fault.UNAVAILABLE, 0, call.operation + ": interrupted while waiting for the TPM", e);
    }
  }

  /** The caller goes before the TPM's time is over: no more is done for it, the owner goes on. */
  private TpmException leave(Call<?> call) {
    if (call.state.compareAndSet(Progress.WAITING, Progress.ABANDONED)) {
      calls.remove(call);
    }
    giveUpOverdue();
    synchronized (lock) {
      if (silence.isPresent()) {
        return silence.get().again(); // nothing was answered since a call that hung
      }
    }
    return new TpmException(
        Fault.EXPIRED,
        0,
        "%s: the caller's time was over before the TPM answered".formatted(call.operation));
  }

  /** A call that hangs may have lost its caller; whoever comes after it takes note. */
  private void giveUpOverdue() {
    Call<?> overdue;
    synchronized (lock) {
      overdue = owner == null ? null : owner.current;
      if (overdue == null || overdue.deadline - System.nanoTime() >= 0) {
        return;
      }
    }
    giveUp(
        overdue,
        wedged(Optional.of("%s: no answer from the TPM in its time".formatted(overdue.operation))));
  }

  /** The owner is lost if it still hangs in this call; another one goes on. */
  private void giveUp(Call<?> call, TpmException wedged) {
    synchronized (lock) {
      if (call.answer.isDone()) {
        return;
      }
      silence = Optional.of(wedged);
      if (owner == null || owner.current != call) {
        return;
      }
      owner.lost = true;
      owner = null;
      loaded = Set.of();
      lost++;
      if (lost >= options.maxLostThreads()) {
        refuseWaiting(wedged::again);
      } else if (!calls.isEmpty() && !closed) {
        owner = new Owner();
        owner.start();
      }
    }
  }

  private TpmException abandon(Call<?> call, Duration bound) {
    if (call.state.compareAndSet(Progress.WAITING, Progress.ABANDONED)) {
      calls.remove(call);
      giveUpOverdue();
      synchronized (lock) {
        if (silence.isPresent()) {
          return silence.get().again(); // nothing was answered since
        }
      }
      return new TpmException(
          Fault.TIMEOUT,
          0,
          "%s: waited %d ms behind other operations".formatted(call.operation, bound.toMillis()));
    }
    TpmException wedged =
        wedged(
            Optional.of(
                "%s: no answer from the TPM in %d ms".formatted(call.operation, bound.toMillis())));
    giveUp(call, wedged);
    return wedged;
  }

  private TpmException wedged(Optional<String> detail) {
    Throwable cause = detail.map(TimeoutException::new).orElse(null);
    return TctiChoice.wedged(place, options.machine(), cause);
  }

  private TctiChoice choose() {
    try {
      Libraries.requireJna();
      return TctiChoice.choose(
          options.tcti(), options.allowSoftware(), options.machine(), attachment.kind());
    } catch (TpmException e) {
      attachment.failed(e, System.nanoTime());
      throw e;
    }
  }

  /** Chooses a TPM and opens it. */
  private TpmSession openSession(long deadline) {
    TctiChoice choice = choose();
    place = choice.tcti();
    TpmSession opened = TpmSession.open(choice, deadline);
    attachment.opened(choice.kind());
    return opened;
  }

  private enum Progress {
    WAITING,
    RUNNING,
    ABANDONED
  }

  /** One operation on its way. */
  private static final class Call<T> {
    final String operation;
    final long deadline;
    final boolean repeatable;
    final Function<TpmSession, T> body;
    final CompletableFuture<T> answer = new CompletableFuture<>();
    final AtomicReference<Progress> state = new AtomicReference<>(Progress.WAITING);

    Call(String operation, long deadline, boolean repeatable, Function<TpmSession, T> body) {
      this.operation = operation;
      this.deadline = deadline;
      this.repeatable = repeatable;
      this.body = body;
    }
  }

  /** The thread that makes the calls, and its connection. */
  private final class Owner extends Thread {
    // Guarded by lock.
    private Call<?> current;
    private boolean lost;
    // This thread only.
    private TpmSession session;

    Owner() {
      super("tpm-owner");
      setDaemon(true);
    }

    @Override
    public void run() {
      try {
        while (serve()) {
          publish();
        }
      } finally {
        endSession();
        tidyUp();
        retire();
      }
    }

    /** False when this thread has to end. */
    private boolean serve() {
      Call<?> call;
      try {
        call = calls.take();
      } catch (InterruptedException e) {
        return false; // closed
      }
      synchronized (lock) {
        if (closed) {
          call.answer.completeExceptionally(closedException());
          return false;
        }
        current = call;
      }
      perform(call);
      synchronized (lock) {
        current = null;
        return !lost && !closed;
      }
    }

    private <T> void perform(Call<T> call) {
      if (!call.state.compareAndSet(Progress.WAITING, Progress.RUNNING)) {
        return;
      }
      try {
        T answer = run(call);
        synchronized (lock) {
          silence = Optional.empty();
        }
        call.answer.complete(answer);
      } catch (RuntimeException | Error e) {
        if (e instanceof TpmException refused && ANSWERS.contains(refused.fault())) {
          synchronized (lock) {
            silence = Optional.empty();
          }
        }
        call.answer.completeExceptionally(e);
      }
    }

    private <T> T run(Call<T> call) {
      boolean fresh = session == null;
      try {
        return attempt(call);
      } catch (TpmException e) {
        boolean again =
            !fresh
                && session == null
                && call.repeatable
                && e.fault() != Fault.CONFLICT
                && timeLeft(call);
        if (!again) {
          throw e;
        }
      }
      return attempt(call);
    }

    private <T> T attempt(Call<T> call) {
      try {
        if (session == null) {
          session = openSession(call.deadline);
          flushOrphans();
        }
        session.deadline(call.deadline);
        return call.body.apply(session);
      } catch (TpmException e) {
        if (e.fault() == Fault.CONFLICT) {
          endSession(); // what we hold is given back while that still can be done cleanly
        }
        throw e;
      } finally {
        if (session != null && session.dead()) {
          endSession();
        }
      }
    }

    private void flushOrphans() {
      Orphans left = takeOrphans();
      try {
        session.flush(left);
      } catch (TpmException e) {
        if (!session.dead()) {
          return; // they go when their slots are needed
        }
        synchronized (lock) {
          orphans = orphans.plus(left);
        }
        throw e;
      }
    }

    private Orphans takeOrphans() {
      synchronized (lock) {
        Orphans taken = orphans;
        orphans = Orphans.NONE;
        return taken;
      }
    }

    private void endSession() {
      if (session != null) {
        session.close();
        synchronized (lock) {
          orphans = orphans.plus(session.orphans());
        }
        session = null;
      }
    }

    /** The last one takes out what the contexts before it have left. */
    private void tidyUp() {
      Orphans left;
      synchronized (lock) {
        if (!closed || orphans.isEmpty()) {
          return;
        }
        left = takeOrphans();
      }
      long deadline = System.nanoTime() + options.commandDeadline().toNanos();
      try (TpmSession last = openSession(deadline)) {
        last.flush(left);
      } catch (TpmException e) {
        return; // the TPM is gone, and with it what it held
      }
    }

    private boolean timeLeft(Call<?> call) {
      synchronized (lock) {
        return !lost && call.deadline - System.nanoTime() > 0;
      }
    }

    private void publish() {
      synchronized (lock) {
        if (owner == this) {
          loaded = session == null ? Set.of() : session.loadedKeys();
        }
      }
    }

    private void retire() {
      synchronized (lock) {
        if (lost) {
          TssTpm.this.lost--;
        } else if (owner == this) {
          owner = null;
        }
        if (owner == null && !closed && !calls.isEmpty()) {
          owner = new Owner();
          owner.start();
        }
      }
    }
  }
}
