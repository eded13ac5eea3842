package dev.serai.cli;

import dev.serai.net.SpiffeChannels;
import dev.serai.proto.serai.v1.ListNodesRequest;
import dev.serai.proto.serai.v1.NodeView;
import dev.serai.proto.serai.v1.NodesGrpc;
import dev.serai.proto.spire.entry.v1.BatchCreateEntryRequest;
import dev.serai.proto.spire.entry.v1.BatchCreateEntryResponse;
import dev.serai.proto.spire.entry.v1.EntryGrpc;
import dev.serai.proto.spire.types.Entry;
import dev.serai.proto.spire.types.SPIFFEID;
import dev.serai.proto.spire.types.Selector;
import dev.serai.spiffe.SpiffeId;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** What the demo asks of the admin socket. */
public final class DemoCalls {
  private final Path socket;

  public DemoCalls(Path socket) {
    this.socket = socket;
  }

  /** An entry that is there already is as good as a new one. */
  public String createEntry(String spiffeId, String parentId, String selector) {
    int colon = selector.indexOf(':');
    Entry entry =
        Entry.newBuilder()
            .setSpiffeId(id(spiffeId))
            .setParentId(id(parentId))
            .addSelectors(
                Selector.newBuilder()
                    .setType(selector.substring(0, colon))
                    .setValue(selector.substring(colon + 1)))
            .build();
    ManagedChannel channel = SpiffeChannels.unix(socket);
    try {
      BatchCreateEntryResponse.Result result =
          EntryGrpc.newBlockingStub(channel)
              .withDeadlineAfter(Connection.DEADLINE_SECONDS, TimeUnit.SECONDS)
              .batchCreateEntry(BatchCreateEntryRequest.newBuilder().addEntries(entry).build())
              .getResults(0);
      int code = result.getStatus().getCode();
      if (code != Status.Code.OK.value() && code != Status.Code.ALREADY_EXISTS.value()) {
        throw CommandFailure.ofStatus(code, result.getStatus().getMessage());
      }
      return result.getEntry().getId();
    } finally {
      Connection.close(channel);
    }
  }

  /** The verifier's view of a node, if the issuer knows the node. */
  public Optional<String> stateOf(String agentId) {
    ManagedChannel channel = SpiffeChannels.unix(socket);
    try {
      return NodesGrpc.newBlockingStub(channel)
          .withDeadlineAfter(Connection.DEADLINE_SECONDS, TimeUnit.SECONDS)
          .list(ListNodesRequest.getDefaultInstance())
          .getNodesList()
          .stream()
          .filter(node -> node.getSpiffeId().equals(agentId))
          .map(NodeView::getState)
          .findFirst();
    } finally {
      Connection.close(channel);
    }
  }

  private static SPIFFEID id(String text) {
    SpiffeId id = SpiffeId.parse(text);
    return SPIFFEID.newBuilder().setTrustDomain(id.trustDomain().name()).setPath(id.path()).build();
  }
}
