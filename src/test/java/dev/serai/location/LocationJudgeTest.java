package dev.serai.location;

import static org.assertj.core.api.Assertions.assertThat;

import dev.serai.location.LocationRule.Border;
import dev.serai.location.LocationRule.DeviceCheck;
import dev.serai.location.LocationRule.Need;
import dev.serai.location.SensorAnswer.Standing;
import dev.serai.location.SensorAnswer.Word;
import dev.serai.reason.ReasonCode;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** One rule that is met; a test changes one thing. */
class LocationJudgeTest {
  private static final String NONCE = "0123456789abcdef";
  private static final Instant NOW = Instant.parse("2026-11-26T12:00:00Z");
  private static final Region.Circle MADRID =
      new Region.Circle("madrid", new GeoPoint(40.4, -3.7), 20_000);
  private static final Region.Circle PARIS =
      new Region.Circle("paris", new GeoPoint(48.85, 2.35), 20_000);

  private Need need = Need.REQUIRED;
  private List<Region> regions = List.of(PARIS, MADRID);
  private Border border = Border.INSIDE;
  private double hysteresis;
  private double maxAccuracy = 30_000_000;
  private List<SensorPattern> sensors = List.of();
  private DeviceCheck check = DeviceCheck.REGISTRY;
  private Assurance minimum = Assurance.CLAIMED;
  private String type = LocationReading.MOBILE;
  private String source = "modem";
  private Optional<LocationReading.Position> position = at(40.41, -3.71, 7);
  private Instant takenAt = NOW.minusSeconds(10);
  private Standing standing = Standing.BOUND;
  private Optional<Word> operator = Optional.empty();
  private Optional<Trail> last = Optional.empty();
  private List<Trail> sensorLast = List.of();

  private static Optional<LocationReading.Position> at(double lat, double lon, double accuracy) {
    return Optional.of(new LocationReading.Position(lat, lon, accuracy));
  }

  private LocationRule rule() {
    return new LocationRule(
        need,
        regions,
        border,
        hysteresis,
        sensors,
        check,
        Duration.ofMinutes(10),
        minimum,
        maxAccuracy,
        1_200);
  }

  private LocationReading reading() {
    return new LocationReading(
        type,
        "12d1:1433",
        Optional.of("356345043865103"),
        Optional.of("214070610960475"),
        Optional.empty(),
        Optional.empty(),
        position,
        takenAt,
        source);
  }

  private LocationJudge.Outcome judge() {
    Optional<LocationJudge.Outcome> early =
        LocationJudge.before(rule(), Optional.of(reading()), NOW);
    if (early.isPresent()) {
      return early.get();
    }
    Optional<SensorAnswer> answer =
        LocationJudge.question(rule(), "n1", reading(), NONCE)
            .map(q -> new SensorAnswer(standing, operator, Optional.empty()));
    return LocationJudge.judge(rule(), reading(), answer, last, sensorLast, NOW);
  }

  private AttestedLocation accepted() {
    LocationJudge.Outcome outcome = judge();
    assertThat(outcome).isInstanceOf(LocationJudge.Accepted.class);
    return ((LocationJudge.Accepted) outcome).location().orElseThrow();
  }

  /** Denied where the rule needs it, otherwise not claimed. */
  private void unmet(ReasonCode code) {
    assertThat(judge())
        .isInstanceOfSatisfying(
            LocationJudge.Denied.class, d -> assertThat(d.reason().code()).isEqualTo(code));
    need = Need.OPTIONAL;
    assertThat(judge())
        .isInstanceOfSatisfying(
            LocationJudge.NotClaimed.class, n -> assertThat(n.reason().code()).isEqualTo(code));
  }

  /** Denied, whether the rule needs a location or not. */
  private void denied(ReasonCode code) {
    for (Need one : List.of(Need.REQUIRED, Need.OPTIONAL)) {
      need = one;
      assertThat(judge())
          .isInstanceOfSatisfying(
              LocationJudge.Denied.class,
              d -> {
                assertThat(d.reason().code()).isEqualTo(code);
                assertThat(d.reason().detail()).doesNotContain("356345043865103", "40.41");
              });
    }
  }

