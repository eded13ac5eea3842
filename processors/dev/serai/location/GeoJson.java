package dev.serai.location;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.locationtech.jts.geom.Coordinate;
import org.locationtech.jts.geom.Envelope;
import org.locationtech.jts.geom.Geometry;
import org.locationtech.jts.geom.GeometryFactory;
import org.locationtech.jts.geom.LinearRing;
import org.locationtech.jts.geom.Point;
import org.locationtech.jts.geom.Polygon;
import org.locationtech.jts.geom.prep.PreparedGeometry;
import org.locationtech.jts.geom.prep.PreparedGeometryFactory;
import org.locationtech.jts.geom.util.AffineTransformation;
import org.locationtech.jts.operation.valid.IsValidOp;
import org.locationtech.jts.operation.valid.TopologyValidationError;

/**
 * An area from GeoJSON, RFC 7946: Polygon or MultiPolygon, bare or in a Feature. An area across the
 * antimeridian is either cut there, as the RFC says, or written with longitudes beyond 180 (up to
 * 360); only in the second form is the cut no border. What goes across it without either, from 177
 * to -178, would be all but the area that is meant, and is refused. Safe for any thread.
 */
public final class GeoJson {
  static final int MAX_POINTS = 10_000;

  private static final GeometryFactory FACTORY = new GeometryFactory();
  private static final double METRES_PER_DEGREE = Math.toRadians(1) * GeoPoint.EARTH_RADIUS;

  private final Geometry area;
  private final PreparedGeometry prepared;

  private GeoJson(Geometry area) {
    this.area = area;
    this.prepared = PreparedGeometryFactory.prepare(area);
  }

  /**
   * @throws IllegalArgumentException with what is wrong
   */
  static GeoJson of(JsonNode json) {
    JsonNode geometry = json;
    if ("Feature".equals(json.path("type").textValue())) {
      only(json, Set.of("type", "geometry", "properties", "id", "bbox"));
      geometry = json.path("geometry");
    }
    if (!geometry.isObject()) {
      throw new IllegalArgumentException("no geometry");
    }
    only(geometry, Set.of("type", "coordinates", "bbox"));
    Points points = new Points();
    String type = geometry.path("type").textValue();
    Geometry area;
    if ("Polygon".equals(type)) {
      area = points.polygon(geometry.path("coordinates"));
    } else if ("MultiPolygon".equals(type)) {
      List<Polygon> parts = new ArrayList<>();
      for (JsonNode part : list(geometry.path("coordinates"), 1, MAX_POINTS)) {
        parts.add(points.polygon(part));
      }
      area = FACTORY.createMultiPolygon(parts.toArray(Polygon[]::new));
    } else {
      throw new IllegalArgumentException("type is neither Polygon nor MultiPolygon");
    }
    TopologyValidationError error = new IsValidOp(area).getValidationError();
    if (error != null) {
      throw new IllegalArgumentException(error.getMessage() + " in the polygon");
    }
    if (!(area.getArea() > 0)) {
      throw new IllegalArgumentException("the polygon has no area");
    }
    return new GeoJson(area);
  }

  /**
   * Whether a point lies inside is decided in latitude and longitude, where the edges are straight.
   * The distance to the border is taken on the plane that touches the Earth at the point; beyond
   * some hundred kilometres, and near the poles, it is a rough one.
   */
  double margin(GeoPoint point) {
    double best = Double.NEGATIVE_INFINITY;
    for (int turn = -360; turn <= 360; turn += 360) {
      double longitude = point.longitude() + turn;
      if (turn == 0 || near(longitude)) {
        best = Math.max(best, margin(point.latitude(), longitude));
      }
    }
    return best;
  }

  /** On the other side of the antimeridian there may be a part that was written beyond it. */
  private boolean near(double longitude) {
    Envelope box = area.getEnvelopeInternal();
    return longitude >= box.getMinX() - 180 && longitude <= box.getMaxX() + 180;
  }

  private double margin(double latitude, double longitude) {
    Point point = FACTORY.createPoint(new Coordinate(longitude, latitude));
    boolean inside = prepared.covers(point);
    double shrink = Math.max(Math.cos(Math.toRadians(latitude)), 1e-6);
    AffineTransformation toMetres =
        AffineTransformation.translationInstance(-longitude, -latitude)
            .scale(shrink * METRES_PER_DEGREE, METRES_PER_DEGREE);
    double distance =
        toMetres.transform(area.getBoundary()).distance(FACTORY.createPoint(new Coordinate(0, 0)));
    return inside ? distance : -distance;
  }

  private static void only(JsonNode json, Set<String> known) {
    json.fieldNames()
        .forEachRemaining(
            name -> {
              if (!known.contains(name)) {
                throw new IllegalArgumentException("unknown key " + name);
              }
            });
  }

  private static JsonNode list(JsonNode json, int least, int most) {
    if (!json.isArray() || json.size() < least || json.size() > most) {
      throw new IllegalArgumentException(
          "coordinates are not a list of %d to %d".formatted(least, most));
    }
    return json;
  }

  /** Counts over all rings. */
  private static final class Points {
    private static final double HALF_AROUND = 180;
    private int count;

    Polygon polygon(JsonNode json) {
      List<LinearRing> rings = new ArrayList<>();
      for (JsonNode ring : list(json, 1, MAX_POINTS)) {
        rings.add(ring(ring));
      }
      return FACTORY.createPolygon(
          rings.get(0), rings.subList(1, rings.size()).toArray(LinearRing[]::new));
    }

    private LinearRing ring(JsonNode json) {
      list(json, 4, MAX_POINTS);
      count += json.size();
      if (count > MAX_POINTS) {
        throw new IllegalArgumentException("more than %d points".formatted(MAX_POINTS));
      }
      Coordinate[] points = new Coordinate[json.size()];
      for (int i = 0; i < points.length; i++) {
        points[i] = point(json.get(i));
        if (i > 0 && Math.abs(points[i].x - points[i - 1].x) > HALF_AROUND) {
          throw new IllegalArgumentException(
              "an edge goes more than half way around the Earth: an area across the antimeridian is"
                  + " cut there or written with longitudes beyond 180");
        }
      }
      if (!points[0].equals2D(points[points.length - 1])) {
        throw new IllegalArgumentException("a ring does not end where it begins");
      }
      return FACTORY.createLinearRing(points);
    }

    private static Coordinate point(JsonNode json) {
      list(json, 2, 3);
      double longitude = degrees(json.get(0), 360);
      double latitude = degrees(json.get(1), 90);
      return new Coordinate(longitude, latitude);
    }

    private static double degrees(JsonNode json, double most) {
      double value = json.isNumber() ? json.doubleValue() : Double.NaN;
      if (!(value >= -most && value <= most)) {
        throw new IllegalArgumentException("a position is not [longitude, latitude] in degrees");
      }
      return value;
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof GeoJson json && area.equalsExact(json.area);
  }

  @Override
  public int hashCode() {
    return area.hashCode();
  }

  @Override
  public String toString() {
    return "%s of %d points".formatted(area.getGeometryType(), area.getNumPoints());
  }
}
