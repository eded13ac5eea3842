package dev.serai.sensor;

import dev.serai.tpm.Bytes;

/** One request to the service, its caller known, its body not yet read. */
public record SensorCall(SensorOperation operation, Bytes body) {
  /** What the routes choose by. */
  public String operationName() {
    return operation.name();
  }

  @Override
  public String toString() {
    return "SensorCall[%s, %d bytes]".formatted(operation, body.size());
  }
}
