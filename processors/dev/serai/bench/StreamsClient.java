package dev.serai.bench;

import dev.serai.net.SpiffeChannels;
import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc;
import dev.serai.proto.workload.X509SVIDRequest;
import dev.serai.proto.workload.X509SVIDResponse;
import io.grpc.ManagedChannel;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The other process of {@link StreamsBench}: opens streams, each on a connection of its own, says
 * {@code open <n>} when all have their identity, and holds them until its input ends.
 */
public final class StreamsClient {
  private static final int AT_ONCE = 100;
  private static final long PATIENCE_SECONDS = 120;

  private StreamsClient() {}

  /** socket, number of streams. */
  public static void main(String[] args) throws IOException, InterruptedException {
    Path socket = Path.of(args[0]);
    int streams = Integer.parseInt(args[1]);
    List<ManagedChannel> channels = new ArrayList<>(streams);
    AtomicInteger lost = new AtomicInteger();
    for (int opened = 0; opened < streams; opened += AT_ONCE) {
      int now = Math.min(AT_ONCE, streams - opened);
      CountDownLatch told = new CountDownLatch(now);
      for (int i = 0; i < now; i++) {
        ManagedChannel channel = SpiffeChannels.unix(socket);
        channels.add(channel);
        open(channel, told, lost);
      }
      if (!told.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        break;
      }
    }
    System.out.println("open " + (channels.size() - lost.get()));
    while (System.in.read() >= 0) {
      System.out.println("held " + (channels.size() - lost.get()));
    }
    System.exit(0); // the kernel closes what is open
  }

  private static void open(ManagedChannel channel, CountDownLatch told, AtomicInteger lost) {
    SpiffeWorkloadAPIGrpc.newStub(channel)
        .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(WorkloadServer.header()))
        .fetchX509SVID(
            X509SVIDRequest.getDefaultInstance(),
            new StreamObserver<>() {
              @Override
              public void onNext(X509SVIDResponse state) {
                told.countDown();
              }

              @Override
              public void onError(Throwable failure) {
                lost.incrementAndGet();
                told.countDown();
              }

              @Override
              public void onCompleted() {
                lost.incrementAndGet();
              }
            });
  }
}
