package dev.serai.sensor;

import dev.serai.keylime.HttpAnswer;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.util.EnumSet;
import java.util.Set;

/** The phone number of a sensor. Whatever is not found for is answered alike. */
final class MsisdnLookup {
  private static final Set<ReasonCode> NOT_FOUND =
      EnumSet.of(ReasonCode.SENSOR_UNKNOWN, ReasonCode.SENSOR_AMBIGUOUS, ReasonCode.SENSOR_UNBOUND);

  private MsisdnLookup() {}

  static HttpAnswer answer(DeviceLookup lookup, SensorIds ids) {
    Device device;
    try {
      device = lookup.find(ids);
    } catch (RefusalException e) {
      if (NOT_FOUND.contains(e.reason().code())) {
        return SensorJson.notFound();
      }
      throw e;
    }
    return device
        .msisdn()
        .map(msisdn -> SensorJson.found(device, msisdn))
        .orElseGet(SensorJson::notFound);
  }
}
