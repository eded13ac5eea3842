package dev.serai.flow;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The last flows. Each entry route has room of its own, so that many calls of one kind do not push
 * out the few of another; a refused flow that has to go is kept for longer. A tick of a timer is
 * kept on trial until it leads to something.
 */
final class FlowStore {
  static final int KEPT_PER_ROUTE = 16;
  static final int MAX_ROUTES = 64;
  private static final int ON_TRIAL = 64;
  private static final String OTHERS = "";

  private final Map<String, Flow> byTrace = new ConcurrentHashMap<>();
  private final Deque<Flow> onTrial = new ArrayDeque<>();
  private final Map<String, Room> rooms = new HashMap<>();

  /** One entry route's flows, the oldest first. */
  private static final class Room {
    private final Deque<Flow> latest = new ArrayDeque<>();
    private final Deque<Flow> refused = new ArrayDeque<>();
  }

  /** Whether shown or on trial. */
  Flow find(String traceId) {
    return byTrace.get(traceId);
  }

  /** The flow of this id: this one, or that which another thread was first with. */
  Flow begin(Flow flow, boolean trial) {
    Flow other = byTrace.putIfAbsent(flow.traceId(), flow);
    if (other != null) {
      return other;
    }
    if (!trial) {
      keep(flow);
      return flow;
    }
    synchronized (this) {
      onTrial.addLast(flow);
      if (onTrial.size() > ON_TRIAL) {
        Flow gone = onTrial.removeFirst();
        byTrace.remove(gone.traceId(), gone);
      }
    }
    return flow;
  }

  /** A flow led to something. */
  void admit(Flow flow) {
    if (flow.kept()) {
      return;
    }
    synchronized (this) {
      if (onTrial.remove(flow)) {
        keep(flow);
      } // else another thread has just kept it, or it waited for too long and is forgotten
    }
  }

  private synchronized void keep(Flow flow) {
    flow.keep();
    String route =
        rooms.containsKey(flow.entryRoute()) || rooms.size() < MAX_ROUTES
            ? flow.entryRoute()
            : OTHERS;
    Room room = rooms.computeIfAbsent(route, r -> new Room());
    room.latest.addLast(flow);
    if (room.latest.size() > KEPT_PER_ROUTE) {
      Flow old = room.latest.removeFirst();
      if (old.refusedWith().isEmpty()) {
        byTrace.remove(old.traceId(), old);
        return;
      }
      room.refused.addLast(old);
      if (room.refused.size() > KEPT_PER_ROUTE) {
        Flow gone = room.refused.removeFirst();
        byTrace.remove(gone.traceId(), gone);
      }
    }
  }

  /** One that is shown. */
  Optional<Flow> shown(String traceId) {
    return Optional.ofNullable(byTrace.get(traceId)).filter(Flow::kept);
  }

  /** All that are shown, the latest first. */
  List<Flow> all() {
    List<Flow> all = new ArrayList<>();
    synchronized (this) {
      for (Room room : rooms.values()) {
        all.addAll(room.latest);
        all.addAll(room.refused);
      }
    }
    all.sort(Comparator.comparing(Flow::startedAt).reversed());
    return all;
  }
}
