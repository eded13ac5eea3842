package dev.serai.sensor;

import dev.serai.audit.Audit;
import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;
import dev.serai.camara.Area;
import dev.serai.proto.serai.v1.ListDevicesRequest;
import dev.serai.proto.serai.v1.ListDevicesResponse;
import dev.serai.proto.serai.v1.ShowDeviceRequest;
import dev.serai.proto.serai.v1.UpdateDeviceRequest;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/** The registry as administrators see it. Identifiers are masked unless they are asked for. */
final class DeviceAdministration {
  private static final Set<String> FIELDS =
      Set.of("sensor_id", "imei", "imsi", "msisdn", "serial_number", "area", "node_id");
  private static final int SHOWN = 3;

  private final DeviceStore store;
  private final Audit audit;
  private final InstantSource clock;

  DeviceAdministration(DeviceStore store, Audit audit, InstantSource clock) {
    this.store = store;
    this.audit = audit;
    this.clock = clock;
  }

  dev.serai.proto.serai.v1.Device create(dev.serai.proto.serai.v1.Device wished) {
    Instant now = now();
    Device device = device(UUID.randomUUID().toString(), wished, now, now);
    store.create(device);
    return view(device, false);
  }

  ListDevicesResponse list(ListDevicesRequest request) {
    List<Device> devices = store.all();
    if (request.getReveal()) {
      audit.append(AuditEvent.of(AuditKind.DEVICE_REVEALED, "all"));
    }
    ListDevicesResponse.Builder answer = ListDevicesResponse.newBuilder();
    devices.forEach(device -> answer.addDevices(view(device, request.getReveal())));
    return answer.build();
  }

  dev.serai.proto.serai.v1.Device show(ShowDeviceRequest request) {
    Device device = store.require(request.getId());
    if (request.getReveal()) {
      audit.append(AuditEvent.of(AuditKind.DEVICE_REVEALED, device.id()));
    }
    return view(device, request.getReveal());
  }

  dev.serai.proto.serai.v1.Device update(UpdateDeviceRequest request) {
    Set<String> fields = Set.copyOf(request.getFieldsList());
    if (fields.isEmpty() || !FIELDS.containsAll(fields)) {
      throw new RefusalException(
          ReasonCode.MALFORMED_REQUEST, "fields are some of " + FIELDS.stream().sorted().toList());
    }
    return view(
        store.update(
            request.getDevice().getId(), before -> changed(before, request.getDevice(), fields)),
        false);
  }

  private Device changed(
      Device before, dev.serai.proto.serai.v1.Device wished, Set<String> fields) {
    dev.serai.proto.serai.v1.Device.Builder all = view(before, true).toBuilder();
    for (String field : fields) {
      switch (field) {
        case "sensor_id" -> all.setSensorId(wished.getSensorId());
        case "imei" -> all.setImei(wished.getImei());
        case "imsi" -> all.setImsi(wished.getImsi());
        case "msisdn" -> all.setMsisdn(wished.getMsisdn());
        case "serial_number" -> all.setSerialNumber(wished.getSerialNumber());
        case "node_id" -> all.setNodeId(wished.getNodeId());
        default -> setArea(all, area(wished));
      }
    }
    return device(before.id(), all.build(), before.createdAt(), now());
  }

  /** The answer is masked; one that cannot be read any more is deleted all the same. */
  dev.serai.proto.serai.v1.Device delete(ShowDeviceRequest request) {
    dev.serai.proto.serai.v1.Device before;
    try {
      before = view(store.require(request.getId()), false);
    } catch (RefusalException e) {
      if (e.reason().code() != ReasonCode.SENSOR_REGISTRY_LOCKED) {
        throw e;
      }
      before = dev.serai.proto.serai.v1.Device.newBuilder().setId(request.getId()).build();
    }
    store.delete(request.getId());
    return before;
  }

  private Instant now() {
    return Instant.ofEpochMilli(clock.millis());
  }

  private static Device device(
      String id, dev.serai.proto.serai.v1.Device wished, Instant createdAt, Instant updatedAt) {
    return new Device(
        id,
        Device.Type.byWord(wished.getType())
            .orElseThrow(() -> Device.invalid("the type is mobile or gnss")),
        wished.getSensorId(),
        text(wished.getImei()),
        text(wished.getImsi()),
        text(wished.getMsisdn()),
        text(wished.getSerialNumber()),
        area(wished),
        text(wished.getNodeId()),
        createdAt,
        updatedAt);
  }

  private static Optional<String> text(String text) {
    return Optional.of(text).filter(t -> !t.isEmpty());
  }

  private static Optional<Area> area(dev.serai.proto.serai.v1.Device device) {
    boolean some = device.hasLatitude() || device.hasLongitude() || device.hasAccuracy();
    boolean all = device.hasLatitude() && device.hasLongitude() && device.hasAccuracy();
    if (some && !all) {
      throw new RefusalException(
          ReasonCode.COORDINATES_INVALID, "latitude, longitude and accuracy belong together");
    }
    return all
        ? Optional.of(new Area(device.getLatitude(), device.getLongitude(), device.getAccuracy()))
        : Optional.empty();
  }

  private static void setArea(dev.serai.proto.serai.v1.Device.Builder view, Optional<Area> area) {
    view.clearLatitude().clearLongitude().clearAccuracy();
    area.ifPresent(
        a -> view.setLatitude(a.latitude()).setLongitude(a.longitude()).setAccuracy(a.radius()));
  }

  private static dev.serai.proto.serai.v1.Device view(Device device, boolean reveal) {
    dev.serai.proto.serai.v1.Device.Builder view =
        dev.serai.proto.serai.v1.Device.newBuilder()
            .setId(device.id())
            .setType(device.type().word())
            .setSensorId(device.sensorId())
            .setImei(shown(device.imei(), reveal))
            .setImsi(shown(device.imsi(), reveal))
            .setMsisdn(shown(device.msisdn(), reveal))
            .setSerialNumber(shown(device.serialNumber(), reveal))
            .setNodeId(device.node().orElse(""))
            .setCreatedAt(device.createdAt().toEpochMilli())
            .setUpdatedAt(device.updatedAt().toEpochMilli());
    setArea(view, device.area().filter(area -> reveal));
    return view.build();
  }

  /** Of a masked one the last three characters, if it is longer than that twice. */
  private static String shown(Optional<String> value, boolean reveal) {
    String text = value.orElse("");
    if (reveal) {
      return text;
    }
    int shown = text.length() > 2 * SHOWN ? SHOWN : 0;
    return "*".repeat(text.length() - shown) + text.substring(text.length() - shown);
  }
}
