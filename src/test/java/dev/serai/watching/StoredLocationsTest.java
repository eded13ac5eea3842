package dev.serai.watching;

import static org.assertj.core.api.Assertions.assertThat;

import dev.serai.location.Assurance;
import dev.serai.location.AttestedLocation;
import dev.serai.location.LocationReading;
import dev.serai.location.LocationRule;
import dev.serai.location.LocationRule.Need;
import dev.serai.location.LocationStore;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.store.SqliteDatabase;
import dev.serai.tpm.Bytes;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoredLocationsTest {
  private static final Instant NOW = Instant.parse("2026-11-26T12:00:00Z");
  private static final Bytes IMEI = Bytes.ofHex("aa".repeat(32));
  private static final Bytes IMSI = Bytes.ofHex("bb".repeat(32));
  private static final LocationRule REQUIRED =
      new LocationRule(
          Need.REQUIRED,
          List.of(),
          LocationRule.Border.INSIDE,
          0,
          List.of(),
          LocationRule.DeviceCheck.REGISTRY,
          Duration.ofMinutes(10),
          Assurance.CLAIMED,
          5_000,
          1_200);

  @TempDir Path directory;
  private SqliteDatabase database;
  private StoredLocations locations;

  @BeforeEach
  void open() {
    database = SqliteDatabase.open(directory.resolve("serai.db"));
    locations = new StoredLocations(database);
  }

  @AfterEach
  void close() {
    database.close();
  }

  private static AttestedLocation location(Optional<LocationReading.Position> position) {
    return new AttestedLocation(
        new LocationReading(
            LocationReading.MOBILE,
            "12d1:1433",
            Optional.of("356345043865103"),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            position,
            NOW,
            "modem"),
        Optional.of("madrid"),
        Assurance.CLAIMED,
        NOW.plusSeconds(600),
        Optional.empty());
  }

  private static AttestedLocation somewhere() {
    return location(Optional.of(new LocationReading.Position(40.41, -3.71, 7)));
  }

  @Test
  void what_was_held_is_known_after_a_restart() {
    assertThat(locations.hold("n1", List.of(IMEI, IMSI), somewhere(), NOW)).isEmpty();
    database.close();
    open();
    LocationStore.Known known = locations.known("n1", List.of(IMEI));
    assertThat(known.node().orElseThrow().position())
        .contains(new LocationReading.Position(40.41, -3.71, 7));
    assertThat(known.node().orElseThrow().region()).contains("madrid");
    assertThat(known.devices()).hasSize(1);
    assertThat(locations.known("n2", List.of()).node()).isEmpty();
  }

  @Test
  void a_reading_without_a_position_is_kept_as_one() {
    locations.hold("n1", List.of(IMEI), location(Optional.empty()), NOW);
    assertThat(locations.known("n1", List.of()).node().orElseThrow().position()).isEmpty();
    assertThat(locations.lacking("n1", REQUIRED, NOW)).isEmpty();
  }

  @Test
  void n31_a_sensor_is_one_node_s_at_a_time() {
    locations.hold("n1", List.of(IMEI, IMSI), somewhere(), NOW);
    assertThat(locations.hold("n2", List.of(IMSI), somewhere(), NOW.plusSeconds(599)))
        .contains("n1");
    assertThat(locations.known("n2", List.of()).node()).as("all or nothing").isEmpty();
    assertThat(locations.hold("n1", List.of(IMEI), somewhere(), NOW.plusSeconds(1))).isEmpty();
    assertThat(locations.hold("n2", List.of(IMSI), somewhere(), NOW.plusSeconds(600))).isEmpty();
  }

  @Test
  void n31_of_many_nodes_at_the_same_time_one_gets_the_sensor() throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(8);
    try {
      List<Callable<Boolean>> tries = new ArrayList<>();
      for (int i = 0; i < 40; i++) {
        String node = "n" + i;
        tries.add(() -> locations.hold(node, List.of(IMEI), somewhere(), NOW).isEmpty());
      }
      int got = 0;
      for (Future<Boolean> one : pool.invokeAll(tries)) {
        got += one.get() ? 1 : 0;
      }
      assertThat(got).isEqualTo(1);
    } finally {
      pool.shutdownNow();
    }
  }

  @Test
  void a_node_that_has_to_have_a_location_lacks_it_until_it_attested_and_when_it_ran_out() {
    assertThat(locations.lacking("n1", REQUIRED, NOW).orElseThrow().code())
        .isEqualTo(ReasonCode.LOCATION_MISSING);
    assertThat(locations.lacking("n1", LocationRule.NONE, NOW)).isEmpty();
    locations.hold("n1", List.of(), somewhere(), NOW);
    assertThat(locations.lacking("n1", REQUIRED, NOW.plusSeconds(599))).isEmpty();
    assertThat(locations.lacking("n1", REQUIRED, NOW.plusSeconds(600)).orElseThrow().code())
        .isEqualTo(ReasonCode.LOCATION_EXPIRED);
  }

  @Test
  void what_was_refused_is_held_against_the_node_until_it_is_located_again() {
    locations.hold("n1", List.of(), somewhere(), NOW);
    locations.refused("n1", new Reason(ReasonCode.LOCATION_OUTSIDE, "in none"), NOW);
    Reason reason = locations.lacking("n1", LocationRule.NONE, NOW).orElseThrow();
    assertThat(reason.code()).isEqualTo(ReasonCode.LOCATION_OUTSIDE);
    assertThat(reason.detail()).isEqualTo("in none");
    locations.hold("n1", List.of(), somewhere(), NOW);
    assertThat(locations.lacking("n1", REQUIRED, NOW)).isEmpty();
    locations.refused("n1", new Reason(ReasonCode.SENSOR_IN_USE, "node n2 has it"), NOW);
    locations.passed("n1");
    assertThat(locations.lacking("n1", LocationRule.NONE, NOW)).isEmpty();
    assertThat(locations.lacking("n1", REQUIRED, NOW)).as("it is not located").isPresent();
    assertThat(locations.known("n1", List.of()).node()).as("where it was last").isPresent();
  }

  @Test
  void a_time_that_cannot_be_does_not_count() {
    AttestedLocation ahead =
        new AttestedLocation(
            somewhere().reading(),
            Optional.empty(),
            Assurance.CLAIMED,
            NOW.plus(Duration.ofDays(400)),
            Optional.empty());
    locations.hold("n1", List.of(IMEI), ahead, NOW);
    assertThat(locations.lacking("n1", REQUIRED, NOW)).isPresent();
    assertThat(locations.hold("n2", List.of(IMEI), somewhere(), NOW)).isEmpty();
  }

  @Test
  void a_node_that_is_gone_leaves_nothing() {
    locations.hold("n1", List.of(IMEI), somewhere(), NOW);
    database.write(
        connection -> {
          StoredLocations.forget(connection, "n1");
          return null;
        });
    assertThat(locations.known("n1", List.of(IMEI)))
        .isEqualTo(new LocationStore.Known(Optional.empty(), List.of()));
  }
}
