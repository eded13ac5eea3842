package dev.serai.claims;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.DecimalNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.serai.claims.Claims.Evidence;
import dev.serai.claims.Claims.Geolocation;
import dev.serai.claims.Claims.MnoEndorsement;
import dev.serai.claims.Claims.Position;
import dev.serai.claims.Claims.Sensor;
import dev.serai.claims.Claims.SignedText;
import dev.serai.claims.Claims.TpmAttestation;
import dev.serai.claims.Claims.Workload;
import dev.serai.location.Assurance;
import dev.serai.tpm.wire.MalformedStructureException;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.Arrays;
import java.util.Optional;

/**
 * The claims as JSON. Keys stand in the prototype's order, absent parts are left out. A reader
 * passes over keys it does not know and refuses a version it does not know.
 */
final class ClaimsJson {
  static final int MAX_SIZE = 16 * 1024;

  private static final int VERSION = 1;

  /** The prototype's word; nothing rests on a PCR here. */
  private static final int PROTOTYPE_PCR = 15;

  private static final int MAX_TEXT = 8 * 1024;
  private static final double MAX_ACCURACY = 40_100_000; // metres around the Earth

  /** The last second of year 9999, as certificates end there. */
  private static final long LATEST = 253_402_300_799L;

  private static final ObjectMapper JSON =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(8)
                          .maxNumberLength(40)
                          .maxNameLength(64)
                          .maxStringLength(MAX_SIZE)
                          .build())
                  .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private ClaimsJson() {}

  // --- writing ----------------------------------------------------------------------------------

  static String write(Claims claims, Privacy privacy) {
    ObjectNode json = JSON.createObjectNode();
    boolean strict = privacy == Privacy.STRICT;
    if (strict) {
      json.put("v", VERSION);
    }
    claims.workload().ifPresent(w -> write(json.putObject("grc.workload"), w, strict));
    claims
        .tpmAttestation()
        .filter(tpm -> strict || tpm.evidence().isPresent())
        .ifPresent(tpm -> write(json.putObject("grc.tpm-attestation"), tpm, strict));
    claims
        .geolocation()
        .filter(place -> strict || place.sensor().isPresent())
        .ifPresent(place -> write(json.putObject("grc.geolocation"), place, strict));
    claims
        .mnoEndorsement()
        .filter(word -> strict || word.signed().isPresent())
        .ifPresent(word -> write(json.putObject("grc.mno_endorsement"), word, strict));
    return json.toString();
  }

  private static void write(ObjectNode json, Workload workload, boolean strict) {
    json.put("workload-id", workload.workloadId());
    json.put("key-source", workload.keySource());
    if (!strict) {
      workload.codeHash().ifPresent(hash -> json.put("workload-code-hash", hash));
      workload.publicKeyPem().ifPresent(pem -> json.put("public-key", pem));
    }
  }

  private static void write(ObjectNode json, TpmAttestation tpm, boolean strict) {
    if (strict) {
      tpm.ekNameHash().ifPresent(hash -> json.put("ek-name-hash", hash));
      tpm.appraisedAt().ifPresent(at -> json.put("appraised-at", at.getEpochSecond()));
      tpm.policy().ifPresent(name -> json.put("policy", name));
      return;
    }
    Evidence evidence = tpm.evidence().orElseThrow();
    json.put("app-key-public", evidence.appKeyPublic());
    json.put("app-key-certificate", evidence.appKeyCertificate());
    if (!evidence.quote().isEmpty()) {
      json.put("quote", evidence.quote());
    }
    json.put("challenge-nonce", evidence.challengeNonce());
  }

  private static void write(ObjectNode json, Geolocation place, boolean strict) {
    json.put("tpm-attested-location", true);
    if (strict) {
      json.put("sensor-type", place.type());
      place.region().ifPresent(region -> json.put("region", region));
      place.assurance().ifPresent(assurance -> json.put("assurance", assurance.word()));
      place.locatedAt().ifPresent(at -> json.put("located-at", at.getEpochSecond()));
      place.validUntil().ifPresent(end -> json.put("valid-until", end.getEpochSecond()));
      place.device().ifPresent(device -> json.put("device", device));
      return;
    }
    json.put("tpm-attested-pcr-index", PROTOTYPE_PCR);
    Sensor sensor = place.sensor().orElseThrow();
    boolean mobile = place.type().equals("mobile");
    ObjectNode of = json.putObject(place.type());
    of.put("sensor_id", sensor.sensorId());
    if (mobile) {
      sensor.imei().ifPresent(imei -> of.put("sensor_imei", imei));
      sensor.imsi().ifPresent(imsi -> of.put("sim_imsi", imsi));
      sensor.msisdn().ifPresent(msisdn -> of.put("sim_msisdn", msisdn));
    } else {
      sensor.serialNumber().ifPresent(number -> of.put("sensor_serial_number", number));
    }
    sensor
        .position()
        .ifPresent(
            at -> write(of.putObject(mobile ? "location_verification" : "retrieved_location"), at));
  }

  private static void write(ObjectNode json, Position at) {
    json.set("latitude", number(at.latitude()));
    json.set("longitude", number(at.longitude()));
    json.set("accuracy", number(at.accuracy()));
  }

  /** The shortest digits without exponent or empty fraction, as the prototype's JSON has them. */
  private static JsonNode number(double value) {
    BigDecimal shortest = new BigDecimal(Double.toString(value)).stripTrailingZeros();
    return shortest.scale() <= 0
        ? JsonNodeFactory.instance.numberNode(shortest.toBigInteger())
        : DecimalNode.valueOf(shortest);
  }

  private static void write(ObjectNode json, MnoEndorsement word, boolean strict) {
    json.put("verified", word.verified());
    if (!strict) {
      json.put("signature", word.signed().orElseThrow().signature());
    }
    json.put("key_id", word.keyId());
    if (!strict) {
      json.put("data_b64", word.signed().orElseThrow().data());
    }
  }

  // --- reading ----------------------------------------------------------------------------------

  private static JsonNode tree(String text) throws MalformedStructureException {
    JsonNode json;
    try {
      json = JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw malformed("not JSON, or with a key twice"); // the parser's own words quote the content
    }
    if (json == null || !json.isObject()) {
      throw malformed("not a JSON object");
    }
    return json;
  }

  /** Of claims that were read. */
  static Optional<String> geolocation(String text) throws MalformedStructureException {
    return object(tree(text), "grc.geolocation").map(JsonNode::toString);
  }

  /** Version 1 in the private form, none in the prototype's. */
  static Claims read(String text, Privacy form) throws MalformedStructureException {
    JsonNode json = tree(text);
    boolean versionFits =
        form == Privacy.STRICT
            ? json.path("v").isInt() && json.path("v").intValue() == VERSION
            : !json.has("v");
    if (!versionFits) {
      throw malformed("another version than " + VERSION);
    }
    return new Claims(
        workload(object(json, "grc.workload")),
        tpmAttestation(object(json, "grc.tpm-attestation")),
        geolocation(object(json, "grc.geolocation")),
        endorsement(object(json, "grc.mno_endorsement")),
        text);
  }

  private static Optional<Workload> workload(Optional<JsonNode> json)
      throws MalformedStructureException {
    if (json.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
        new Workload(
            required(json.get(), "workload-id"),
            required(json.get(), "key-source"),
            text(json.get(), "workload-code-hash"),
            text(json.get(), "public-key")));
  }

  private static Optional<TpmAttestation> tpmAttestation(Optional<JsonNode> found)
      throws MalformedStructureException {
    if (found.isEmpty()) {
      return Optional.empty();
    }
    JsonNode json = found.get();
    return Optional.of(
        new TpmAttestation(
            text(json, "ek-name-hash"),
            second(json, "appraised-at"),
            text(json, "policy"),
            text(json, "app-key-public").isEmpty()
                ? Optional.empty()
                : Optional.of(
                    new Evidence(
                        required(json, "app-key-public"),
                        required(json, "app-key-certificate"),
                        text(json, "quote").orElse(""),
                        required(json, "challenge-nonce")))));
  }

  private static Optional<Geolocation> geolocation(Optional<JsonNode> found)
      throws MalformedStructureException {
    if (found.isEmpty()) {
      return Optional.empty();
    }
    JsonNode json = found.get();
    if (!json.path("tpm-attested-location").asBoolean(false)) {
      throw malformed("tpm-attested-location is not true");
    }
    Optional<JsonNode> mobile = object(json, "mobile");
    Optional<JsonNode> gnss = object(json, "gnss");
    Optional<String> named = text(json, "sensor-type");
    int said =
        (mobile.isPresent() ? 1 : 0) + (gnss.isPresent() ? 1 : 0) + (named.isPresent() ? 1 : 0);
    if (said != 1) {
      throw malformed("grc.geolocation names %d sensors".formatted(said));
    }
    String type = named.orElse(mobile.isPresent() ? "mobile" : "gnss");
    if (!type.equals("mobile") && !type.equals("gnss")) {
      throw malformed("sensor-type is neither mobile nor gnss");
    }
    Optional<Sensor> sensor =
        mobile.isPresent()
            ? Optional.of(sensor(mobile.get(), true))
            : gnss.isPresent() ? Optional.of(sensor(gnss.get(), false)) : Optional.empty();
    return Optional.of(
        new Geolocation(
            type,
            text(json, "region"),
            assurance(json),
            second(json, "located-at"),
            second(json, "valid-until"),
            text(json, "device"),
            sensor));
  }

  /** Only what the prototype writes for a sensor of this type; the rest is not ours to repeat. */
  private static Sensor sensor(JsonNode json, boolean mobile) throws MalformedStructureException {
    Optional<JsonNode> place =
        object(json, mobile ? "location_verification" : "retrieved_location");
    return new Sensor(
        required(json, "sensor_id"),
        mobile ? text(json, "sensor_imei") : Optional.empty(),
        mobile ? text(json, "sim_imsi") : Optional.empty(),
        mobile ? text(json, "sim_msisdn") : Optional.empty(),
        mobile ? Optional.empty() : text(json, "sensor_serial_number"),
        place.isEmpty()
            ? Optional.empty()
            : Optional.of(
                new Position(
                    number(place.get(), "latitude", -90, 90),
                    number(place.get(), "longitude", -180, 180),
                    number(place.get(), "accuracy", 0, MAX_ACCURACY))));
  }

  private static Optional<Assurance> assurance(JsonNode json) throws MalformedStructureException {
    Optional<String> word = text(json, "assurance");
    Optional<Assurance> known =
        word.flatMap(
            text ->
                Arrays.stream(Assurance.values()).filter(a -> a.word().equals(text)).findFirst());
    if (word.isPresent() && known.isEmpty()) {
      throw malformed("assurance is an unknown word");
    }
    return known;
  }

  private static Optional<MnoEndorsement> endorsement(Optional<JsonNode> found)
      throws MalformedStructureException {
    if (found.isEmpty()) {
      return Optional.empty();
    }
    JsonNode json = found.get();
    if (!json.path("verified").isBoolean()) {
      throw malformed("verified is neither true nor false");
    }
    Optional<String> signature = text(json, "signature");
    return Optional.of(
        new MnoEndorsement(
            json.path("verified").booleanValue(),
            required(json, "key_id"),
            signature.isEmpty()
                ? Optional.empty()
                : Optional.of(new SignedText(signature.get(), required(json, "data_b64")))));
  }

  private static Optional<JsonNode> object(JsonNode json, String key)
      throws MalformedStructureException {
    JsonNode value = json.get(key);
    if (value == null) {
      return Optional.empty();
    }
    if (!value.isObject()) {
      throw malformed(key + " is not an object");
    }
    return Optional.of(value);
  }

  private static Optional<String> text(JsonNode json, String key)
      throws MalformedStructureException {
    JsonNode value = json.get(key);
    if (value == null || value.isNull()) {
      return Optional.empty();
    }
    if (!value.isTextual() || value.textValue().length() > MAX_TEXT) {
      throw malformed(key + " is not a text, or too long");
    }
    return Optional.of(value.textValue());
  }

  private static String required(JsonNode json, String key) throws MalformedStructureException {
    Optional<String> value = text(json, key);
    if (value.isEmpty()) {
      throw malformed(key + " is missing");
    }
    return value.get();
  }

  private static Optional<Instant> second(JsonNode json, String key)
      throws MalformedStructureException {
    JsonNode value = json.get(key);
    if (value == null) {
      return Optional.empty();
    }
    if (!value.canConvertToLong()
        || !value.isIntegralNumber()
        || value.longValue() < 0
        || value.longValue() > LATEST) {
      throw malformed(key + " is not a time");
    }
    return Optional.of(Instant.ofEpochSecond(value.longValue()));
  }

  private static double number(JsonNode json, String key, double least, double most)
      throws MalformedStructureException {
    JsonNode value = json.path(key);
    if (!value.isNumber() || !(value.doubleValue() >= least && value.doubleValue() <= most)) {
      throw malformed(key + " is not a number in its range");
    }
    return value.doubleValue();
  }

  private static MalformedStructureException malformed(String what) {
    return new MalformedStructureException("claims", what);
  }
}
