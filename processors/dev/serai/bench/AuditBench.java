package dev.serai.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.serai.audit.Audit;
import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;
import dev.serai.audit.HeadFile;
import dev.serai.issuing.IssuingKernel;
import dev.serai.signing.Signatures;
import dev.serai.store.Database;
import dev.serai.store.SqliteDatabase;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.DoubleStream;
import org.bouncycastle.operator.OperatorCreationException;

/**
 * Records that are waited for, by one caller and by many at once; the same records within one
 * transaction; and a request for an SVID with and without its record on disk.
 */
public final class AuditBench {
  private static final int CALLERS = 32;
  private static final int REQUESTS = 400;
  private static final Duration ROUND = Duration.ofSeconds(3);

  private AuditBench() {}

  /** One line of JSON. */
  public static String run() {
    Path directory;
    try {
      directory = Files.createTempDirectory("serai-bench");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    try (Database database = SqliteDatabase.open(directory.resolve("bench.db"))) {
      Audit audit =
          Audit.open(
              database,
              "bench.example",
              new HeadFile(directory.resolve(HeadFile.NAME)),
              Clock.systemUTC(),
              new SimpleMeterRegistry());
      ObjectNode line = new ObjectMapper().createObjectNode().put("bench", "audit");
      perSecond(audit, 1); // warm
      line.put("appends_per_second_1_caller", perSecond(audit, 1));
      line.put("appends_per_second_" + CALLERS + "_callers", perSecond(audit, CALLERS));
      line.put("records_per_second_in_one_transaction", inOneTransaction(database, audit));
      line.put(
          "bytes_per_record",
          Files.size(directory.resolve("bench.db")) / audit.head().orElseThrow().sequence());
      requests(database, directory, line);
      return line.toString();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (GeneralSecurityException | OperatorCreationException e) {
      throw new IllegalStateException("this Java has no P-256", e);
    } finally {
      IssuingBench.delete(directory);
    }
  }

  private static AuditEvent event() {
    return AuditEvent.of(AuditKind.WATCH_VERDICT, "b2c3f0d0-7e36-8763-9f18-445aaf18fd33")
        .with("policy", "demo")
        .with("state", "TRUSTED")
        .with("trusted", true);
  }

  private static long perSecond(Audit audit, int callers) {
    ExecutorService threads = Executors.newFixedThreadPool(callers);
    try {
      long end = System.nanoTime() + ROUND.toNanos();
      List<Future<Integer>> counts = new ArrayList<>();
      for (int i = 0; i < callers; i++) {
        counts.add(
            threads.submit(
                () -> {
                  int count = 0;
                  while (System.nanoTime() < end) {
                    audit.append(event());
                    count++;
                  }
                  return count;
                }));
      }
      long all = 0;
      for (Future<Integer> count : counts) {
        all += count.get();
      }
      return all / ROUND.toSeconds();
    } catch (InterruptedException | ExecutionException e) {
      throw new IllegalStateException(e);
    } finally {
      threads.shutdownNow();
    }
  }

  private static long inOneTransaction(Database database, Audit audit) {
    int count = 20_000;
    long start = System.nanoTime();
    database.write(
        connection -> {
          for (int i = 0; i < count; i++) {
            audit.append(connection, event());
          }
          return null;
        });
    return count * TimeUnit.SECONDS.toNanos(1) / (System.nanoTime() - start);
  }

  private static void requests(Database database, Path directory, ObjectNode line)
      throws GeneralSecurityException, OperatorCreationException, IOException {
    KeyPair key = IssuingBench.newKey();
    IssuingKernel kernel =
        IssuingKernel.open(database, directory, Signatures.fastest(), IssuingBench.csr(key));
    double[] without = new double[REQUESTS];
    double[] with = new double[REQUESTS];
    for (int i = -REQUESTS / 4; i < REQUESTS; i++) {
      double bare = micros(kernel::issue);
      double recorded = micros(kernel::issueRecorded);
      if (i >= 0) {
        without[i] = bare;
        with[i] = recorded;
      }
    }
    line.put("request_us_unrecorded", median(without));
    line.put("request_us_recorded", median(with));
    line.put("added_us_per_request", median(with) - median(without));
  }

  private static double micros(Runnable work) {
    long start = System.nanoTime();
    work.run();
    return (System.nanoTime() - start) / 1000.0;
  }

  private static long median(double[] values) {
    double[] sorted = DoubleStream.of(values).sorted().toArray();
    return Math.round(sorted[sorted.length / 2]);
  }
}
