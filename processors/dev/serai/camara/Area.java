package dev.serai.camara;

import dev.serai.location.DeviceIds;

/**
 * A circle.
 *
 * @param latitude of its centre, degrees north, WGS 84
 * @param longitude degrees east
 * @param radius metres
 */
public record Area(double latitude, double longitude, double radius) {
  public Area {
    latitude = DeviceIds.latitude(latitude);
    longitude = DeviceIds.longitude(longitude);
    radius = DeviceIds.accuracy(radius);
  }

  /** Where it is is personal. */
  @Override
  public String toString() {
    return "Area[]";
  }
}
