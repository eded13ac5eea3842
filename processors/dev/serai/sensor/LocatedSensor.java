package dev.serai.sensor;

import dev.serai.location.SensorAnswer;
import dev.serai.location.SensorQuestion;
import java.util.Objects;
import java.util.Optional;

/**
 * The verifier's question on its way through route {@code locate-device}.
 *
 * @param device when the node may use it
 */
record LocatedSensor(
    SensorQuestion question, SensorAnswer.Standing standing, Optional<Device> device) {
  LocatedSensor {
    Objects.requireNonNull(question);
    Objects.requireNonNull(standing);
    Objects.requireNonNull(device);
  }

  /** For the route: only mobile devices are in a mobile network. */
  public boolean isAsksOperator() {
    return question.area().isPresent()
        && device.filter(found -> found.type() == Device.Type.MOBILE).isPresent();
  }
}
