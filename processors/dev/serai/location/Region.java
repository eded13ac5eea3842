package dev.serai.location;

import java.util.Optional;
import java.util.regex.Pattern;

/** A geofence with a name. The border belongs to it. */
public sealed interface Region {
  Pattern NAME = Pattern.compile("[a-z0-9][a-z0-9-]{0,63}");

  /** As in claims. */
  String name();

  /** Metres from a point to the border: positive inside, negative outside. */
  double margin(GeoPoint point);

  private static String checked(String name) {
    if (!NAME.matcher(name).matches()) {
      throw new IllegalArgumentException("a region's name is not " + NAME);
    }
    return name;
  }

  /** All points that are no farther from its centre than its radius. */
  record Circle(String name, GeoPoint center, double radiusMetres) implements Region {
    /** A quarter of the way around the Earth: more is no circle that anybody means. */
    static final double MAX_RADIUS = 10_000_000;

    public Circle {
      checked(name);
      if (!(radiusMetres > 0 && radiusMetres <= MAX_RADIUS)) {
        throw new IllegalArgumentException("a radius is over 0 and at most " + MAX_RADIUS);
      }
    }

    @Override
    public double margin(GeoPoint point) {
      return radiusMetres - center.distanceTo(point);
    }
  }

  /** What a GeoJSON text says, RFC 7946: its edges are straight in latitude and longitude. */
  record Area(String name, GeoJson shape) implements Region {
    public Area {
      checked(name);
    }

    @Override
    public double margin(GeoPoint point) {
      return shape.margin(point);
    }
  }

  /** The circle, when it is one: operators are asked about circles only. */
  default Optional<Circle> circle() {
    return this instanceof Circle circle ? Optional.of(circle) : Optional.empty();
  }
}
