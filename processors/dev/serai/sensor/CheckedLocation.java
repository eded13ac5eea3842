package dev.serai.sensor;

import dev.serai.camara.OperatorAnswer;
import java.util.Optional;

/**
 * The answer of route {@code verify-location}.
 *
 * @param device empty when the request named a subscriber that is not registered
 */
public record CheckedLocation(
    LocationCheck check, Optional<Device> device, OperatorAnswer answer) {}
