package dev.serai.torture;

import dev.serai.proto.serai.v1.ListNodesRequest;
import dev.serai.proto.serai.v1.NodesGrpc;
import dev.serai.proto.spire.entry.v1.BatchCreateEntryRequest;
import dev.serai.proto.spire.entry.v1.BatchDeleteEntryRequest;
import dev.serai.proto.spire.entry.v1.EntryGrpc;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.SPIFFEID;
import dev.serai.proto.spire.types.Selector;
import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc;
import dev.serai.proto.workload.X509SVIDRequest;
import dev.serai.proto.workload.X509SVIDResponse;
import io.grpc.Channel;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What goes on while the faults strike: a workload with open streams that also asks anew, an
 * administrator who makes and deletes entries and lists nodes. It keeps book of every change that
 * was acknowledged, and of every identity that was handed out.
 */
final class Load implements AutoCloseable {
  /** serai.agent.sync-period, and a moment for the answer. */
  static final Duration HEARD = Duration.ofSeconds(6);

  static final String WORKLOAD = "/app";
  private static final int STREAMS = 4;
  private static final int KEPT_ENTRIES = 8;
  private static final Metadata HEADER = header();

  private final Site site;
  private final SpiffeWorkloadAPIGrpc.SpiffeWorkloadAPIStub streaming;
  private final SpiffeWorkloadAPIGrpc.SpiffeWorkloadAPIBlockingStub asking;
  private final ScheduledExecutorService timer = Executors.newScheduledThreadPool(6);
  private final Set<String> present = ConcurrentHashMap.newKeySet();
  private final Set<String> uncertain = ConcurrentHashMap.newKeySet();
  private final Deque<String> deletable = new ArrayDeque<>();
  private final AtomicInteger made = new AtomicInteger();
  private final ConcurrentLinkedQueue<String> violations = new ConcurrentLinkedQueue<>();
  private final Answers answers = new Answers();
  private final AtomicLong fetches = new AtomicLong();
  private final AtomicLong changes = new AtomicLong();
  private final AtomicInteger open = new AtomicInteger();
  private final AtomicLong updates = new AtomicLong();

  /** System.nanoTime from which on nobody may get an identity; 0 while everybody may. */
  private final AtomicLong forbiddenSince = new AtomicLong();

