package dev.serai.sensor;

import dev.serai.camara.Area;
import java.time.Duration;
import java.util.Optional;

/**
 * The question of route {@code verify-location}: is this sensor where it belongs, or in this area?
 *
 * @param type as the caller calls it; empty when it does not say
 * @param area empty for the registered one
 * @param fresh an answer that is kept from before does not count
 * @param node the node that uses the sensor, where that is known
 * @param name by which SVIDs name the device, hex, in place of identifiers
 * @param maxAge of an answer that is kept; empty for as long as answers are kept
 */
public record LocationCheck(
    SensorIds ids,
    Optional<String> type,
    Optional<Area> area,
    boolean fresh,
    Optional<String> node,
    Optional<String> name,
    Optional<Duration> maxAge) {
  /** By identifiers. */
  public LocationCheck(
      SensorIds ids,
      Optional<String> type,
      Optional<Area> area,
      boolean fresh,
      Optional<String> node) {
    this(ids, type, area, fresh, node, Optional.empty(), Optional.empty());
  }
}
