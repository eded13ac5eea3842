package dev.serai.app;

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
import org.apache.camel.CamelContext;
import org.apache.camel.component.micrometer.MicrometerConstants;
import org.apache.camel.component.micrometer.routepolicy.MicrometerRoutePolicyFactory;

/**
 * The meters every process has: Camel's per route, and the JVM's. Not Camel's exchange event
 * notifier: its tags differ from event to event, which Prometheus does not take.
 */
final class ProcessMeters {
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
    return List.of(collections);
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
