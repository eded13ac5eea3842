package dev.serai.app;

import dev.serai.role.Meters;
import dev.serai.store.Database;
import dev.serai.store.DatabaseException;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.util.function.Supplier;

/**
 * Times and counts the transactions of a database. Work inside other work is part of that, and
 * counted once.
 */
final class MeasuredDatabase implements Database {
  private final Database database;
  private final Timer reads;
  private final Timer writes;
  private final Counter failedReads;
  private final Counter failedWrites;
  private final ThreadLocal<Boolean> inside = ThreadLocal.withInitial(() -> false);

  MeasuredDatabase(Database database, MeterRegistry meters) {
    this.database = database;
    this.reads = timer(meters, "read");
    this.writes = timer(meters, "write");
    this.failedReads = failures(meters, "read");
    this.failedWrites = failures(meters, "write");
  }

  private static Timer timer(MeterRegistry meters, String operation) {
    return Meters.timer(
        meters,
        "serai.database",
        "Time of one transaction, waiting for its turn included",
        "operation",
        operation);
  }

  private static Counter failures(MeterRegistry meters, String operation) {
    return Meters.counter(
        meters,
        "serai.database.failures",
        "Transactions that failed by the database",
        "operation",
        operation);
  }

  @Override
  public <T> T read(Work<T> work) {
    return measured(reads, failedReads, () -> database.read(work));
  }

  @Override
  public <T> T write(Work<T> work) {
    return measured(writes, failedWrites, () -> database.write(work));
  }

  @Override
  public <T> T writeStep(Work<T> work) {
    return measured(writes, failedWrites, () -> database.writeStep(work));
  }

  private <T> T measured(Timer timer, Counter failures, Supplier<T> work) {
    if (inside.get()) {
      return work.get();
    }
    inside.set(true);
    try {
      return timer.record(work);
    } catch (DatabaseException e) {
      failures.increment();
      throw e;
    } finally {
      inside.remove();
    }
  }

  @Override
  public boolean isWriting() {
    return database.isWriting();
  }

  @Override
  public void afterCommit(Runnable action) {
    database.afterCommit(action);
  }

  @Override
  public void close() {
    database.close();
  }
}
