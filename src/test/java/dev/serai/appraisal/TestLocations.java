package dev.serai.appraisal;

import dev.serai.location.AttestedLocation;
import dev.serai.location.DeviceKey;
import dev.serai.location.LocationDocument;
import dev.serai.location.LocationReading;
import dev.serai.location.LocationStore;
import dev.serai.location.SensorAnswer;
import dev.serai.location.Trail;
import dev.serai.reason.Reason;
import dev.serai.tpm.Bytes;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Locations in memory, and readings to judge. */
final class TestLocations implements LocationStore {
  static final SensorAnswer BOUND =
      new SensorAnswer(SensorAnswer.Standing.BOUND, Optional.empty(), Optional.empty());

  private static final DeviceKey KEY = key();

  final Map<String, AttestedLocation> found = new HashMap<>();
  final Map<Bytes, String> holders = new HashMap<>();
  final Map<String, Reason> refused = new HashMap<>();

  private static DeviceKey key() {
    try {
      Path directory = Files.createTempDirectory("serai-device-key");
      DeviceKey key = DeviceKey.in(directory.resolve("device.key"));
      Files.delete(directory.resolve("device.key"));
      Files.delete(directory);
      return key;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static LocationSteps steps(LocationStore store, Instant now) {
    return new LocationSteps(store, KEY, InstantSource.fixed(now), new SimpleMeterRegistry());
  }

  /** A mobile sensor near Madrid. */
  static LocationReading reading(double latitude, double longitude) {
    return new LocationReading(
        LocationReading.MOBILE,
        "12d1:1433",
        Optional.of("356345043865103"),
        Optional.of("214070610960475"),
        Optional.empty(),
        Optional.empty(),
        Optional.of(new LocationReading.Position(latitude, longitude, 7)),
        Evidence.NOW,
        "modem");
  }

  /** The policy section with one rule for everybody. */
  static AppraisalPolicy policy(String rule) {
    return PolicyFile.parse(
        "test",
        """
        {"name":"test","pcrs":{"sha256":{"7":"recorded-at-enrolment"}},
         "location":{"regions":{"madrid":{"circle":
           {"latitude":40.4,"longitude":-3.7,"radius-metres":20000}}},"default":%s}}
        """
            .formatted(rule));
  }

  /** Evidence that has to have a location and has it. */
  static Evidence located(Evidence evidence) {
    evidence.policy = policy("{\"need\":\"required\",\"regions\":[\"madrid\"]}");
    return at(evidence, reading(40.41, -3.71));
  }

  static Evidence at(Evidence evidence, LocationReading reading) {
    LocationDocument document = LocationDocument.of(reading);
    evidence.location = Optional.of(document);
    evidence.boundLocation = Optional.of(document);
    return evidence;
  }

  @Override
  public Known known(String nodeId, List<Bytes> devices) {
    List<Trail> trails =
        devices.stream()
            .map(holders::get)
            .filter(found::containsKey)
            .map(found::get)
            .map(TestLocations::trail)
            .toList();
    return new Known(Optional.ofNullable(found.get(nodeId)).map(TestLocations::trail), trails);
  }

  private static Trail trail(AttestedLocation location) {
    return new Trail(
        location.reading().position(), location.reading().takenAt(), location.region());
  }

  @Override
  public Optional<String> hold(
      String nodeId, List<Bytes> devices, AttestedLocation location, Instant now) {
    Optional<String> other =
        devices.stream()
            .map(holders::get)
            .filter(holder -> holder != null && !holder.equals(nodeId))
            .findFirst();
    if (other.isEmpty()) {
      devices.forEach(device -> holders.put(device, nodeId));
      found.put(nodeId, location);
      refused.remove(nodeId);
    }
    return other;
  }

  @Override
  public void passed(String nodeId) {
    refused.remove(nodeId);
  }

  @Override
  public void refused(String nodeId, Reason reason, Instant now) {
    refused.put(nodeId, reason);
  }
}
