package dev.serai.location.sensor;

import dev.serai.deadline.Deadline;
import dev.serai.location.LocationReading;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.Meters;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;

/**
 * The sensors of this machine in their order: the first that gives a usable reading is the one.
 * Each has a thread of its own while it is read, and at most one; who asks meanwhile waits for the
 * same answer, and only as long as a read may take. Safe for use from any thread.
 */
public final class LocationSensors {
  /** A reading from so far in the future is a wrong clock, not a fresh reading. */
  private static final Duration CLOCK_TOLERANCE = Duration.ofSeconds(30);

  private static final List<ReasonCode> FAULTS =
      List.of(
          ReasonCode.LOCATION_SENSOR_MISSING,
          ReasonCode.LOCATION_SENSOR_INVALID,
          ReasonCode.LOCATION_NO_FIX,
          ReasonCode.LOCATION_STALE,
          ReasonCode.DEADLINE_EXCEEDED,
          ReasonCode.INTERNAL_ERROR);

  /** Callers from outside that wait at once: fewer than a listener has threads. */
  private static final int MOST_CALLERS = 2;

  private final Semaphore callers = new Semaphore(MOST_CALLERS);
  private final List<Slot> slots;
  private final Duration readTimeout;
  private final Duration maxAge;
  private final InstantSource clock;
  private final MeterRegistry meters;
  private final AtomicReference<Optional<Instant>> lastTaken =
      new AtomicReference<>(Optional.empty());

  /**
   * @param readTimeout of one sensor
   * @param maxAge an older reading is refused
   */
  public LocationSensors(
      List<LocationSensor> sensors,
      Duration readTimeout,
      Duration maxAge,
      InstantSource clock,
      MeterRegistry meters) {
    this.slots = sensors.stream().map(sensor -> new Slot(sensor, meters)).toList();
    this.readTimeout = readTimeout;
    this.maxAge = maxAge;
    this.clock = clock;
    this.meters = meters;
    if (!slots.isEmpty()) {
      Meters.expiry(
          meters,
          "serai.location.reading.timestamp",
          "When the last usable location was taken by its sensor",
          lastTaken::get);
    }
    slots.forEach(slot -> FAULTS.forEach(code -> count(slot, code.name(), 0)));
    slots.forEach(slot -> count(slot, "OK", 0));
  }

  private void count(Slot slot, String result, int by) {
    Meters.counter(
            meters,
            "serai.location.reads",
            "Readings asked of a location sensor, by what came of it",
            "sensor",
            slot.sensor.name(),
            "result",
            result)
        .increment(by);
  }

  /** There is at least one. */
  public boolean configured() {
    return !slots.isEmpty();
  }

  /**
   * The same for callers from outside: however slow a sensor is, few of them wait for it, and
   * whatever else their listener serves goes on.
   *
   * @throws RefusalException OVERLOADED when others wait already
   */
  public LocationReading readForPeer() {
    if (!callers.tryAcquire()) {
      throw new RefusalException(
          ReasonCode.OVERLOADED, "others wait for the location sensor already");
    }
    try {
      return read();
    } finally {
      callers.release();
    }
  }

  /**
   * A reading that is fresh enough.
   *
   * @throws RefusalException with the reason of the first sensor when none has one
   */
  public LocationReading read() {
    if (slots.isEmpty()) {
      throw new RefusalException(
          ReasonCode.LOCATION_OFF, "serai.agent.location.sensors names no sensor");
    }
    RefusalException first = null;
    for (Slot slot : slots) {
      try {
        LocationReading reading = fresh(slot.ask(Deadline.within(readTimeout)), slot);
        lastTaken.set(Optional.of(reading.takenAt()));
        count(slot, "OK", 1);
        return reading;
      } catch (RefusalException e) {
        ReasonCode code = e.reason().code();
        count(slot, (FAULTS.contains(code) ? code : ReasonCode.INTERNAL_ERROR).name(), 1);
        first = first == null ? e : first;
      }
    }
    throw first;
  }

  private LocationReading fresh(LocationReading reading, Slot slot) {
    Duration age = reading.age(clock.instant());
    if (age.compareTo(maxAge) > 0) {
      throw new RefusalException(
          ReasonCode.LOCATION_STALE,
          "%s: taken %d s ago, at most %d s are allowed"
              .formatted(slot.sensor.name(), age.toSeconds(), maxAge.toSeconds()));
    }
    if (age.compareTo(CLOCK_TOLERANCE.negated()) < 0) {
      throw new RefusalException(
          ReasonCode.LOCATION_STALE,
          "%s: taken %d s in the future".formatted(slot.sensor.name(), age.negated().toSeconds()));
    }
    return reading;
  }

  /** One sensor and the read that is under way. */
  private final class Slot {
    private final LocationSensor sensor;
    private final Timer timer;
    private CompletableFuture<LocationReading> underWay;
    private Deadline until;

    private Slot(LocationSensor sensor, MeterRegistry meters) {
      this.sensor = sensor;
      this.timer =
          Meters.timer(
              meters,
              "serai.location.read",
              "Time of one read of a location sensor",
              "sensor",
              sensor.name());
    }

    LocationReading ask(Duration within) {
      CompletableFuture<LocationReading> answer = join();
      try {
        return answer.get(within.toMillis(), TimeUnit.MILLISECONDS);
      } catch (TimeoutException e) {
        throw silent(e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new RefusalException(ReasonCode.NOT_RUNNING, "the process is stopping", e);
      } catch (ExecutionException e) {
        if (e.getCause() instanceof RefusalException refusal) {
          Reason reason = refusal.reason();
          throw new RefusalException(
              reason.code(), sensor.name() + ": " + reason.detail(), refusal);
        }
        if (e.getCause() instanceof IllegalArgumentException wrong) { // no reading can say that
          throw Refusals.invalid(sensor.name() + ": " + wrong.getMessage(), wrong);
        }
        throw new RefusalException(
            ReasonCode.INTERNAL_ERROR, sensor.name() + ": " + e.getCause(), e.getCause());
      }
    }

    private RefusalException silent(Throwable cause) {
      return new RefusalException(
          ReasonCode.DEADLINE_EXCEEDED, sensor.name() + ": the sensor does not answer", cause);
    }

    /** The read under way, or a new one; one that hangs is not waited for again. */
    private synchronized CompletableFuture<LocationReading> join() {
      if (underWay != null && !underWay.isDone()) {
        if (until.passed()) {
          throw silent(null);
        }
        return underWay;
      }
      CompletableFuture<LocationReading> answer = new CompletableFuture<>();
      underWay = answer;
      until = Deadline.in(readTimeout);
      Thread thread = new Thread(() -> work(answer), "location-" + sensor.name());
      thread.setDaemon(true);
      thread.start();
      return answer;
    }

    private void work(CompletableFuture<LocationReading> answer) {
      try {
        answer.complete(timer.recordCallable(() -> sensor.read(readTimeout)));
      } catch (Exception | Error e) {
        answer.completeExceptionally(e);
      }
    }
  }
}
