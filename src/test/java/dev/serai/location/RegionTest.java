package dev.serai.location;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RegionTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int ROUNDS = 2_000;

  private static Region.Area area(String geoJson) throws Exception {
    return new Region.Area("area", GeoJson.of(JSON.readTree(geoJson)));
  }

  /** The point that lies so far away in that direction; the direct problem on a sphere. */
  private static GeoPoint away(GeoPoint from, double metres, double bearing) {
    double d = metres / GeoPoint.EARTH_RADIUS;
    double lat = Math.toRadians(from.latitude());
    double there =
        Math.asin(Math.sin(lat) * Math.cos(d) + Math.cos(lat) * Math.sin(d) * Math.cos(bearing));
    double turn =
        Math.atan2(
            Math.sin(bearing) * Math.sin(d) * Math.cos(lat),
            Math.cos(d) - Math.sin(lat) * Math.sin(there));
    double longitude = Math.toDegrees(Math.toRadians(from.longitude()) + turn);
    return new GeoPoint(Math.toDegrees(there), Math.IEEEremainder(longitude, 360)); // -180 to 180
  }

  @Test
  void known_distances_are_met() {
    GeoPoint madrid = new GeoPoint(40.4168, -3.7038);
    GeoPoint paris = new GeoPoint(48.8566, 2.3522);
    assertThat(madrid.distanceTo(paris)).isCloseTo(1_052_700, within(3_000.0));
    assertThat(new GeoPoint(0, 179.5).distanceTo(new GeoPoint(0, -179.5)))
        .isCloseTo(111_195, within(1.0));
    assertThat(new GeoPoint(90, 0).distanceTo(new GeoPoint(-90, 77)))
        .isCloseTo(Math.PI * GeoPoint.EARTH_RADIUS, within(1.0));
    assertThat(madrid.distanceTo(madrid)).isZero();
  }

  @Test
  void a_circle_ends_at_its_radius_in_every_direction_and_everywhere_on_earth() {
    Random dice = new Random(4071);
    for (int i = 0; i < ROUNDS; i++) {
      GeoPoint center = new GeoPoint(dice.nextDouble(-89, 89), dice.nextDouble(-180, 180));
      double radius = Math.pow(10, dice.nextDouble(1, 6));
      Region.Circle circle = new Region.Circle("c", center, radius);
      double bearing = dice.nextDouble(0, 2 * Math.PI);
      double step = Math.max(radius * 1e-6, 0.01);
      assertThat(circle.margin(away(center, radius - step, bearing)))
          .as("inside, round %d", i)
          .isPositive();
      assertThat(circle.margin(away(center, radius + step, bearing)))
          .as("outside, round %d", i)
          .isNegative();
    }
  }

  @Test
  void a_polygon_ends_at_its_edges() throws Exception {
    Region.Area square =
        area(
            "{\"type\":\"Polygon\",\"coordinates\":[[[-4,40],[-3,40],[-3,41],[-4,41],[-4,40]],"
                + "[[-3.6,40.4],[-3.4,40.4],[-3.4,40.6],[-3.6,40.6],[-3.6,40.4]]]}");
    double metresNorth = Math.toRadians(1) * GeoPoint.EARTH_RADIUS;
    Random dice = new Random(4072);
    for (int i = 0; i < ROUNDS; i++) {
      double off = dice.nextDouble(1e-6, 0.05);
      double longitude = dice.nextDouble(-3.95, -3.65); // clear of hole and corners
      assertThat(square.margin(new GeoPoint(40 + off, longitude)))
          .as("round %d", i)
          .isCloseTo(
              Math.min(
                  off * metresNorth,
                  (longitude + 4) * metresNorth * Math.cos(Math.toRadians(40 + off))),
              within(1.0));
      assertThat(square.margin(new GeoPoint(40 - off, longitude)))
          .isCloseTo(-off * metresNorth, within(1.0));
      assertThat(square.margin(new GeoPoint(40.4 + off, -3.5)))
          .as("in the hole, round %d", i)
          .isNegative();
    }
    assertThat(square.margin(new GeoPoint(40, -3.5))).as("the border belongs to it").isZero();
  }

  @Test
  void a_many_cornered_polygon_agrees_with_the_circle_it_follows() throws Exception {
    GeoPoint center = new GeoPoint(52.5, 13.4);
    double radius = 10_000;
    List<String> points = new ArrayList<>();
    for (int i = 0; i <= 720; i++) {
      GeoPoint at = away(center, radius, -Math.PI * (i % 720) / 360);
      points.add("[%s,%s]".formatted(at.longitude(), at.latitude()));
    }
    Region.Area polygon =
        area(
            "{\"type\":\"Feature\",\"properties\":{},\"geometry\":{\"type\":\"Polygon\","
                + "\"coordinates\":[["
                + String.join(",", points)
                + "]]}}");
    Region.Circle circle = new Region.Circle("c", center, radius);
    Random dice = new Random(4073);
    for (int i = 0; i < ROUNDS; i++) {
      GeoPoint at = away(center, dice.nextDouble(0, 2 * radius), dice.nextDouble(0, 2 * Math.PI));
      assertThat(polygon.margin(at))
          .as("round %d", i)
          .isCloseTo(circle.margin(at), within(radius * 0.01));
    }
  }

  @Test
  void an_area_across_the_antimeridian_is_one_area() throws Exception {
    Region.Area fiji =
        area(
            "{\"type\":\"Polygon\",\"coordinates\":[[[177,-20],[182,-20],[182,-15],[177,-15],"
                + "[177,-20]]]}");
    assertThat(fiji.margin(new GeoPoint(-17, 179.9))).isPositive();
    assertThat(fiji.margin(new GeoPoint(-17, -179.9))).isGreaterThan(100_000);
    assertThat(fiji.margin(new GeoPoint(-17, -177.9))).isNegative().isGreaterThan(-20_000);
    assertThat(fiji.margin(new GeoPoint(-17, 2))).isNegative();
    Region.Circle circle = new Region.Circle("c", new GeoPoint(-17, 179.9), 50_000);
    assertThat(circle.margin(new GeoPoint(-17, -179.9))).isPositive();
  }

  /** Taken as it stands it is the whole Earth but for Fiji. */
  @Test
  void an_area_that_goes_across_the_antimeridian_unsaid_is_refused() {
    assertThatThrownBy(
            () ->
                area(
                    "{\"type\":\"Polygon\",\"coordinates\":[[[177,-20],[-178,-20],[-178,-15],"
                        + "[177,-15],[177,-20]]]}"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("longitudes beyond 180");
  }

  @Test
  void an_area_around_a_pole_holds_what_is_near_it_and_nothing_of_the_other() throws Exception {
    Region.Area cap =
        area(
            "{\"type\":\"Polygon\",\"coordinates\":[[[-180,70],[-90,70],[0,70],[90,70],[180,70],"
                + "[180,90],[90,90],[0,90],[-90,90],[-180,90],[-180,70]]]}");
    for (double longitude = -179; longitude <= 179; longitude += 17.9) {
      assertThat(cap.margin(new GeoPoint(75, longitude))).isPositive();
      assertThat(cap.margin(new GeoPoint(65, longitude))).isLessThan(-100_000);
      assertThat(cap.margin(new GeoPoint(-89.99, longitude))).isNegative();
    }
    Region.Circle pole = new Region.Circle("pole", new GeoPoint(90, 0), 50_000);
    assertThat(pole.margin(new GeoPoint(89.9, 133))).isPositive();
    assertThat(pole.margin(new GeoPoint(89.9, -47))).isPositive();
    assertThat(pole.margin(new GeoPoint(89, 133))).isNegative();
  }

  @Test
  void several_polygons_are_one_region() throws Exception {
    Region.Area two =
        area(
            "{\"type\":\"MultiPolygon\",\"coordinates\":[[[[0,0],[1,0],[1,1],[0,1],[0,0]]],"
                + "[[[5,5],[6,5],[6,6],[5,6],[5,5]]]]}");
    assertThat(two.margin(new GeoPoint(0.5, 0.5))).isPositive();
    assertThat(two.margin(new GeoPoint(5.5, 5.5))).isPositive();
    assertThat(two.margin(new GeoPoint(3, 3))).isNegative();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "[]",
        "{\"type\":\"Point\",\"coordinates\":[1,2]}",
        "{\"type\":\"Polygon\"}",
        "{\"type\":\"Polygon\",\"coordinates\":[]}",
        "{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,0],[0,0]]]}",
        "{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,0],[1,1],[0,1]]]}",
        "{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,1],[1,0],[0,1],[0,0]]]}",
        "{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,0],[2,0],[0,0]]]}",
        "{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,0],[1,91],[0,1],[0,0]]]}",
        "{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[361,0],[1,1],[0,1],[0,0]]]}",
        "{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[\"1\",0],[1,1],[0,1],[0,0]]]}",
        "{\"type\":\"Polygon\",\"crs\":1,\"coordinates\":[[[0,0],[1,0],[1,1],[0,1],[0,0]]]}",
        "{\"type\":\"Feature\",\"geometry\":null}"
      })
  void what_is_no_area_is_refused(String json) {
    assertThatThrownBy(() -> area(json)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void an_area_of_too_many_points_is_refused() {
    StringBuilder ring = new StringBuilder("[0,0]");
    for (int i = 0; i < GeoJson.MAX_POINTS; i++) {
      ring.append(",[1,").append(i / 1e6).append(']');
    }
    assertThatThrownBy(() -> area("{\"type\":\"Polygon\",\"coordinates\":[[" + ring + ",[0,0]]]}"))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void a_place_outside_the_earth_is_no_place() {
    for (double[] bad :
        new double[][] {{91, 0}, {-91, 0}, {0, 181}, {0, -181}, {Double.NaN, 0}, {0, Double.NaN}}) {
      assertThatThrownBy(() -> new GeoPoint(bad[0], bad[1]))
          .isInstanceOf(IllegalArgumentException.class);
    }
    assertThatThrownBy(() -> new Region.Circle("c", new GeoPoint(0, 0), 0))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new Region.Circle("No Name", new GeoPoint(0, 0), 1))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void a_place_does_not_print() {
    assertThat(new GeoPoint(40.4168, -3.7038) + "" + new Region.Circle("c", new GeoPoint(1, 2), 3))
        .doesNotContain("40.4168", "3.7038");
  }
}