  Load(Site site) {
    this.site = site;
    Channel workload = site.workload();
    streaming =
        SpiffeWorkloadAPIGrpc.newStub(workload)
            .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(HEADER));
    asking =
        SpiffeWorkloadAPIGrpc.newBlockingStub(workload)
            .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(HEADER));
  }

  private static Metadata header() {
    Metadata header = new Metadata();
    header.put(Metadata.Key.of("workload.spiffe.io", Metadata.ASCII_STRING_MARSHALLER), "true");
    return header;
  }

  /** Makes the workload's own entry and begins. */
  void start(String parent, int uid) {
    create(entry("app", WORKLOAD, parent, uid));
    if (!present.contains("app")) {
      throw new AssertionError("the first entry was not made");
    }
    for (int i = 0; i < STREAMS; i++) {
      openStream();
    }
    every(200, this::fetch);
    every(250, () -> changeEntries(parent));
    every(1_000, this::listNodes);
  }

  private void every(long millis, Runnable work) {
    Future<?> unused =
        timer.scheduleWithFixedDelay(
            () -> {
              try {
                work.run();
              } catch (StatusRuntimeException e) {
                // Away, overloaded or refused: it is asked again.
              } catch (RuntimeException | Error e) {
                violations.add("load: " + e);
              }
            },
            millis,
            millis,
            TimeUnit.MILLISECONDS);
  }

  private void openStream() {
    site.workload().resetConnectBackoff();
    open.incrementAndGet();
    streaming.fetchX509SVID(
        X509SVIDRequest.getDefaultInstance(),
        new StreamObserver<>() {
          @Override
          public void onNext(X509SVIDResponse answer) {
            updates.incrementAndGet();
            seen(answer, System.nanoTime());
          }

          @Override
          public void onError(Throwable failure) {
            again();
          }

          @Override
          public void onCompleted() {
            again();
          }

          private void again() {
            open.decrementAndGet();
            if (!timer.isShutdown()) {
              try {
                Future<?> unused =
                    timer.schedule(Load.this::openStream, 300, TimeUnit.MILLISECONDS);
              } catch (java.util.concurrent.RejectedExecutionException e) {
                return; // over
              }
            }
          }
        });
  }

  private void fetch() {
    long began = System.nanoTime();
    site.workload().resetConnectBackoff();
    seen(fetchOnce(), began);
    fetches.incrementAndGet();
  }

  /** Asks as a workload. */
  X509SVIDResponse fetchOnce() {
    return asking
        .withDeadlineAfter(3, TimeUnit.SECONDS)
        .fetchX509SVID(X509SVIDRequest.getDefaultInstance())
        .next();
  }

  private void seen(X509SVIDResponse answer, long began) {
    long since = forbiddenSince.get();
    if (since != 0 && began > since) {
      violations.add("an identity was handed out while the node was UNTRUSTED");
    }
    answers.check(answer).ifPresent(violations::add);
  }

  private void changeEntries(String parent) {
    if (deletable.size() >= KEPT_ENTRIES) {
      delete(deletable.remove());
      return;
    }
    int number = made.incrementAndGet();
    String id = "load-" + number;
    Entry entry = entry(id, "/load/" + number, parent, 100_000 + number);
    create(entry);
    deletable.add(id);
  }

  private static Entry entry(String id, String path, String parent, int uid) {
    return Entry.newBuilder()
        .setId(id)
        .setSpiffeId(SPIFFEID.newBuilder().setTrustDomain(Site.DOMAIN).setPath(path))
        .setParentId(SPIFFEID.newBuilder().setTrustDomain(Site.DOMAIN).setPath(parent))
        .addSelectors(Selector.newBuilder().setType("unix").setValue("uid:" + uid))
        .build();
  }

  private void create(Entry entry) {
    site.admin().resetConnectBackoff();
    uncertain.add(entry.getId());
    int code =
        EntryGrpc.newBlockingStub(site.admin())
            .withDeadlineAfter(5, TimeUnit.SECONDS)
            .batchCreateEntry(BatchCreateEntryRequest.newBuilder().addEntries(entry).build())
            .getResults(0)
            .getStatus()
            .getCode();
    if (code == 0) {
      present.add(entry.getId());
      changes.incrementAndGet();
      uncertain.remove(entry.getId());
    }
  }

  private void delete(String id) {
    site.admin().resetConnectBackoff();
    uncertain.add(id);
    present.remove(id);
    int code =
        EntryGrpc.newBlockingStub(site.admin())
            .withDeadlineAfter(5, TimeUnit.SECONDS)
            .batchDeleteEntry(BatchDeleteEntryRequest.newBuilder().addIds(id).build())
            .getResults(0)
            .getStatus()
            .getCode();
    if (code == 0) {
      changes.incrementAndGet();
      uncertain.remove(id);
    }
  }

  private void listNodes() {
    NodesGrpc.newBlockingStub(site.admin())
        .withDeadlineAfter(5, TimeUnit.SECONDS)
        .list(ListNodesRequest.getDefaultInstance());
  }

  /** Entries that were acknowledged and not deleted since. */
  Set<String> present() {
    return Set.copyOf(present);
  }

  /** Entries whose last change was not answered, or refused: they may be there or not. */
  Set<String> uncertain() {
    return Set.copyOf(uncertain);
  }

  /**
   * From now on, or no longer. An agent hears of its refusal at once; one that lost its stream a
   * moment ago, as its issuer was killed, at its next synchronisation.
   */
  void forbid(boolean forbidden) {
    forbiddenSince.set(forbidden ? Math.max(1, System.nanoTime() + HEARD.toNanos()) : 0);
  }

  int streams() {
    return open.get();
  }

  long fetches() {
    return fetches.get();
  }

  long changes() {
    return changes.get();
  }

  long updates() {
    return updates.get();
  }

  Answers answers() {
    return answers;
  }

  /** Takes what was found wrong. */
  java.util.List<String> takeViolations() {
    java.util.List<String> taken = new java.util.ArrayList<>();
    for (String next = violations.poll(); next != null; next = violations.poll()) {
      taken.add(next);
    }
    return taken;
  }

  @Override
  public void close() throws InterruptedException {
    timer.shutdownNow();
    timer.awaitTermination(10, TimeUnit.SECONDS);
  }
}
