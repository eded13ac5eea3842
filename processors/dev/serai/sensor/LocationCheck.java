package dev.serai.sensor;

import dev.serai.camara.Area;
import java.util.Optional;

/**
 * The question of route {@code verify-location}: is this sensor where it belongs, or in this area?
 *
 * @param type as the caller calls it; empty when it does not say
 * @param area empty for the registered one
 * @param fresh an answer that is kept from before does not count
 * @param node the node that uses the sensor, where that is known
 */
public record LocationCheck(
    SensorIds ids,
    Optional<String> type,
    Optional<Area> area,
    boolean fresh,
    Optional<String> node) {}
