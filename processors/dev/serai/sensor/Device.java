package dev.serai.sensor;

import dev.serai.camara.Area;
import dev.serai.keylime.AgentId;
import dev.serai.location.DeviceIds;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.time.Instant;
import java.util.Locale;
import java.util.Optional;

/**
 * A registered location sensor. Valid once it exists.
 *
 * @param sensorId of its model; several devices may have the same
 * @param msisdn with its plus sign
 * @param area where it belongs
 * @param node the only node that may use it
 */
public record Device(
    String id,
    Type type,
    String sensorId,
    Optional<String> imei,
    Optional<String> imsi,
    Optional<String> msisdn,
    Optional<String> serialNumber,
    Optional<Area> area,
    Optional<String> node,
    Instant createdAt,
    Instant updatedAt) {
  /** What it is. */
  public enum Type {
    MOBILE,
    GNSS;

    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }

    static Optional<Type> byWord(String word) {
      for (Type type : values()) {
        if (type.word().equals(word)) {
          return Optional.of(type);
        }
      }
      return Optional.empty();
    }
  }

  /**
   * @throws RefusalException SENSOR_INVALID, or the code of the identifier that is none
   */
  public Device {
    sensorId = DeviceIds.sensorId(sensorId);
    imei = imei.map(DeviceIds::imei);
    imsi = imsi.map(DeviceIds::imsi);
    msisdn = msisdn.map(DeviceIds::msisdn);
    serialNumber = serialNumber.map(DeviceIds::serialNumber);
    if (node.filter(name -> AgentId.parse(name).isEmpty()).isPresent()) {
      throw new RefusalException(ReasonCode.NODE_ID_INVALID, "the node id is none");
    }
    if (type == Type.MOBILE
        && (imei.isEmpty() || imsi.isEmpty() || msisdn.isEmpty() || area.isEmpty())) {
      throw invalid("a mobile sensor has IMEI, IMSI, MSISDN and the area where it belongs");
    }
    if (type == Type.GNSS
        && (serialNumber.isEmpty() || imei.isPresent() || imsi.isPresent() || msisdn.isPresent())) {
      throw invalid("a GNSS sensor has a serial number, and no IMEI, IMSI or MSISDN");
    }
  }

  static RefusalException invalid(String detail) {
    return new RefusalException(ReasonCode.SENSOR_INVALID, detail);
  }

  /** Nothing personal. */
  @Override
  public String toString() {
    return "Device[" + id + " " + type.word() + "]";
  }
}
