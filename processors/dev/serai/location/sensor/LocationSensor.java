package dev.serai.location.sensor;

import dev.serai.location.LocationReading;
import java.time.Duration;

/** One sensor of this machine. Called by one thread at a time. */
public interface LocationSensor {

  /** For people and metrics: "mobile", "gnss" or "file". */
  String name();

  /**
   * What it says now. Blocks; a good one no longer than it is told.
   *
   * @throws dev.serai.reason.RefusalException LOCATION_SENSOR_MISSING, LOCATION_SENSOR_INVALID or
   *     LOCATION_NO_FIX
   */
  LocationReading read(Duration within);
}
