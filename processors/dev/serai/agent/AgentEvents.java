package dev.serai.agent;

import dev.serai.flow.Timeline;
import java.util.Optional;

/** Puts each change of the agent's state on the timeline. */
final class AgentEvents implements AgentStatus.Listener {
  private final Timeline timeline;
  private final AgentStatus status;
  private String last = "";

  AgentEvents(Timeline timeline, AgentStatus status) {
    this.timeline = timeline;
    this.status = status;
  }

  /** Called in order, so that the last one needs no lock of its own. */
  @Override
  public void changed(Optional<AgentEvent> cause, AgentState state) {
    String now = state.name() + state.reason();
    if (now.equals(last)) {
      return;
    }
    last = now;
    timeline.record(
        Timeline.Kind.AGENT,
        "agent",
        status.nodeId().orElse("this machine"),
        state.name(),
        state.reason().stream().toList());
  }
}
