package dev.serai.management;

import dev.serai.breaker.BreakerState;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;

/** A breaker as JMX and JSON show it: texts, with the same names in both. */
public final class BreakerView {
  private final BreakerState breaker;

  BreakerView(BreakerState breaker) {
    this.breaker = breaker;
  }

  public String getName() {
    return breaker.name();
  }

  /** CLOSED, HALF_OPEN or OPEN. */
  public String getState() {
    return breaker.state().name();
  }

  public String getSince() {
    return breaker.since().toString();
  }

  public int getFailures() {
    return breaker.failures();
  }

  /** Empty while every question passes. */
  public String getNextTry() {
    return breaker.nextTry().map(Instant::toString).orElse("");
  }

  public String getTrouble() {
    return breaker.trouble();
  }

  Map<String, Object> json() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("name", getName());
    json.put("state", getState());
    json.put("since", getSince());
    json.put("failures", getFailures());
    json.put("nextTry", breaker.nextTry().map(Instant::toString).orElse(null));
    json.put("trouble", getTrouble());
    return json;
  }
}
