package dev.serai.gate;

/** How much the gate wants to know before it lets somebody pass. */
public enum GateMode {
  /** What the SVID says is enough. */
  TRUST,
  /**
   * The sensor service confirms the device's location; a result not older than the cache's may do.
   */
  RUNTIME,
  /** The operator is asked each time. */
  STRICT
}