  @Test
  void a_reading_that_meets_its_rule_is_attested_for_as_long_as_it_counts() {
    AttestedLocation location = accepted();
    assertThat(location.region()).contains("madrid");
    assertThat(location.assurance()).isEqualTo(Assurance.CLAIMED);
    assertThat(location.validUntil()).isEqualTo(takenAt.plus(Duration.ofMinutes(10)));
    assertThat(location.isValid(NOW)).isTrue();
    assertThat(location.isValid(location.validUntil())).isFalse();
  }

  @Test
  void n25_a_location_outside_the_geofence_is_denied() {
    position = at(41.4, -3.7, 7);
    unmet(ReasonCode.LOCATION_OUTSIDE);
  }

  @Test
  void n26_a_missing_location_is_denied_where_the_policy_needs_it() {
    assertThat(LocationJudge.before(rule(), Optional.empty(), NOW).orElseThrow())
        .isInstanceOfSatisfying(
            LocationJudge.Denied.class,
            d -> assertThat(d.reason().code()).isEqualTo(ReasonCode.LOCATION_MISSING));
    sensors = List.of(new SensorPattern("*"));
    assertThat(LocationJudge.before(rule(), Optional.empty(), NOW).orElseThrow())
        .as("W28: every sensor is not no sensor")
        .isInstanceOf(LocationJudge.Denied.class);
    need = Need.OPTIONAL;
    assertThat(LocationJudge.before(rule(), Optional.empty(), NOW).orElseThrow())
        .isEqualTo(new LocationJudge.Accepted(Optional.empty()));
  }

  @Test
  void n28_a_reading_older_than_the_rule_allows_is_denied() {
    takenAt = NOW.minus(Duration.ofMinutes(10));
    assertThat(accepted().validUntil()).isEqualTo(NOW);
    takenAt = takenAt.minusMillis(1);
    unmet(ReasonCode.LOCATION_STALE);
  }

  @Test
  void n28_a_reading_from_the_future_is_denied_and_never_counts_longer() {
    takenAt = NOW.plusSeconds(60);
    assertThat(accepted().validUntil()).isEqualTo(NOW.plus(Duration.ofMinutes(10)));
    takenAt = NOW.plusSeconds(61);
    unmet(ReasonCode.LOCATION_STALE);
  }

  @Test
  void n29_a_sensor_of_another_node_or_sim_is_denied() {
    standing = Standing.UNBOUND;
    denied(ReasonCode.SENSOR_UNBOUND);
  }

  @Test
  void n30_a_sensor_that_nobody_registered_is_denied() {
    standing = Standing.UNKNOWN;
    denied(ReasonCode.SENSOR_UNKNOWN);
  }

  @Test
  void n32_faster_than_anything_travels_is_denied() {
    last = Optional.of(new Trail(at(48.85, 2.35, 7), takenAt.minusSeconds(600), Optional.empty()));
    denied(ReasonCode.LOCATION_IMPOSSIBLE_TRAVEL);
    last = Optional.empty();
    sensorLast =
        List.of(new Trail(at(48.85, 2.35, 7), takenAt.minusSeconds(600), Optional.empty()));
    denied(ReasonCode.LOCATION_IMPOSSIBLE_TRAVEL);
    sensorLast =
        List.of(new Trail(at(48.85, 2.35, 7), takenAt.minusSeconds(3_600), Optional.empty()));
    accepted();
  }

  /** Otherwise one reading of nowhere in particular would lie between any two places. */
  @Test
  void n32_who_says_that_he_hardly_knows_where_he_is_does_not_get_there_by_that() {
    last =
        Optional.of(
            new Trail(at(35.68, 139.69, 20_000_000), takenAt.minusSeconds(600), Optional.empty()));
    denied(ReasonCode.LOCATION_IMPOSSIBLE_TRAVEL);
    last =
        Optional.of(new Trail(at(35.68, 139.69, 7), takenAt.minusSeconds(600), Optional.empty()));
    position = at(40.41, -3.71, 20_000_000);
    denied(ReasonCode.LOCATION_IMPOSSIBLE_TRAVEL);
  }

