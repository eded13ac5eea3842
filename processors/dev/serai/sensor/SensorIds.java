package dev.serai.sensor;

import dev.serai.location.DeviceIds;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/**
 * What a request says a sensor is. Empty texts are absent ones; what is there is well-formed.
 *
 * @param sensorId of its model
 * @param msisdn with its plus sign
 */
public record SensorIds(
    Optional<String> sensorId,
    Optional<String> imei,
    Optional<String> imsi,
    Optional<String> serialNumber,
    Optional<String> msisdn) {

  /**
   * @throws dev.serai.reason.RefusalException with the code of the identifier that is none
   */
  public SensorIds {
    sensorId = given(sensorId).map(DeviceIds::sensorId);
    imei = given(imei).map(DeviceIds::imei);
    imsi = given(imsi).map(DeviceIds::imsi);
    serialNumber = given(serialNumber).map(DeviceIds::serialNumber);
    msisdn = given(msisdn).map(DeviceIds::msisdn);
  }

  private static Optional<String> given(Optional<String> text) {
    return text.filter(t -> !t.isBlank());
  }

  /** Those that belong to one device each. */
  Map<DeviceStore.Field, String> unique() {
    Map<DeviceStore.Field, String> all = new EnumMap<>(DeviceStore.Field.class);
    imei.ifPresent(value -> all.put(DeviceStore.Field.IMEI, value));
    imsi.ifPresent(value -> all.put(DeviceStore.Field.IMSI, value));
    msisdn.ifPresent(value -> all.put(DeviceStore.Field.MSISDN, value));
    serialNumber.ifPresent(value -> all.put(DeviceStore.Field.SERIAL, value));
    return all;
  }

  @Override
  public String toString() {
    return "SensorIds[]";
  }
}
