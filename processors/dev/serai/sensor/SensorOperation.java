package dev.serai.sensor;

import java.util.Optional;

/** What the service does, by path. */
public enum SensorOperation {
  VERIFY("/verify", "POST", false),
  LOOKUP("/lookup_msisdn", "POST", false),
  ENDORSE("/signed-endorsement", "POST", false),
  LOCATE("/serai/v1/locate", "POST", false),
  KEYS("/.well-known/mno-signing-keys.json", "GET", true),
  METRICS("/metrics", "GET", true);

  private final String path;
  private final String method;
  private final boolean open;

  SensorOperation(String path, String method, boolean open) {
    this.path = path;
    this.method = method;
    this.open = open;
  }

  String method() {
    return method;
  }

  /** Nothing of a device is told, so nobody has to say who he is. */
  boolean isOpen() {
    return open;
  }

  /** With or without its first slash, as the listener gives it. */
  static Optional<SensorOperation> byPath(String path) {
    String whole = path.startsWith("/") ? path : "/" + path;
    for (SensorOperation operation : values()) {
      if (operation.path.equals(whole)) {
        return Optional.of(operation);
      }
    }
    return Optional.empty();
  }
}
