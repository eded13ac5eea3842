package dev.serai.app;

import dev.serai.role.Meters;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.jvm.ClassLoaderMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import java.util.List;
import java.util.function.Predicate;
import org.apache.camel.CamelContext;
import org.apache.camel.Route;
import org.apache.camel.component.micrometer.MicrometerConstants;
import org.apache.camel.component.micrometer.routepolicy.MicrometerRoutePolicyFactory;
import org.apache.camel.component.seda.SedaEndpoint;

/**
 * The meters every process has: Camel's per route, and the JVM's. Not Camel's exchange event
 * notifier: its tags differ from event to event, which Prometheus does not take.
 */
final class ProcessMeters {
  static final String INTERNAL_ERRORS = "serai.internal.errors";
  private static final String QUEUES = "serai.queue.depth";

  private ProcessMeters() {}

  /** Registers them; what comes back is closed at the end. */
  static List<AutoCloseable> bind(CamelContext camel, MeterRegistry meters) {
    camel.getRegistry().bind(MicrometerConstants.METRICS_REGISTRY_NAME, meters);
    MicrometerRoutePolicyFactory routes = new MicrometerRoutePolicyFactory();
    routes.setMeterRegistry(meters);
    camel.addRoutePolicyFactory(routes);
    new JvmMemoryMetrics().bindTo(meters);
    new JvmThreadMetrics().bindTo(meters);
    new ClassLoaderMetrics().bindTo(meters);
    new ProcessorMetrics().bindTo(meters);
    new FileDescriptorMetrics().bindTo(meters);
    new UptimeMetrics().bindTo(meters);
    JvmGcMetrics collections = new JvmGcMetrics();
    collections.bindTo(meters);
    Gauge.builder("serai.routes.started", camel, ProcessMeters::started)
        .description("Routes that run")
        .register(meters);
    Gauge.builder("serai.routes.loaded", camel, context -> context.getRoutes().size())
        .description("Routes of this process, running or not")
        .register(meters);
    String version = ProcessMeters.class.getPackage().getImplementationVersion();
    Gauge.builder("serai.build.info", () -> 1)
        .description("Always 1; what runs here")
        .tag("version", version == null ? "classes" : version)
        .tag("java", Runtime.version().toString())
        .register(meters);
    Meters.counter(meters, INTERNAL_ERRORS, "Refusals with INTERNAL_ERROR: a bug, see the log");
    return List.of(collections);
  }

  /** Once the routes are there: what waits in the queues between them. */
  static void bindQueues(CamelContext camel, MeterRegistry meters) {
    for (Route route : camel.getRoutes()) {
      if (route.getEndpoint() instanceof SedaEndpoint queue) {
        Gauge.builder(QUEUES, queue, SedaEndpoint::getCurrentQueueSize)
            .description("What waits in a queue")
            .tag("queue", route.getRouteId())
            .register(meters);
      }
    }
  }

  /** 1 for each role that is ready, as /health/ready says it. */
  static void bindReadiness(MeterRegistry meters, List<String> roles, Predicate<String> ready) {
    for (String role : roles) {
      Gauge.builder("serai.role.ready", () -> ready.test(role) ? 1 : 0)
          .description("1 when the role can do its work, as /health/ready says it")
          .tag("role", role)
          .register(meters);
    }
  }

  private static double started(CamelContext camel) {
    return camel.getRoutes().stream()
        .filter(
            route -> {
              var status = camel.getRouteController().getRouteStatus(route.getRouteId());
              return status != null && status.isStarted();
            })
        .count();
  }
}
