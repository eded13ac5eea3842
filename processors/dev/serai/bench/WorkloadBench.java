package dev.serai.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.net.SpiffeChannels;
import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc;
import dev.serai.proto.workload.X509SVIDRequest;
import dev.serai.proto.workload.X509SVIDResponse;
import dev.serai.workload.Snapshot;
import dev.serai.workload.WorkloadIdentity;
import dev.serai.workload.WorkloadIdentityCache;
import io.grpc.Channel;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/**
 * How long a workload waits for its identity: the shipped Workload API routes on a socket of their
 * own, fed with made-up identities, called by a client in the same JVM while streams are open.
 */
public final class WorkloadBench {
  private static final int OPEN_STREAMS = 100;
  private static final int STREAMS_PER_CONNECTION = 10;
  private static final int ENTRIES = 200;
  private static final int WARM_UP = 4000;
  private static final int CALLS = 4000;
  private static final int CONNECTIONS = 200;
  private static final int UPDATES = 50;
  private static final double P50_TARGET_MS = 3;
  private static final double P99_TARGET_MS = 20;

  private final WorkloadServer server;
  private final Path socket;

  private WorkloadBench(WorkloadServer server) {
    this.server = server;
    this.socket = server.socket();
  }

  /** Measures for some seconds; one line of JSON. */
  public static String run() throws Exception {
    try (WorkloadServer server = WorkloadServer.start(Map.of())) {
      return new ObjectMapper().writeValueAsString(new WorkloadBench(server).measure());
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  private Map<String, Object> measure() throws Exception {
    WorkloadIdentityCache identities = server.identities();
    KeyPair authorityKey = WorkloadServer.keyPair();
    X509Certificate authority =
        WorkloadServer.certificate(authorityKey, authorityKey, WorkloadServer.DOMAIN.id(), true);
    List<WorkloadIdentity> entries = new ArrayList<>();
    for (int i = 0; i < ENTRIES; i++) {
      entries.add(
          WorkloadServer.identity(authorityKey, "/other/" + i, "unix:uid:" + (100_000 + i)));
    }
    String me = WorkloadServer.ownUid();
    entries.add(WorkloadServer.identity(authorityKey, "/me", me));
    identities.replace(new Snapshot(entries, WorkloadServer.DOMAIN, List.of(authority), Map.of()));

    List<ManagedChannel> channels = new ArrayList<>();
    AtomicReference<CountDownLatch> told = new AtomicReference<>(new CountDownLatch(OPEN_STREAMS));
    for (int i = 0; i < OPEN_STREAMS / STREAMS_PER_CONNECTION; i++) {
      ManagedChannel channel = SpiffeChannels.unix(socket);
      channels.add(channel);
      for (int j = 0; j < STREAMS_PER_CONNECTION; j++) {
        open(channel, told);
      }
    }
    require(told.get().await(30, TimeUnit.SECONDS), "streams did not open");

    ManagedChannel caller = SpiffeChannels.unix(socket);
    channels.add(caller);
    for (int i = 0; i < WARM_UP; i++) {
      firstMessage(caller);
    }
    long[] calls = new long[CALLS];
    for (int i = 0; i < CALLS; i++) {
      calls[i] = firstMessage(caller);
    }
    long[] fresh = new long[CONNECTIONS];
    for (int i = 0; i < CONNECTIONS; i++) {
      ManagedChannel channel = SpiffeChannels.unix(socket);
      fresh[i] = firstMessage(channel);
      channel.shutdownNow();
    }
    long[] updates = new long[UPDATES];
    for (int i = 0; i < UPDATES; i++) {
      entries.set(ENTRIES, WorkloadServer.identity(authorityKey, "/me", me));
      Snapshot next = new Snapshot(entries, WorkloadServer.DOMAIN, List.of(authority), Map.of());
      told.set(new CountDownLatch(OPEN_STREAMS));
      long start = System.nanoTime();
      identities.replace(next);
      require(told.get().await(30, TimeUnit.SECONDS), "streams did not hear of the update");
      updates[i] = System.nanoTime() - start;
    }
    channels.forEach(ManagedChannel::shutdownNow);

    Map<String, Object> figures = new LinkedHashMap<>();
    figures.put("bench", "workload");
    figures.put("openStreams", OPEN_STREAMS);
    figures.put("entries", ENTRIES + 1);
    figures.put("calls", CALLS);
    figures.put("firstMessageP50Ms", percentile(calls, 50));
    figures.put("firstMessageP99Ms", percentile(calls, 99));
    figures.put("firstMessageMaxMs", percentile(calls, 100));
    figures.put("newConnectionP50Ms", percentile(fresh, 50));
    figures.put("newConnectionP99Ms", percentile(fresh, 99));
    figures.put("updateOfAllStreamsP50Ms", percentile(updates, 50));
    figures.put("updateOfAllStreamsP99Ms", percentile(updates, 99));
    figures.put("targetP50Ms", P50_TARGET_MS);
    figures.put("targetP99Ms", P99_TARGET_MS);
    figures.put(
        "ok", percentile(calls, 50) < P50_TARGET_MS && percentile(calls, 99) < P99_TARGET_MS);
    return figures;
  }

  private static void open(Channel channel, AtomicReference<CountDownLatch> told) {
    SpiffeWorkloadAPIGrpc.newStub(channel)
        .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(WorkloadServer.header()))
        .fetchX509SVID(
            X509SVIDRequest.getDefaultInstance(),
            new StreamObserver<>() {
              @Override
              public void onNext(X509SVIDResponse state) {
                told.get().countDown();
              }

              @Override
              public void onError(Throwable failure) {
                // The streams are cut when the measurement is over.
              }

              @Override
              public void onCompleted() {}
            });
  }

  /** Opens a stream, waits for its first message, drops it. */
  private static long firstMessage(Channel channel) {
    Context.CancellableContext context = Context.current().withCancellation();
    Context before = context.attach();
    try {
      long start = System.nanoTime();
      X509SVIDResponse response =
          SpiffeWorkloadAPIGrpc.newBlockingStub(channel)
              .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(WorkloadServer.header()))
              .fetchX509SVID(X509SVIDRequest.getDefaultInstance())
              .next();
      long elapsed = System.nanoTime() - start;
      require(response.getSvidsCount() == 1, "one identity expected");
      return elapsed;
    } finally {
      context.detach(before);
      context.cancel(null);
    }
  }

  private static void require(boolean condition, String otherwise) {
    if (!condition) {
      throw new IllegalStateException(otherwise);
    }
  }

  private static double percentile(long[] nanos, int percent) {
    long[] sorted = nanos.clone();
    Arrays.sort(sorted);
    int index = Math.min(sorted.length - 1, (int) Math.ceil(sorted.length * percent / 100.0) - 1);
    return Math.round(sorted[Math.max(0, index)] / 1_000.0) / 1_000.0;
  }
}
