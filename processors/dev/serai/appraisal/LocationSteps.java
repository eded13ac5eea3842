package dev.serai.appraisal;

import dev.serai.appraisal.Appraisal.Step;
import dev.serai.location.AttestedLocation;
import dev.serai.location.DeviceKey;
import dev.serai.location.EndorsedAnswer;
import dev.serai.location.LocationDocument;
import dev.serai.location.LocationJudge;
import dev.serai.location.LocationPolicy;
import dev.serai.location.LocationReading;
import dev.serai.location.LocationRule;
import dev.serai.location.LocationStore;
import dev.serai.location.SensorAnswer;
import dev.serai.location.SensorQuestion;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.role.Meters;
import dev.serai.tpm.Bytes;
import io.micrometer.core.instrument.MeterRegistry;
import java.security.SecureRandom;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The cores of the steps of {@code locate-node}, which is the last step of an appraisal: what the
 * evidence says of the place is bound by the TPM by then, and all else about the node is well.
 */
final class LocationSteps {
  private static final Logger LOG = LoggerFactory.getLogger(LocationSteps.class);

  private static final SecureRandom RANDOM = new SecureRandom();
  private static final int NONCE_BYTES = 32;

  private final LocationStore store;
  private final DeviceKey devices;
  private final InstantSource clock;
  private final MeterRegistry meters;

  LocationSteps(LocationStore store, DeviceKey devices, InstantSource clock, MeterRegistry meters) {
    this.store = store;
    this.devices = devices;
    this.clock = clock;
    this.meters = meters;
    for (String result : List.of("attested", "none", "not-claimed", "denied")) {
      count(result, 0);
    }
  }

  private void count(String result, int more) {
    Meters.counter(
            meters, "serai.location.judged", "Locations of attesting nodes", "result", result)
        .increment(more);
  }

  /** Finds the rule, and decides what can be decided before anybody is asked. */
  Appraisal read(Appraisal appraisal) {
    Optional<LocationPolicy> policy = appraisal.policy().location();
    if (policy.isEmpty()) {
      return appraisal.with(
          LocationCase.decided(LocationRule.NONE, new LocationJudge.Accepted(Optional.empty())));
    }
    LocationRule rule =
        policy.get().ruleFor(appraisal.nodeId(), appraisal.node().ek().name().toHex());
    Optional<LocationReading> reading =
        appraisal.claimed().location().map(LocationDocument::reading);
    Optional<LocationJudge.Outcome> early = LocationJudge.before(rule, reading, clock.instant());
    return appraisal.with(
        early
            .map(outcome -> LocationCase.decided(rule, outcome))
            .orElseGet(
                () ->
                    LocationCase.open(
                        rule,
                        reading.orElseThrow(),
                        LocationJudge.question(
                            rule, appraisal.nodeId(), reading.orElseThrow(), nonce()))));
  }

  SensorQuestion question(Appraisal appraisal) {
    return appraisal.location().flatMap(LocationCase::question).orElseThrow();
  }

  Appraisal answered(Appraisal appraisal, SensorAnswer answer) {
    return appraisal.with(appraisal.location().orElseThrow().withAnswer(answer));
  }

  /** Judges, and takes the device for the node. */
  Appraisal judge(Appraisal appraisal) {
    LocationCase found =
        appraisal
            .location()
            .orElseThrow(() -> new IllegalStateException("the location was not read"));
    LocationJudge.Outcome outcome =
        found.outcome().orElseGet(() -> outcome(appraisal.nodeId(), found));
    if (outcome instanceof LocationJudge.Accepted accepted) {
      return accept(appraisal, found.withOutcome(outcome), accepted.location());
    }
    if (outcome instanceof LocationJudge.NotClaimed not) {
      LOG.info("node={} location is not claimed: {}", appraisal.nodeId(), not.reason());
      count("not-claimed", 1);
      Appraisal passed = appraisal.with(found.withOutcome(outcome)).passed(Step.LOCATION);
      passed(appraisal);
      return passed;
    }
    return deny(appraisal, ((LocationJudge.Denied) outcome).reason());
  }

  private static String nonce() {
    byte[] made = new byte[NONCE_BYTES];
    RANDOM.nextBytes(made);
    return Bytes.copyOf(made).toHex();
  }

  private LocationJudge.Outcome outcome(String nodeId, LocationCase found) {
    LocationReading reading = found.reading().orElseThrow();
    if (found.asks()) {
      throw new IllegalStateException("nobody was asked about the sensor");
    }
    Optional<Reason> forged =
        found
            .answer()
            .flatMap(
                answer ->
                    EndorsedAnswer.refutation(
                        found.question().orElseThrow(), answer, clock.instant()));
    if (forged.isPresent()) {
      return new LocationJudge.Denied(forged.get());
    }
    LocationStore.Known known = store.known(nodeId, devices.exclusive(reading));
    return LocationJudge.judge(
        found.rule(), reading, found.answer(), known.node(), known.devices(), clock.instant());
  }

  private Appraisal accept(
      Appraisal appraisal, LocationCase found, Optional<AttestedLocation> location) {
    Instant now = clock.instant();
    Appraisal passed = appraisal.with(found).passed(Step.LOCATION); // a route in disorder ends here
    if (location.isEmpty()) {
      passed(appraisal);
      count("none", 1);
      return passed;
    }
    List<Bytes> held = devices.exclusive(location.get().reading());
    Optional<String> other = store.hold(appraisal.nodeId(), held, location.get(), now);
    if (other.isPresent()) {
      return deny(
          appraisal, new Reason(ReasonCode.SENSOR_IN_USE, "node %s has it".formatted(other.get())));
    }
    count("attested", 1);
    return passed;
  }

  private Appraisal deny(Appraisal appraisal, Reason reason) {
    count("denied", 1);
    if (saysWhere(appraisal)) {
      store.refused(appraisal.nodeId(), reason, clock.instant());
    }
    return appraisal.closed(List.of(reason));
  }

  private void passed(Appraisal appraisal) {
    if (saysWhere(appraisal)) {
      store.passed(appraisal.nodeId());
    }
  }

  /**
   * The prototype's form holds a location only where the verifier asked the agent for it, and says
   * less of it: neither its lack nor its refusal says anything of the node's.
   */
  private static boolean saysWhere(Appraisal appraisal) {
    return appraisal.request().form() == EvidenceForm.NATIVE;
  }
}
