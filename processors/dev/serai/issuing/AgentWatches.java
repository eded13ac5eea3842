package dev.serai.issuing;

import dev.serai.proto.serai.v1.WatchEvent;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.reason.Refused;
import dev.serai.rpc.RpcCall;
import dev.serai.spiffe.Selector;
import dev.serai.spiffe.SpiffeId;
import java.util.Set;

/** Keeps the open watches of the agents; ends them when their node is refused. */
final class AgentWatches {
  private final ChangeFeed feed;
  private final NodeGate gate;

  AgentWatches(ChangeFeed feed, NodeGate gate) {
    this.feed = feed;
    this.gate = gate;
  }

  /** The first event goes out at once. */
  void open(Caller.Agent caller, RpcCall call) {
    Watch watch = new Watch(caller, call);
    feed.add(watch);
    call.onEnd(() -> feed.remove(watch));
    watch.recordChanged(feed.revision()); // refused since it was authorized?
  }

  private final class Watch implements ChangeFeed.Watcher {
    private final Caller.Agent caller;
    private final RpcCall call;

    Watch(Caller.Agent caller, RpcCall call) {
      this.caller = caller;
      this.call = call;
    }

    @Override
    public SpiffeId node() {
      return caller.node().id();
    }

    @Override
    public Set<Selector> selectors() {
      return caller.node().selectors();
    }

    @Override
    public void changed(long revision) {
      call.sendLatest(WatchEvent.newBuilder().setRevision(revision).build());
    }

    @Override
    public void recordChanged(long revision) {
      try {
        gate.admit(node(), caller.leaf());
        changed(revision);
      } catch (RefusalException e) {
        if (e.reason().code() == ReasonCode.NODE_NOT_ACTIVE) {
          call.complete(); // the agent has a newer certificate and watches with it
        } else {
          call.refuse(new Refused(e.reason(), call.traceId(), e.answerDetail()));
        }
      }
    }
  }
}
