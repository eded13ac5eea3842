package dev.serai.sensor;

import dev.serai.camara.Area;
import dev.serai.camara.OperatorVerdict;
import dev.serai.location.LocationReading;
import dev.serai.location.Region;
import dev.serai.location.SensorAnswer;
import dev.serai.location.SensorQuestion;
import dev.serai.location.SignedWord;
import dev.serai.reason.RefusalException;
import java.util.Optional;

/** Answers the verifier: whose sensor it is, and what the operator says of it. */
final class Locating {
  private final DeviceLookup devices;
  private final Endorsing endorsing;

  Locating(DeviceLookup devices, Endorsing endorsing) {
    this.devices = devices;
    this.endorsing = endorsing;
  }

  /** A device that is registered for no node in particular is that of whoever has it. */
  LocatedSensor find(SensorQuestion question) {
    LocationReading reading = question.reading();
    Device device;
    try {
      device =
          devices.find(
              new SensorIds(
                  Optional.of(reading.sensorId()),
                  reading.imei(),
                  reading.imsi(),
                  reading.serialNumber(),
                  reading.msisdn()));
    } catch (RefusalException e) {
      return switch (e.reason().code()) {
        case SENSOR_UNKNOWN -> found(question, SensorAnswer.Standing.UNKNOWN);
        case SENSOR_UNBOUND,
            SENSOR_AMBIGUOUS,
            IMEI_INVALID,
            IMSI_INVALID,
            MSISDN_INVALID,
            MALFORMED_REQUEST ->
            found(question, SensorAnswer.Standing.UNBOUND);
        default -> throw e;
      };
    }
    boolean mine = device.node().filter(owner -> !owner.equals(question.nodeId())).isEmpty();
    boolean same = device.type().word().equals(reading.type());
    return mine && same
        ? new LocatedSensor(question, SensorAnswer.Standing.BOUND, Optional.of(device))
        : found(question, SensorAnswer.Standing.UNBOUND);
  }

  private static LocatedSensor found(SensorQuestion question, SensorAnswer.Standing standing) {
    return new LocatedSensor(question, standing, Optional.empty());
  }

  /** For route {@code verify-location}. */
  LocationCheck check(LocatedSensor located) {
    Device device = located.device().orElseThrow();
    Region.Circle area = located.question().area().orElseThrow();
    return new LocationCheck(
        new SensorIds(
            Optional.of(device.sensorId()),
            device.imei(),
            device.imsi(),
            device.serialNumber(),
            device.msisdn()),
        Optional.of(Device.Type.MOBILE.word()),
        Optional.of(
            new Area(area.center().latitude(), area.center().longitude(), area.radiusMetres())),
        false,
        Optional.of(located.question().nodeId()),
        Optional.empty(),
        Optional.of(located.question().maxAge()));
  }

  /** Without an operator's word. */
  SensorAnswer answer(LocatedSensor located) {
    return new SensorAnswer(located.standing(), Optional.empty(), msisdn(located));
  }

  /** With it; its yes is signed for the verifier's nonce. */
  SensorAnswer answer(LocatedSensor located, CheckedLocation checked) {
    OperatorVerdict verdict = checked.answer().verdict();
    return new SensorAnswer(
        located.standing(),
        Optional.of(SensorAnswer.Word.valueOf(verdict.result().name())),
        msisdn(located),
        verdict.isTrue() ? Optional.of(endorsed(located, checked)) : Optional.empty(),
        verdict.isTrue() ? Optional.of(endorsing.keys().toText()) : Optional.empty());
  }

  private SignedWord endorsed(LocatedSensor located, CheckedLocation checked) {
    Device device = located.device().orElseThrow();
    SignedLocation signed =
        endorsing.sign(
            new EndorsementRequest(
                device.imei().orElseThrow(),
                device.imsi().orElseThrow(),
                located.question().nonce(),
                checked.check().area()),
            checked);
    return new SignedWord(
        signed.endorsement().signedBytes().toText(), signed.signature().toBase64(), signed.keyId());
  }

  private static Optional<String> msisdn(LocatedSensor located) {
    return located.device().flatMap(Device::msisdn).map(number -> "tel:" + number);
  }
}
