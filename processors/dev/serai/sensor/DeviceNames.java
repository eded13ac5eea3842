package dev.serai.sensor;

import dev.serai.location.DeviceKey;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The registered devices by the names that stand for them in SVIDs. The names are made with the
 * issuer's key, and all anew when the registry changed. Safe for any thread.
 */
final class DeviceNames {
  private final DeviceStore store;
  private final Optional<DeviceKey> key;

  // Guarded by this.
  private Map<String, String> idsByName = Map.of();
  private long madeOf = -1;

  /**
   * @param key the issuer's; empty where it was not given
   */
  DeviceNames(DeviceStore store, Optional<DeviceKey> key) {
    this.store = store;
    this.key = key;
  }

  /**
   * @param name hex
   * @throws RefusalException SENSOR_UNKNOWN, or CONFIGURATION_INVALID without a key
   */
  Device find(String name) {
    String id = ids().get(name);
    if (id == null) {
      throw new RefusalException(
          ReasonCode.SENSOR_UNKNOWN, "no registered sensor has this name in SVIDs");
    }
    return store.require(id);
  }

  private synchronized Map<String, String> ids() {
    DeviceKey known =
        key.orElseThrow(
            () ->
                new RefusalException(
                    ReasonCode.CONFIGURATION_INVALID,
                    "serai.sensor.device-key is not set, so no sensor is found by its name in"
                        + " SVIDs"));
    long now = store.changes();
    if (madeOf != now) {
      idsByName = names(known);
      madeOf = now;
    }
    return idsByName;
  }

  /** A reading may have had any of the identifiers, and the issuer takes the most telling one. */
  private Map<String, String> names(DeviceKey known) {
    Map<String, String> names = new HashMap<>();
    for (Device device : store.all()) {
      known
          .names(
              device.type().word(),
              device.imei(),
              device.serialNumber(),
              device.imsi(),
              device.msisdn())
          .forEach(name -> names.put(name.toHex(), device.id()));
    }
    return names;
  }
}
