package dev.serai.sensor;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.serai.camara.Area;
import dev.serai.keylime.KeylimeJson;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.util.Optional;

/** What of a device is personal, as it is sealed. */
record DeviceSeal(
    @JsonProperty("imei") Optional<String> imei,
    @JsonProperty("imsi") Optional<String> imsi,
    @JsonProperty("msisdn") Optional<String> msisdn,
    @JsonProperty("serial") Optional<String> serialNumber,
    @JsonProperty("latitude") Optional<Double> latitude,
    @JsonProperty("longitude") Optional<Double> longitude,
    @JsonProperty("radius") Optional<Double> radius) {
  private static final int LIMIT = 4096;

  static Bytes of(Device device) {
    return KeylimeJson.write(
        new DeviceSeal(
            device.imei(),
            device.imsi(),
            device.msisdn(),
            device.serialNumber(),
            device.area().map(Area::latitude),
            device.area().map(Area::longitude),
            device.area().map(Area::radius)));
  }

  static DeviceSeal read(String id, Bytes plain) {
    try {
      return KeylimeJson.read(plain, LIMIT, DeviceSeal.class);
    } catch (MalformedStructureException e) {
      throw new RefusalException(
          ReasonCode.SENSOR_REGISTRY_LOCKED, "sensor " + id + " is of another version", e);
    }
  }

  Optional<Area> area() {
    return latitude.map(lat -> new Area(lat, longitude.orElseThrow(), radius.orElseThrow()));
  }

  @Override
  public String toString() {
    return "DeviceSeal[]";
  }
}
