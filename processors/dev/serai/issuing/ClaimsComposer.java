package dev.serai.issuing;

import dev.serai.appraisal.Trusted;
import dev.serai.claims.Claims;
import dev.serai.claims.Claims.Evidence;
import dev.serai.claims.Claims.Geolocation;
import dev.serai.claims.Claims.MnoEndorsement;
import dev.serai.claims.Claims.Sensor;
import dev.serai.claims.Claims.SignedText;
import dev.serai.claims.Claims.TpmAttestation;
import dev.serai.claims.Claims.Workload;
import dev.serai.claims.ClaimsExtension;
import dev.serai.claims.Privacy;
import dev.serai.location.AttestedLocation;
import dev.serai.location.DeviceKey;
import dev.serai.location.LocationReading;
import dev.serai.location.LocationRule.Need;
import dev.serai.location.SignedWord;
import dev.serai.proto.spire.types.AttestedClaims;
import dev.serai.proto.spire.types.MNOEndorsement;
import dev.serai.proto.spire.types.SovereignAttestation;
import dev.serai.reason.Reason;
import dev.serai.spiffe.SpiffeId;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Objects;
import java.util.Optional;

/**
 * Says what certificates claim: from the record of the node they are issued on and from nothing
 * that a request says. Safe for any thread.
 */
final class ClaimsComposer {
  /** A location that ends sooner is none: its certificates would end before they are used. */
  static final Duration LEAST_LEFT = Duration.ofSeconds(5);

  private final Privacy privacy;
  private final DeviceKey devices;
  private volatile EntryLocationRules rules;

  ClaimsComposer(Privacy privacy, DeviceKey devices, EntryLocationRules rules) {
    this.privacy = privacy;
    this.devices = devices;
    this.rules = rules;
  }

  /** What is new about these rules, for people. */
  Optional<String> news(EntryLocationRules fresh) {
    return Optional.of("location rules of entries: " + fresh.rules().size())
        .filter(news -> !fresh.equals(rules));
  }

  /** For entries that are issued from now on. */
  void use(EntryLocationRules fresh) {
    rules = fresh;
  }

  /** What the appraisal proved of a node. In the private form nothing that names a device stays. */
  Claims ofNode(Trusted verdict, Instant now) {
    MessageDigest digest = TpmHash.SHA256.newDigest();
    verdict.ekName().encoded().writeTo(digest);
    return Claims.of(
        Optional.empty(),
        Optional.of(
            new TpmAttestation(
                Optional.of(Bytes.copyOf(digest.digest()).toHex()),
                Optional.of(now),
                Optional.of(verdict.policy()),
                Optional.empty())),
        verdict.location().map(this::geolocation),
        verdict.location().flatMap(AttestedLocation::endorsement).map(this::endorsement));
  }

  private Geolocation geolocation(AttestedLocation location) {
    LocationReading reading = location.reading();
    return new Geolocation(
        reading.type(),
        location.region(),
        Optional.of(location.assurance()),
        Optional.of(reading.takenAt()),
        Optional.of(location.validUntil()),
        Optional.of(devices.device(reading).toHex()),
        privacy == Privacy.COMPAT ? Optional.of(sensor(location)) : Optional.empty());
  }

  private static Sensor sensor(AttestedLocation location) {
    LocationReading reading = location.reading();
    return new Sensor(
        reading.sensorId(),
        reading.imei(),
        reading.imsi(),
        reading.msisdn(),
        reading.serialNumber(),
        location
            .position()
            .map(at -> new Claims.Position(at.latitude(), at.longitude(), at.accuracyMetres())));
  }

  private MnoEndorsement endorsement(SignedWord word) {
    return new MnoEndorsement(
        true,
        word.keyId(),
        privacy == Privacy.COMPAT
            ? Optional.of(new SignedText(word.signature(), Bytes.ofText(word.json()).toBase64()))
            : Optional.empty());
  }

  /**
   * For an agent's own certificate, which ends with the location that it carries.
   *
   * @param evidence what the agent sent, which the prototype's form shows to everybody
   */
  LeafClaims ofAgent(
      SpiffeId id, Claims node, Optional<SovereignAttestation> evidence, Instant now) {
    Optional<Geolocation> place = current(node, now);
    Optional<TpmAttestation> tpm =
        privacy == Privacy.COMPAT
            ? node.tpmAttestation().map(t -> with(t, evidence.map(ClaimsComposer::evidence)))
            : node.tpmAttestation();
    return leaf(
        Claims.of(
            Optional.of(new Workload(id.toString(), Claims.TPM_APP_KEY)),
            tpm,
            place,
            place.isPresent() ? node.mnoEndorsement() : Optional.empty()));
  }

  private static TpmAttestation with(TpmAttestation tpm, Optional<Evidence> evidence) {
    return new TpmAttestation(tpm.ekNameHash(), tpm.appraisedAt(), tpm.policy(), evidence);
  }

