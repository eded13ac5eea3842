package dev.serai.flow;

import dev.serai.reason.ReasonCode;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.apache.camel.api.management.ManagedAttribute;
import org.apache.camel.api.management.ManagedOperation;
import org.apache.camel.api.management.ManagedResource;

/**
 * The trace tab of the console, in place of Camel's tracer, which copies bodies, headers and
 * variables and so would copy nonces, tokens and keys. Off until it is asked for; costs nothing
 * then.
 */
@ManagedResource(description = "Steps of the routes, without messages")
public final class FlowTracer implements FlowRecorder.Observer {
  private static final int SIZE = 500;

  private final FlowRecorder recorder;
  private final InstantSource clock;
  private final Deque<Traced> backlog = new ArrayDeque<>();
  private boolean enabled;
  private long counter;

  private record Traced(long uid, Instant at, String traceId, FlowStep step) {
    boolean ended() {
      return step.tookNanos().isPresent();
    }
  }

  FlowTracer(FlowRecorder recorder, InstantSource clock) {
    this.recorder = recorder;
    this.clock = clock;
  }

  @Override
  public void before(String traceId, FlowStep step) {
    synchronized (backlog) {
      counter++;
      backlog.addLast(new Traced(counter, clock.instant(), traceId, step));
      if (backlog.size() > SIZE) {
        backlog.removeFirst();
      }
    }
  }

  @Override
  public void after(String traceId, FlowStep step) {}

  /** Whether steps are kept for the console. */
  @ManagedAttribute(description = "Is tracing enabled")
  public synchronized boolean isEnabled() {
    return enabled;
  }

  @ManagedAttribute(description = "Is tracing enabled")
  public synchronized void setEnabled(boolean wanted) {
    if (wanted && !enabled) {
      recorder.add(this);
    } else if (!wanted && enabled) {
      recorder.remove(this);
      synchronized (backlog) {
        backlog.clear();
      }
    }
    enabled = wanted;
  }

  /** Steps traced since start. */
  @ManagedAttribute(description = "Number of total traced messages")
  public long getTraceCounter() {
    synchronized (backlog) {
      return counter;
    }
  }

  /** Always 0: there is no body. The console sets it before it traces. */
  @ManagedAttribute(description = "No body is shown")
  public int getBodyMaxChars() {
    return 0;
  }

  @ManagedAttribute(description = "No body is shown")
  public void setBodyMaxChars(int ignored) {}

  @ManagedAttribute(description = "No body is shown")
  public boolean isBodyIncludeStreams() {
    return false;
  }

  @ManagedAttribute(description = "No body is shown")
  public void setBodyIncludeStreams(boolean ignored) {}

  @ManagedAttribute(description = "No body is shown")
  public boolean isBodyIncludeFiles() {
    return false;
  }

  @ManagedAttribute(description = "No body is shown")
  public void setBodyIncludeFiles(boolean ignored) {}

  /** What has ended since the last time it was asked for. */
  @ManagedOperation(description = "Dumps all the traced steps in XML format")
  public String dumpAllTracedMessagesAsXml() {
    List<Traced> taken = new ArrayList<>();
    synchronized (backlog) {
      backlog.removeIf(traced -> traced.ended() && taken.add(traced));
    }
    StepXml xml = new StepXml();
    for (Traced traced : taken) {
      xml.add(traced.uid(), traced.at(), traced.traceId(), traced.step(), outcome(traced.step()));
    }
    return xml.end();
  }

  private static String outcome(FlowStep step) {
    return step.refusedWith().map(ReasonCode::name).orElse("ok");
  }
}
