package dev.serai.location;

/** A place on the Earth, degrees of WGS 84. Prints nothing of it: it may be where somebody is. */
public record GeoPoint(double latitude, double longitude) {
  /** Mean radius of the Earth in metres (IUGG). The sphere is off by half a percent at most. */
  static final double EARTH_RADIUS = 6_371_008.8;

  public GeoPoint {
    if (!(latitude >= -90 && latitude <= 90) || !(longitude >= -180 && longitude <= 180)) {
      throw new IllegalArgumentException("latitude or longitude is out of range");
    }
  }

  static GeoPoint of(LocationReading.Position position) {
    return new GeoPoint(position.latitude(), position.longitude());
  }

  /** Metres along the great circle; haversine, which is exact for near points too. */
  public double distanceTo(GeoPoint other) {
    double here = Math.toRadians(latitude);
    double there = Math.toRadians(other.latitude);
    double up = Math.sin((there - here) / 2);
    double across = Math.sin(Math.toRadians(other.longitude - longitude) / 2);
    double a = up * up + Math.cos(here) * Math.cos(there) * across * across;
    return 2 * EARTH_RADIUS * Math.asin(Math.min(1, Math.sqrt(a)));
  }

  @Override
  public String toString() {
    return "GeoPoint";
  }
}
