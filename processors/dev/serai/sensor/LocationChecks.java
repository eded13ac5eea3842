package dev.serai.sensor;

import dev.serai.audit.Audit;
import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;
import dev.serai.camara.Area;
import dev.serai.camara.Operator;
import dev.serai.camara.OperatorAnswer;
import dev.serai.camara.OperatorQuestion;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.util.Optional;

/** What the operator is asked about a sensor, and what is recorded of its answer. */
final class LocationChecks {
  private static final String UNREGISTERED = "unregistered";

  private final DeviceLookup devices;
  private final DeviceNames names;
  private final Operator operator;
  private final Audit audit;

  LocationChecks(DeviceLookup devices, DeviceNames names, Operator operator, Audit audit) {
    this.devices = devices;
    this.names = names;
    this.operator = operator;
    this.audit = audit;
  }

  /** A check with the device it is about. */
  record Found(LocationCheck check, Optional<Device> device) {}

  /**
   * A subscriber with an area needs no registered device; but identifiers that are registered have
   * to belong together also then.
   *
   * @throws RefusalException when there is no one device that may be asked about
   */
  Found find(LocationCheck check) {
    requireMobile(check.type());
    Optional<Device> device;
    try {
      device = Optional.of(named(check));
    } catch (RefusalException e) {
      boolean enough = check.ids().msisdn().isPresent() && check.area().isPresent();
      if (!enough || check.name().isPresent() || e.reason().code() != ReasonCode.SENSOR_UNKNOWN) {
        throw e;
      }
      device = Optional.empty();
    }
    requireMobile(device.map(d -> d.type().word()));
    Optional<String> owner = device.flatMap(Device::node);
    if (check.node().isPresent() && owner.isPresent() && !owner.get().equals(check.node().get())) {
      throw new RefusalException(ReasonCode.SENSOR_UNBOUND, "the sensor belongs to another node");
    }
    return new Found(check, device);
  }

  /** By its name or by its identifiers, and what both say has to be the same. */
  private Device named(LocationCheck check) {
    if (check.name().isEmpty()) {
      return devices.find(check.ids());
    }
    Device device = names.find(check.name().get());
    boolean more = check.ids().sensorId().isPresent() || !check.ids().unique().isEmpty();
    if (more && !devices.find(check.ids()).id().equals(device.id())) {
      throw new RefusalException(
          ReasonCode.SENSOR_UNBOUND, "name and identifiers belong to two sensors");
    }
    return device;
  }

  private static void requireMobile(Optional<String> type) {
    type.filter(word -> !word.equals(Device.Type.MOBILE.word()))
        .ifPresent(
            word -> {
              throw new RefusalException(
                  ReasonCode.SENSOR_TYPE_UNSUPPORTED,
                  word.matches("[A-Za-z0-9_-]{1,32}") ? word : "other");
            });
  }

  OperatorQuestion question(Found found) {
    String msisdn =
        found
            .device()
            .flatMap(Device::msisdn)
            .or(() -> found.check().ids().msisdn())
            .orElseThrow(
                () -> new RefusalException(ReasonCode.SENSOR_UNKNOWN, "it has no phone number"));
    Area area =
        found
            .check()
            .area()
            .or(() -> found.device().flatMap(Device::area))
            .orElseThrow(
                () ->
                    new RefusalException(
                        ReasonCode.COORDINATES_INVALID, "no area is named or registered"));
    return operator.question(msisdn, area, found.check().fresh(), found.check().maxAge());
  }

  /** Recorded when the operator was asked; an answer that was kept was recorded before. */
  CheckedLocation conclude(Found found, OperatorAnswer answer) {
    if (!answer.kept()) {
      AuditEvent event =
          AuditEvent.of(
                  AuditKind.LOCATION_VERDICT, found.device().map(Device::id).orElse(UNREGISTERED))
              .with("result", answer.verdict().result().name());
      audit.append(
          answer.verdict().matchRate().isPresent()
              ? event.with("matchRate", answer.verdict().matchRate().getAsInt())
              : event);
    }
    return new CheckedLocation(found.check(), found.device(), answer);
  }
}
