package dev.serai.tracing;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.RoleContext;
import dev.serai.role.Settings;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import io.opentelemetry.sdk.trace.samplers.Sampler;
import java.net.URI;
import java.time.Duration;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;

/** Turns tracing on for one process. */
public final class Tracing {
  private static final int WAITING = 2048;
  private static final int BATCH = 256;
  private static final Duration PAUSE = Duration.ofSeconds(1);
  private static final Duration PATIENCE = Duration.ofSeconds(3);

  /**
   * The SDK tells of failed exports on standard error; DeliveredSpans does so in the log. Kept here
   * because the JDK forgets a logger's level with the logger.
   */
  private static final java.util.logging.Logger QUIET =
      java.util.logging.Logger.getLogger("io.opentelemetry");

  private Tracing() {}

  /**
   * To be called before routes are loaded.
   *
   * @throws RefusalException CONFIGURATION_INVALID
   */
  public static void start(RoleContext context) {
    QUIET.setLevel(java.util.logging.Level.OFF);
    Settings settings = context.settings();
    String endpoint = endpoint(settings.text("serai.tracing.endpoint"));
    DeliveredSpans exporter =
        new DeliveredSpans(
            OtlpHttpSpanExporter.builder()
                .setEndpoint(endpoint)
                .setConnectTimeout(PATIENCE)
                .setTimeout(PATIENCE)
                .setRetryPolicy(null)
                .build(),
            endpoint,
            context.meters());
    SdkTracerProvider provider =
        SdkTracerProvider.builder()
            .setResource(resource(context))
            .setIdGenerator(new FlowIds())
            .setSampler(Sampler.traceIdRatioBased(ratio(settings.text("serai.tracing.ratio"))))
            .addSpanProcessor(
                BatchSpanProcessor.builder(exporter)
                    .setMaxQueueSize(WAITING)
                    .setMaxExportBatchSize(BATCH)
                    .setScheduleDelay(PAUSE)
                    .setExporterTimeout(PATIENCE)
                    .build())
            .build();
    context.onStop(() -> provider.shutdown().join(PATIENCE.toMillis(), TimeUnit.MILLISECONDS));
    RouteTracer tracer = new RouteTracer(provider.get("serai"));
    tracer.setCamelContext(context.camel());
    tracer.init(context.camel());
  }

  private static Resource resource(RoleContext context) {
    String roles = String.join("-", new TreeSet<>(context.roles()));
    return Resource.create(
        Attributes.of(
            AttributeKey.stringKey("service.namespace"),
            "serai",
            AttributeKey.stringKey("service.name"),
            "serai-" + roles));
  }

  private static String endpoint(String text) {
    try {
      URI uri = URI.create(text);
      boolean web = "http".equals(uri.getScheme()) || "https".equals(uri.getScheme());
      if (web && uri.getHost() != null && uri.getUserInfo() == null) {
        return text;
      }
    } catch (IllegalArgumentException e) {
      throw invalid("serai.tracing.endpoint is no URL", e);
    }
    throw invalid(
        "serai.tracing.endpoint is not http(s)://host:port/path without a password", null);
  }

  private static double ratio(String text) {
    try {
      double ratio = Double.parseDouble(text);
      if (ratio >= 0 && ratio <= 1) {
        return ratio;
      }
    } catch (NumberFormatException e) {
      throw invalid("serai.tracing.ratio is no number: " + text, e);
    }
    throw invalid("serai.tracing.ratio is not from 0 to 1: " + text, null);
  }

  private static RefusalException invalid(String what, Throwable cause) {
    return new RefusalException(ReasonCode.CONFIGURATION_INVALID, what, cause);
  }
}