  @Test
  void two_readings_whose_circles_touch_are_no_travel() {
    position = at(40.41, -3.71, 5_000);
    last = Optional.of(new Trail(at(40.45, -3.71, 5_000), takenAt, Optional.empty()));
    accepted();
  }

  @ParameterizedTest
  @EnumSource(names = {"UNKNOWN", "PARTIAL"})
  void n33_an_operator_that_cannot_say_does_not_confirm(Word word) {
    minimum = Assurance.OPERATOR_VERIFIED;
    operator = Optional.of(word);
    unmet(ReasonCode.LOCATION_UNDECIDED);
  }

  @Test
  void n33_an_operator_that_was_not_asked_does_not_confirm() {
    minimum = Assurance.OPERATOR_VERIFIED;
    unmet(ReasonCode.LOCATION_UNDECIDED);
  }

  @Test
  void an_operator_that_finds_it_elsewhere_denies() {
    minimum = Assurance.OPERATOR_VERIFIED;
    operator = Optional.of(Word.FALSE);
    unmet(ReasonCode.LOCATION_NOT_CONFIRMED);
  }

  @ParameterizedTest
  @CsvSource({
    "mobile,modem,false,CLAIMED",
    "mobile,modem,true,OPERATOR_VERIFIED",
    "gnss,gpsd,false,GNSS",
    "gnss,nmea,true,BOTH",
    "gnss,file,false,CLAIMED",
    "gnss,file,true,OPERATOR_VERIFIED"
  })
  void assurance_is_what_was_measured(
      String ofType, String from, boolean confirmed, Assurance expected) {
    type = ofType;
    source = from;
    minimum = confirmed ? Assurance.OPERATOR_VERIFIED : Assurance.CLAIMED;
    operator = confirmed ? Optional.of(Word.TRUE) : Optional.empty();
    assertThat(accepted().assurance()).isEqualTo(expected);
  }

  @Test
  void less_assurance_than_the_rule_wants_is_denied() {
    minimum = Assurance.GNSS;
    unmet(ReasonCode.LOCATION_ASSURANCE_LOW);
  }

  @Test
  void a_location_that_is_forbidden_is_denied_and_its_absence_is_well() {
    need = Need.FORBIDDEN;
    assertThat(judge())
        .isInstanceOfSatisfying(
            LocationJudge.Denied.class,
            d -> assertThat(d.reason().code()).isEqualTo(ReasonCode.LOCATION_FORBIDDEN));
    assertThat(LocationJudge.before(rule(), Optional.empty(), NOW).orElseThrow())
        .isEqualTo(new LocationJudge.Accepted(Optional.empty()));
  }

  @ParameterizedTest
  @CsvSource({
    "*,true",
    "mobile:12d1:1433,true",
    "mobile:12d1:*,true",
    "mobile:*,true",
    "gnss:*,false",
    "mobile:12d1:14,false",
    "mobile:12d1:14330,false",
    "gnss:12d1:1433,false"
  })
  void the_allow_list_is_read_as_the_prototype_reads_it(String pattern, boolean allowed) {
    sensors = List.of(new SensorPattern(pattern));
    if (allowed) {
      accepted();
    } else {
      denied(ReasonCode.SENSOR_NOT_ALLOWED);
    }
  }

  @Test
  void the_accuracy_circle_has_to_lie_inside_or_to_touch() {
    double edge = 40.4 + Math.toDegrees(20_000 / GeoPoint.EARTH_RADIUS);
    position = at(edge - 0.001, -3.7, 200); // 111 m inside
    unmet(ReasonCode.LOCATION_OUTSIDE);
    need = Need.REQUIRED;
    border = Border.OVERLAP;
    assertThat(accepted().region()).contains("madrid");
    position = at(edge + 0.001, -3.7, 200);
    accepted();
    position = at(edge + 0.001, -3.7, 100);
    unmet(ReasonCode.LOCATION_OUTSIDE);
  }

