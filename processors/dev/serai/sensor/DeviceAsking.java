package dev.serai.sensor;

import dev.serai.camara.OperatorVerdict;
import dev.serai.location.DeviceAnswer;
import dev.serai.location.DeviceQuestion;
import dev.serai.reason.Kind;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.util.Optional;

/** Answers a gate of this process: is the device of an SVID where it belongs? */
final class DeviceAsking {
  private final LocationChecks checks;

  DeviceAsking(LocationChecks checks) {
    this.checks = checks;
  }

  /** As for a gate elsewhere: nothing confirms a claim about a device that is not registered. */
  AskedDevice find(DeviceQuestion question) {
    try {
      return new AskedDevice(question, checks.find(check(question)).device());
    } catch (RefusalException e) {
      if (isUnconfirmed(e.reason().code())) {
        return new AskedDevice(question, Optional.empty());
      }
      throw e;
    }
  }

  /** That the registry cannot be read says nothing of the device. */
  private static boolean isUnconfirmed(ReasonCode code) {
    return code.name().startsWith("SENSOR_") && code.kind() != Kind.UNAVAILABLE;
  }

  /** For route {@code verify-location}. */
  static LocationCheck check(DeviceQuestion question) {
    return new LocationCheck(
        new SensorIds(
            question.sensorId(),
            question.imei(),
            question.imsi(),
            question.serialNumber(),
            Optional.empty()),
        Optional.of(question.type()),
        Optional.empty(),
        question.fresh(),
        Optional.empty(),
        question.device(),
        Optional.empty());
  }

  static DeviceAnswer answer(CheckedLocation checked) {
    OperatorVerdict verdict = checked.answer().verdict();
    if (verdict.isTrue()) {
      return DeviceAnswer.CONFIRMED;
    }
    return verdict.isFalse() ? DeviceAnswer.DENIED : DeviceAnswer.UNKNOWN;
  }
}
