package dev.serai.sensor;

import dev.serai.keylime.HttpAnswer;
import dev.serai.tpm.Bytes;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Timer;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.time.Duration;

/** The few figures that the prototype's service has at its own port, by the prototype's names. */
final class SidecarMeters implements AutoCloseable {
  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final Counter total = requests("total");
  private final Counter success = requests("success");
  private final Counter failure = requests("failure");
  private final Counter error = requests("error");
  private final Counter successes =
      Counter.builder("sidecar.location.verification.success")
          .description("Locations that the operator confirmed")
          .register(registry);
  private final Counter failures =
      Counter.builder("sidecar.location.verification.failure")
          .description("Locations that the operator did not confirm")
          .register(registry);
  private final Timer latency =
      Timer.builder("sidecar.camara.api.latency")
          .description("Time of a location verification by the operator")
          .register(registry);

  private Counter requests(String result) {
    return Counter.builder("sidecar.request")
        .description("Requests to verify a location")
        .tag("result", result)
        .register(registry);
  }

  void asked() {
    total.increment();
  }

  /** A verdict; what is not TRUE is no success. */
  void said(boolean confirmed) {
    (confirmed ? success : failure).increment();
    (confirmed ? successes : failures).increment();
  }

  void refused() {
    error.increment();
  }

  void operatorTook(Duration time) {
    latency.record(time);
  }

  HttpAnswer scrape() {
    return new HttpAnswer(
        200, "text/plain; version=0.0.4; charset=utf-8", Bytes.ofText(registry.scrape()));
  }

  @Override
  public void close() {
    registry.close();
  }
}
