package dev.serai.flow;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.camel.api.management.ManagedAttribute;
import org.apache.camel.api.management.ManagedOperation;
import org.apache.camel.api.management.ManagedResource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The debug tab of the console: breakpoints on steps. A flow that comes to one waits there, with
 * its thread, until it is let go or a minute is over; one flow waits at a step, others pass. What
 * the message holds is neither shown nor changed. Only there with serai.management.console-debug.
 */
@ManagedResource(description = "Breakpoints on steps of the routes, without messages")
public final class FlowDebugger implements FlowRecorder.Observer {
  private static final Logger LOG = LoggerFactory.getLogger(FlowDebugger.class);
  static final Duration LONGEST = Duration.ofSeconds(60);

  private final FlowRecorder recorder;
  private final InstantSource clock;
  private final Set<String> breakpoints = ConcurrentHashMap.newKeySet();
  private final Map<String, Held> held = new ConcurrentHashMap<>();
  private final AtomicLong counter = new AtomicLong();
  private boolean enabled;
  private volatile String stepping = "";

  private record Held(
      long uid, Instant at, String traceId, FlowStep step, CountDownLatch released) {}

  FlowDebugger(FlowRecorder recorder, InstantSource clock) {
    this.recorder = recorder;
    this.clock = clock;
  }

  @Override
  public void before(String traceId, FlowStep step) {
    boolean stop = breakpoints.contains(step.stepId()) || stepping.equals(traceId);
    if (!stop) {
      return;
    }
    Held here =
        new Held(counter.incrementAndGet(), clock.instant(), traceId, step, new CountDownLatch(1));
    if (held.putIfAbsent(step.stepId(), here) != null) {
      return; // another flow waits here
    }
    LOG.warn("a breakpoint holds trace={} at step={}", traceId, step.stepId());
    try {
      if (!here.released().await(LONGEST.toMillis(), TimeUnit.MILLISECONDS)) {
        LOG.warn("nobody let trace={} go on at step={}; it goes on", traceId, step.stepId());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      held.remove(step.stepId(), here);
    }
  }

  @Override
  public void after(String traceId, FlowStep step) {}

  @ManagedAttribute(description = "Is debugger enabled")
  public synchronized boolean isEnabled() {
    return enabled;
  }

  @ManagedOperation(description = "Enable the debugger")
  public synchronized void enableDebugger() {
    if (!enabled) {
      recorder.add(this);
    }
    enabled = true;
  }

  /** Takes all breakpoints away and lets everything go on. */
  @ManagedOperation(description = "Disable the debugger")
  public synchronized void disableDebugger() {
    recorder.remove(this);
    enabled = false;
    breakpoints.clear();
    resumeAll();
  }

  @ManagedOperation(description = "Add a breakpoint at the given node id")
  public void addBreakpoint(String stepId) {
    breakpoints.add(stepId);
    counter.incrementAndGet();
  }

  @ManagedOperation(description = "Remove the breakpoint from the given node id")
  public void removeBreakpoint(String stepId) {
    breakpoints.remove(stepId);
    counter.incrementAndGet();
    release(stepId);
  }

  @ManagedOperation(description = "Return the node ids which has breakpoints")
  public Set<String> breakpoints() {
    return new TreeSet<>(breakpoints);
  }

  @ManagedOperation(description = "Return the node ids which is currently suspended")
  public Set<String> suspendedBreakpointNodeIds() {
    return new TreeSet<>(held.keySet());
  }

  @ManagedOperation(description = "Resume the flow at the given node id")
  public void resumeBreakpoint(String stepId) {
    release(stepId);
  }

  @ManagedOperation(description = "Resume all flows and leave step mode")
  public void resumeAll() {
    stepping = "";
    held.keySet().forEach(this::release);
  }

  /** Goes on to the next step of the flow that waits here. */
  @ManagedOperation(description = "Steps on from the given node id")
  public void stepBreakpoint(String stepId) {
    Held here = held.get(stepId);
    if (here != null) {
      stepping = here.traceId();
      release(stepId);
    }
  }

  @ManagedOperation(description = "Steps to the next node in step mode")
  public void step() {
    held.values().stream()
        .filter(here -> here.traceId().equals(stepping))
        .forEach(here -> release(here.step().stepId()));
  }

  /** Rises when something changed that the console should look at. */
  @ManagedAttribute(description = "Number of total debugged messages")
  public long getDebugCounter() {
    return counter.get();
  }

  /** Always 0: there is no body. The console sets it before it debugs. */
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

  /** Who waits at a step. */
  @ManagedOperation(description = "Dumps the suspended step in XML format")
  public String dumpTracedMessagesAsXml(String stepId, boolean ignored) {
    StepXml xml = new StepXml();
    Held here = held.get(stepId);
    if (here != null) {
      xml.add(here.uid(), here.at(), here.traceId(), here.step(), "held by a breakpoint");
    }
    return xml.end();
  }

  private void release(String stepId) {
    Held here = held.get(stepId);
    if (here != null) {
      here.released().countDown();
      counter.incrementAndGet();
    }
  }
}