  @Test
  void an_accuracy_that_touches_every_region_says_nothing() {
    border = Border.OVERLAP;
    position = at(-33.9, 151.2, 20_000_000);
    accepted(); // with a bound that allows it
    maxAccuracy = LocationRule.NONE.maxAccuracyMetres();
    unmet(ReasonCode.LOCATION_INACCURATE);
    need = Need.REQUIRED;
    position = at(40.41, -3.71, maxAccuracy);
    accepted();
  }

  @Test
  void a_node_leaves_its_region_only_beyond_the_hysteresis() {
    hysteresis = 500;
    double edge = 40.4 + Math.toDegrees(20_000 / GeoPoint.EARTH_RADIUS);
    position = at(edge + 0.002, -3.7, 7); // 222 m outside
    last = Optional.of(new Trail(Optional.empty(), takenAt, Optional.of("madrid")));
    accepted();
    last = Optional.of(new Trail(Optional.empty(), takenAt, Optional.of("paris")));
    unmet(ReasonCode.LOCATION_OUTSIDE);
    need = Need.REQUIRED;
    last = Optional.of(new Trail(Optional.empty(), takenAt, Optional.of("madrid")));
    position = at(edge + 0.006, -3.7, 7);
    unmet(ReasonCode.LOCATION_OUTSIDE);
  }

  @Test
  void at_every_border_the_rule_says_what_the_distance_says() {
    Random dice = new Random(4074);
    for (int i = 0; i < 500; i++) {
      double accuracy = dice.nextDouble(0, 3_000);
      position =
          at(40.4 + dice.nextDouble(-0.25, 0.25), -3.7 + dice.nextDouble(-0.3, 0.3), accuracy);
      double margin = MADRID.margin(GeoPoint.of(position.orElseThrow()));
      double rounded = position.orElseThrow().accuracyMetres();
      border = Border.INSIDE;
      assertThat(judge() instanceof LocationJudge.Accepted).isEqualTo(margin >= rounded);
      border = Border.OVERLAP;
      assertThat(judge() instanceof LocationJudge.Accepted).isEqualTo(margin >= -rounded);
    }
  }

  @Test
  void without_a_position_the_operator_is_asked_about_the_only_region() {
    position = Optional.empty();
    regions = List.of(MADRID);
    minimum = Assurance.OPERATOR_VERIFIED;
    assertThat(LocationJudge.question(rule(), "n1", reading(), NONCE).orElseThrow().area())
        .contains(MADRID);
    operator = Optional.of(Word.TRUE);
    assertThat(accepted().region()).contains("madrid");
    minimum = Assurance.CLAIMED;
    operator = Optional.empty();
    unmet(ReasonCode.LOCATION_OUTSIDE);
  }

  @Test
  void the_operator_is_asked_only_where_the_rule_wants_its_word() {
    assertThat(LocationJudge.question(rule(), "n1", reading(), NONCE).orElseThrow().area())
        .isEmpty();
    minimum = Assurance.BOTH;
    Region.Circle asked =
        LocationJudge.question(rule(), "n1", reading(), NONCE).orElseThrow().area().orElseThrow();
    assertThat(asked.radiusMetres()).isEqualTo(2_000);
    assertThat(asked.center()).isEqualTo(new GeoPoint(40.41, -3.71));
  }

  @Test
  void a_rule_that_names_the_sensor_asks_nobody() {
    check = DeviceCheck.POLICY;
    sensors = List.of(new SensorPattern("mobile:12d1:1433"));
    standing = Standing.UNKNOWN;
    assertThat(LocationJudge.question(rule(), "n1", reading(), NONCE)).isEmpty();
    accepted();
  }
}
