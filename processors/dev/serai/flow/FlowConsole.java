package dev.serai.flow;

import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import javax.management.JMException;
import javax.management.ObjectName;
import org.apache.camel.CamelContext;
import org.apache.camel.spi.ManagementAgent;
import org.apache.camel.spi.ManagementStrategy;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts the tracer, and if wanted the debugger, where the console looks for them: beside the MBeans
 * of this Camel context. Their names say that they are not Camel's own, which the console's policy
 * does not open.
 */
public final class FlowConsole implements AutoCloseable {
  /** Names of the two MBeans, of type tracer. */
  public static final String TRACER = "BacklogTracerWithoutMessages";

  public static final String DEBUGGER = "BacklogDebuggerWithoutMessages";

  private static final Logger LOG = LoggerFactory.getLogger(FlowConsole.class);

  private final ManagementAgent agent;
  private final List<ObjectName> names = new ArrayList<>();
  private final FlowTracer tracer;
  private final FlowDebugger debugger;

  private FlowConsole(ManagementAgent agent, FlowTracer tracer, FlowDebugger debugger) {
    this.agent = agent;
    this.tracer = tracer;
    this.debugger = debugger;
  }

  /** To be called once the context is started. */
  public static FlowConsole open(
      CamelContext camel, FlowRecorder recorder, InstantSource clock, boolean withDebugger) {
    ManagementStrategy strategy = camel.getManagementStrategy();
    FlowConsole console =
        new FlowConsole(
            strategy.getManagementAgent(),
            new FlowTracer(recorder, clock),
            new FlowDebugger(recorder, clock));
    try {
      ObjectName context =
          strategy.getManagementObjectNameStrategy().getObjectNameForCamelContext(camel);
      console.register(context, TRACER, console.tracer);
      if (withDebugger) {
        console.register(context, DEBUGGER, console.debugger);
        LOG.warn("serai.management.console-debug=true: the console may hold flows at breakpoints");
      }
      return console;
    } catch (JMException e) {
      console.close();
      throw new IllegalStateException("the console's tracer cannot be registered", e);
    }
  }

  private void register(ObjectName context, String name, Object bean) throws JMException {
    if (agent == null) {
      return; // JMX is off: there is no console either
    }
    ObjectName own =
        new ObjectName(
            "%s:context=%s,type=tracer,name=%s"
                .formatted(context.getDomain(), context.getKeyProperty("context"), name));
    agent.register(bean, own);
    names.add(own);
  }

  @Override
  public void close() {
    tracer.setEnabled(false);
    debugger.disableDebugger();
    for (ObjectName name : names) {
      try {
        agent.unregister(name);
      } catch (JMException e) {
        LOG.debug("{} is not registered", name, e);
      }
    }
    names.clear();
  }
}
