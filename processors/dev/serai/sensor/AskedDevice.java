package dev.serai.sensor;

import dev.serai.location.DeviceQuestion;
import java.util.Objects;
import java.util.Optional;

/**
 * A gate's question on its way through route {@code verify-device}.
 *
 * @param device the registered one that is meant
 */
record AskedDevice(DeviceQuestion question, Optional<Device> device) {
  AskedDevice {
    Objects.requireNonNull(question);
    Objects.requireNonNull(device);
  }

  /** For the route: whoever is not registered is nobody's to vouch for. */
  public boolean isRegistered() {
    return device.isPresent();
  }
}