  /** The quote stays out, as in the prototype, whose agents never sent one. */
  private static Evidence evidence(SovereignAttestation sent) {
    return new Evidence(
        sent.getAppKeyPublic(),
        Base64.getEncoder().encodeToString(sent.getAppKeyCertificate().toByteArray()),
        "",
        sent.getChallengeNonce());
  }

  /** A workload's certificate or token, or why there is none. */
  sealed interface Composed {}

  /** It may be issued with these claims. */
  record Allowed(LeafClaims claims, Optional<AttestedClaims> message) implements Composed {
    Allowed {
      Objects.requireNonNull(claims);
      Objects.requireNonNull(message);
    }
  }

  /** Its rule is not met. */
  record Lacking(Reason reason) implements Composed {}

  /**
   * @param node of the record of the agent that asks; empty when it was not appraised
   */
  Composed ofWorkload(SpiffeId id, Optional<Claims> node, Bytes publicKeyInfo, Instant now) {
    EntryLocationRules asked = rules;
    Optional<Geolocation> known = node.flatMap(n -> current(n, now));
    Optional<Reason> lacking = asked.lacking(id, known, now);
    if (lacking.isPresent()) {
      return new Lacking(lacking.get());
    }
    if (node.isEmpty()) {
      return new Allowed(LeafClaims.NONE, Optional.empty());
    }
    Optional<Geolocation> place = asked.need(id) == Need.FORBIDDEN ? Optional.empty() : known;
    Optional<MnoEndorsement> word =
        place.isPresent() ? node.get().mnoEndorsement() : Optional.empty();
    Claims claims =
        Claims.of(
            Optional.of(
                new Workload(
                    id.toString(),
                    Claims.WORKLOAD_KEY,
                    Optional.empty(),
                    privacy == Privacy.COMPAT
                        ? Optional.of(Pems.publicKey(publicKeyInfo))
                        : Optional.empty())),
            node.get().tpmAttestation(),
            place,
            word);
    return new Allowed(leaf(claims), message(claims));
  }

  /**
   * A token carries no claims. What its name wants of the location counts all the same, and it ends
   * when a certificate of that name would.
   */
  Composed ofToken(SpiffeId id, Optional<Claims> node, Instant now) {
    EntryLocationRules asked = rules;
    Optional<Geolocation> known = node.flatMap(n -> current(n, now));
    Optional<Reason> lacking = asked.lacking(id, known, now);
    if (lacking.isPresent()) {
      return new Lacking(lacking.get());
    }
    Optional<Instant> until =
        asked.need(id) == Need.FORBIDDEN
            ? Optional.empty()
            : known.flatMap(Geolocation::validUntil);
    return new Allowed(new LeafClaims(Optional.empty(), until), Optional.empty());
  }

  private LeafClaims leaf(Claims claims) {
    return new LeafClaims(
        Optional.of(ClaimsExtension.encode(claims, privacy)),
        claims.geolocation().flatMap(Geolocation::validUntil));
  }

  /** The node's location, if it is worth putting into a certificate. */
  private static Optional<Geolocation> current(Claims node, Instant now) {
    return node.geolocation()
        .filter(
            place ->
                place.validUntil().filter(end -> end.isAfter(now.plus(LEAST_LEFT))).isPresent());
  }

  /** The same beside the certificate, for agents that read it there; as private as in it. */
  Optional<AttestedClaims> message(Claims claims) {
    if (claims.geolocation().isEmpty() && claims.mnoEndorsement().isEmpty()) {
      return Optional.empty();
    }
    AttestedClaims.Builder message = AttestedClaims.newBuilder();
    claims.geolocation().ifPresent(place -> message.setGeolocation(message(place)));
    claims
        .mnoEndorsement()
        .ifPresent(
            word -> {
              MNOEndorsement.Builder said =
                  MNOEndorsement.newBuilder().setVerified(word.verified()).setKeyId(word.keyId());
              word.signed()
                  .filter(signed -> privacy == Privacy.COMPAT)
                  .ifPresent(
                      signed ->
                          said.setSignature(signed.signature())
                              .setEndorsementJson(Bytes.ofBase64(signed.data()).toText()));
              message.setMnoEndorsement(said);
            });
    return Optional.of(message.build());
  }

  private dev.serai.proto.spire.types.Geolocation message(Geolocation place) {
    dev.serai.proto.spire.types.Geolocation.Builder message =
        dev.serai.proto.spire.types.Geolocation.newBuilder().setType(place.type());
    place.region().ifPresent(message::setValue);
    place
        .sensor()
        .filter(sensor -> privacy == Privacy.COMPAT)
        .ifPresent(
            sensor -> {
              message.setSensorId(sensor.sensorId());
              sensor.imei().ifPresent(message::setSensorImei);
              sensor.imsi().ifPresent(message::setSensorImsi);
              sensor.msisdn().ifPresent(message::setSensorMsisdn);
              sensor.serialNumber().ifPresent(message::setSensorSerialNumber);
              sensor
                  .position()
                  .ifPresent(
                      at ->
                          message
                              .setLatitude(at.latitude())
                              .setLongitude(at.longitude())
                              .setAccuracy(at.accuracy()));
            });
    return message.build();
  }
}
