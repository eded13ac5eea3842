package dev.serai.sensor;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Finds the one device that all identifiers of a request belong to. There is no default. */
final class DeviceLookup {
  private final DeviceStore store;

  DeviceLookup(DeviceStore store) {
    this.store = store;
  }

  /**
   * @throws RefusalException SENSOR_MISSING, SENSOR_UNKNOWN, SENSOR_AMBIGUOUS, SENSOR_UNBOUND
   */
  Device find(SensorIds ids) {
    Map<DeviceStore.Field, String> unique = ids.unique();
    if (unique.isEmpty()) {
      return ofModel(
          ids.sensorId()
              .orElseThrow(
                  () ->
                      new RefusalException(
                          ReasonCode.SENSOR_MISSING, "neither sensor_id nor another identifier")));
    }
    Map<DeviceStore.Field, Optional<Device>> found = store.find(unique);
    Device device =
        found.values().stream()
            .flatMap(Optional::stream)
            .findFirst()
            .orElseThrow(
                () ->
                    new RefusalException(
                        ReasonCode.SENSOR_UNKNOWN, "no sensor has these identifiers"));
    boolean bound =
        found.values().stream()
            .allMatch(other -> other.filter(o -> o.id().equals(device.id())).isPresent());
    if (!bound || ids.sensorId().filter(model -> !model.equals(device.sensorId())).isPresent()) {
      throw new RefusalException(
          ReasonCode.SENSOR_UNBOUND,
          "the identifiers belong to several sensors, or partly to none");
    }
    return device;
  }

  private Device ofModel(String sensorId) {
    List<Device> devices = store.ofModel(sensorId);
    if (devices.isEmpty()) {
      throw new RefusalException(ReasonCode.SENSOR_UNKNOWN, "no sensor has this sensor_id");
    }
    if (devices.size() > 1) {
      throw new RefusalException(
          ReasonCode.SENSOR_AMBIGUOUS, "a sensor_id alone does not say which one");
    }
    return devices.get(0);
  }
}
