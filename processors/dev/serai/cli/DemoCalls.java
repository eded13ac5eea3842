package dev.serai.cli;

import dev.serai.net.SpiffeChannels;
import dev.serai.proto.serai.v1.Device;
import dev.serai.proto.serai.v1.DevicesGrpc;
import dev.serai.proto.serai.v1.ListDevicesRequest;
import dev.serai.proto.serai.v1.ListNodesRequest;
import dev.serai.proto.serai.v1.NodeView;
import dev.serai.proto.serai.v1.NodesGrpc;
import dev.serai.proto.serai.v1.ShowNodeRequest;
import dev.serai.proto.serai.v1.UpdateDeviceRequest;
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

/** What the demo asks of the admin sockets of issuer and sensor service. */
public final class DemoCalls {
  private final Path socket;

  public DemoCalls(Path socket) {
    this.socket = socket;
  }

  /** One of this sensor id that is there already, from the demo before, becomes this node's. */
  public static void registerDevice(Path sensorSocket, Device wished) {
    ManagedChannel channel = SpiffeChannels.unix(sensorSocket);
    try {
      DevicesGrpc.DevicesBlockingStub devices =
          DevicesGrpc.newBlockingStub(channel)
              .withDeadlineAfter(Connection.DEADLINE_SECONDS, TimeUnit.SECONDS);
      Optional<Device> there =
          devices.list(ListDevicesRequest.getDefaultInstance()).getDevicesList().stream()
              .filter(device -> device.getSensorId().equals(wished.getSensorId()))
              .findFirst();
      if (there.isEmpty()) {
        devices.create(wished);
      } else {
        devices.update(
            UpdateDeviceRequest.newBuilder()
                .setDevice(wished.toBuilder().setId(there.get().getId()))
                .addFields("node_id")
                .build());
      }
    } finally {
      Connection.close(channel);
    }
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

  /** The record of a node, if the issuer knows the node. */
  public Optional<NodeView> node(String agentId) {
    ManagedChannel channel = SpiffeChannels.unix(socket);
    try {
      return NodesGrpc.newBlockingStub(channel)
          .withDeadlineAfter(Connection.DEADLINE_SECONDS, TimeUnit.SECONDS)
          .list(ListNodesRequest.getDefaultInstance())
          .getNodesList()
          .stream()
          .filter(node -> node.getSpiffeId().equals(agentId))
          .findFirst();
    } finally {
      Connection.close(channel);
    }
  }

  /** Has the issuer forget the node's identity, so that it attests again. */
  public void evict(String nodeId) {
    ManagedChannel channel = SpiffeChannels.unix(socket);
    try {
      var unused =
          NodesGrpc.newBlockingStub(channel)
              .withDeadlineAfter(Connection.DEADLINE_SECONDS, TimeUnit.SECONDS)
              .evict(ShowNodeRequest.newBuilder().setId(nodeId).build());
    } finally {
      Connection.close(channel);
    }
  }

  private static SPIFFEID id(String text) {
    SpiffeId id = SpiffeId.parse(text);
    return SPIFFEID.newBuilder().setTrustDomain(id.trustDomain().name()).setPath(id.path()).build();
  }
}
