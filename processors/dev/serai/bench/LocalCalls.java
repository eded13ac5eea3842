package dev.serai.bench;

import dev.serai.net.SpiffeChannels;
import dev.serai.proto.serai.v1.ListNodesRequest;
import dev.serai.proto.serai.v1.NodeView;
import dev.serai.proto.serai.v1.NodesGrpc;
import dev.serai.proto.spire.entry.v1.BatchCreateEntryRequest;
import dev.serai.proto.spire.entry.v1.BatchCreateEntryResponse;
import dev.serai.proto.spire.entry.v1.BatchDeleteEntryRequest;
import dev.serai.proto.spire.entry.v1.EntryGrpc;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.SPIFFEID;
import dev.serai.proto.spire.types.Selector;
import dev.serai.proto.workload.SpiffeWorkloadAPIGrpc;
import dev.serai.proto.workload.X509SVIDRequest;
import dev.serai.proto.workload.X509SVIDResponse;
import dev.serai.spiffe.SpiffeId;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.AbstractStub;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** An administrator and a workload on this machine, of a process with all roles. */
final class LocalCalls implements AutoCloseable {
  private static final long DEADLINE_SECONDS = 10;
  private static final long LOOK_MS = 10;

  private final String trustDomain;
  private final String uid;
  private final ManagedChannel admin;
  private final ManagedChannel workload;

  LocalCalls(OwnProcess process) throws IOException {
    trustDomain = process.setting("serai.trust-domain");
    uid = Files.getAttribute(Path.of(process.setting("serai.state-dir")), "unix:uid").toString();
    admin = SpiffeChannels.unix(process.socket("issuer/admin.sock"));
    workload = SpiffeChannels.unix(process.socket("workload/api.sock"));
  }

  /** Path of the first trusted node's agent. */
  String awaitTrusted(Duration patience) throws InterruptedException {
    long end = System.nanoTime() + patience.toNanos();
    while (System.nanoTime() < end) {
      Optional<NodeView> node =
          nodes().stream().filter(one -> one.getState().equals("TRUSTED")).findFirst();
      if (node.isPresent()) {
        return SpiffeId.parse(node.get().getSpiffeId()).path();
      }
      TimeUnit.MILLISECONDS.sleep(LOOK_MS);
    }
    throw new IllegalStateException("waited in vain for a trusted node");
  }

  List<NodeView> nodes() {
    return NodesGrpc.newBlockingStub(admin)
        .withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS)
        .list(ListNodesRequest.getDefaultInstance())
        .getNodesList();
  }

  /** An entry for this user's processes. Answers its id. */
  String create(String agentPath, String path) {
    BatchCreateEntryResponse.Result result =
        entries()
            .batchCreateEntry(
                BatchCreateEntryRequest.newBuilder()
                    .addEntries(
                        Entry.newBuilder()
                            .setSpiffeId(id(path))
                            .setParentId(id(agentPath))
                            .addSelectors(
                                Selector.newBuilder().setType("unix").setValue("uid:" + uid)))
                    .build())
            .getResults(0);
    if (result.getStatus().getCode() != 0) {
      throw new IllegalStateException(result.getStatus().getMessage());
    }
    return result.getEntry().getId();
  }

  void delete(String entry) {
    entries().batchDeleteEntry(BatchDeleteEntryRequest.newBuilder().addIds(entry).build());
  }

  private EntryGrpc.EntryBlockingStub entries() {
    return EntryGrpc.newBlockingStub(admin).withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS);
  }

  private SPIFFEID id(String path) {
    return SPIFFEID.newBuilder().setTrustDomain(trustDomain).setPath(path).build();
  }

  /** Is there an SVID for this process right now? */
  boolean isServed() {
    Context.CancellableContext call = Context.current().withCancellation();
    Context outer = call.attach();
    try {
      Iterator<X509SVIDResponse> answers =
          withHeader(SpiffeWorkloadAPIGrpc.newBlockingStub(workload))
              .withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS)
              .fetchX509SVID(X509SVIDRequest.getDefaultInstance());
      return answers.next().getSvidsCount() > 0;
    } catch (StatusRuntimeException e) { // not yet
      return false;
    } finally {
      call.detach(outer);
      call.cancel(null); // the stream would stay open
    }
  }

  void awaitServed(Duration patience) throws InterruptedException {
    long end = System.nanoTime() + patience.toNanos();
    while (!isServed()) {
      if (System.nanoTime() > end) {
        throw new IllegalStateException("waited in vain for an SVID");
      }
      TimeUnit.MILLISECONDS.sleep(LOOK_MS);
    }
  }

  /** A stream that stays open. */
  void stream(StreamObserver<X509SVIDResponse> observer) {
    withHeader(SpiffeWorkloadAPIGrpc.newStub(workload))
        .fetchX509SVID(X509SVIDRequest.getDefaultInstance(), observer);
  }

  private static <S extends AbstractStub<S>> S withHeader(S stub) {
    Metadata header = new Metadata();
    header.put(Metadata.Key.of("workload.spiffe.io", Metadata.ASCII_STRING_MARSHALLER), "true");
    return stub.withInterceptors(MetadataUtils.newAttachHeadersInterceptor(header));
  }

  @Override
  public void close() {
    workload.shutdownNow();
    admin.shutdownNow();
  }
}
