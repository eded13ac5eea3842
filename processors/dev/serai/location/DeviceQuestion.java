package dev.serai.location;

import java.util.Objects;
import java.util.Optional;

/**
 * Body of the hop {@code serai.hop.device}, asked of the sensor service: is this device where it is
 * registered to be? It is named by its pseudonym, or, where the claims are in the prototype's form,
 * by what stands in them. The answer is a {@link DeviceAnswer}.
 *
 * @param type of the sensor: "mobile" or "gnss"
 * @param device hex; the pseudonym in the private form of the claims
 * @param fresh an answer that the operator gave before does not count
 */
public record DeviceQuestion(
    String type,
    Optional<String> device,
    Optional<String> sensorId,
    Optional<String> imei,
    Optional<String> imsi,
    Optional<String> serialNumber,
    boolean fresh) {
  public DeviceQuestion {
    Objects.requireNonNull(type);
    Objects.requireNonNull(device);
    Objects.requireNonNull(sensorId);
    Objects.requireNonNull(imei);
    Objects.requireNonNull(imsi);
    Objects.requireNonNull(serialNumber);
  }

  /** The same question, asked anew or not. */
  public DeviceQuestion fresh(boolean anew) {
    return new DeviceQuestion(type, device, sensorId, imei, imsi, serialNumber, anew);
  }

  /** Not whose it is. */
  @Override
  public String toString() {
    return "DeviceQuestion[" + type + "]";
  }
}
