package dev.serai.tracing;

import dev.serai.role.Meters;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.util.Collection;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Says once when spans cannot be delivered, and once when they can again; counts both. */
final class DeliveredSpans implements SpanExporter {
  private static final Logger LOG = LoggerFactory.getLogger(DeliveredSpans.class);

  private final SpanExporter exporter;
  private final String endpoint;
  private final Counter delivered;
  private final Counter lost;
  private final AtomicBoolean failing = new AtomicBoolean();

  DeliveredSpans(SpanExporter exporter, String endpoint, MeterRegistry meters) {
    this.exporter = exporter;
    this.endpoint = endpoint;
    this.delivered = counter(meters, "delivered");
    this.lost = counter(meters, "lost");
  }

  private static Counter counter(MeterRegistry meters, String result) {
    return Meters.counter(
        meters,
        "serai.tracing.spans",
        "Spans that the collector took, and those it did not",
        "result",
        result);
  }

  @Override
  public CompletableResultCode export(Collection<SpanData> spans) {
    int count = spans.size();
    CompletableResultCode result = exporter.export(spans);
    result.whenComplete(() -> ended(result.isSuccess(), count));
    return result;
  }

  private void ended(boolean success, int spans) {
    (success ? delivered : lost).increment(spans);
    if (failing.compareAndSet(success, !success)) {
      if (success) {
        LOG.info("tracing delivers spans to {} again", endpoint);
      } else {
        LOG.warn("tracing cannot deliver spans to {}; they are dropped until it can", endpoint);
      }
    }
  }

  @Override
  public CompletableResultCode flush() {
    return exporter.flush();
  }

  @Override
  public CompletableResultCode shutdown() {
    return exporter.shutdown();
  }
}
