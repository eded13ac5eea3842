package dev.serai.location.sensor;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;

/** What a sensor has to say when it has no reading. */
final class Refusals {
  private Refusals() {}

  static RefusalException missing(String detail, Throwable cause) {
    return new RefusalException(ReasonCode.LOCATION_SENSOR_MISSING, detail, cause);
  }

  static RefusalException invalid(String detail, Throwable cause) {
    return new RefusalException(ReasonCode.LOCATION_SENSOR_INVALID, detail, cause);
  }

  static RefusalException noFix(String detail) {
    return new RefusalException(ReasonCode.LOCATION_NO_FIX, detail);
  }
}
