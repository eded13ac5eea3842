package dev.serai.location;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.serai.keylime.KeylimeJson;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Set;

/**
 * What is signed when an operator has confirmed where a device is. The keys are the prototype's.
 *
 * @param towerId which cell saw it; empty, for operators do not say
 * @param deviceIdHash of IMEI and IMSI, with or without a key
 * @param bindingValid whether IMEI and IMSI are registered as belonging together
 * @param latitude of the middle of the confirmed area, degrees
 * @param accuracyMetres its radius
 * @param at when the operator answered
 * @param nonce the caller's
 */
public record Endorsement(
    String towerId,
    String deviceIdHash,
    boolean bindingValid,
    double latitude,
    double longitude,
    double accuracyMetres,
    Instant at,
    String nonce) {
  static final int LIMIT = 16 * 1024;
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSSSSSxxx");
  private static final Set<String> KEYS =
      Set.of(
          "tower_id",
          "device_id_hash",
          "imei_imsi_binding_valid",
          "coarse_location",
          "timestamp",
          "nonce");

  /** The bytes that are signed. */
  public Bytes signedBytes() {
    return Bytes.ofText(PythonJson.write(json()));
  }

  JsonNode json() {
    JsonNodeFactory make = JsonNodeFactory.instance;
    ObjectNode area = make.objectNode();
    area.put("latitude", latitude)
        .put("longitude", longitude)
        .put("accuracy_meters", accuracyMetres);
    ObjectNode all = make.objectNode();
    all.put("tower_id", towerId)
        .put("device_id_hash", deviceIdHash)
        .put("imei_imsi_binding_valid", bindingValid)
        .put("timestamp", TIME.format(at.atOffset(ZoneOffset.UTC)))
        .put("nonce", nonce);
    all.set("coarse_location", area);
    return all;
  }

  /**
   * Reads the JSON object, which a signature has to cover already.
   *
   * @throws MalformedStructureException when it is none of ours
   */
  static Endorsement parse(Bytes text) throws MalformedStructureException {
    JsonNode json = KeylimeJson.read(text, LIMIT, ObjectNode.class);
    Set<String> names = new java.util.HashSet<>();
    json.fieldNames().forEachRemaining(names::add);
    if (!names.equals(KEYS)) {
      throw new MalformedStructureException("endorsement", "other keys than those of one");
    }
    JsonNode area = json.get("coarse_location");
    return new Endorsement(
        text(json, "tower_id"),
        text(json, "device_id_hash"),
        flag(json, "imei_imsi_binding_valid"),
        number(area, "latitude"),
        number(area, "longitude"),
        number(area, "accuracy_meters"),
        time(text(json, "timestamp")),
        text(json, "nonce"));
  }

  private static String text(JsonNode json, String key) throws MalformedStructureException {
    JsonNode value = json.path(key);
    if (!value.isTextual()) {
      throw new MalformedStructureException("endorsement", key + " is no text");
    }
    return value.textValue();
  }

  private static boolean flag(JsonNode json, String key) throws MalformedStructureException {
    JsonNode value = json.path(key);
    if (!value.isBoolean()) {
      throw new MalformedStructureException("endorsement", key + " is not true or false");
    }
    return value.booleanValue();
  }

  private static double number(JsonNode json, String key) throws MalformedStructureException {
    JsonNode value = json.path(key);
    if (!value.isNumber() || !Double.isFinite(value.doubleValue())) {
      throw new MalformedStructureException("endorsement", key + " is no number");
    }
    return value.doubleValue();
  }

  private static Instant time(String text) throws MalformedStructureException {
    try {
      return OffsetDateTime.parse(text).toInstant();
    } catch (DateTimeException e) {
      throw new MalformedStructureException("endorsement", "timestamp is no time with its zone");
    }
  }

  /** The same object in the form that is signed, however it was written on the way here. */
  static Bytes canonical(JsonNode json) throws MalformedStructureException {
    try {
      return Bytes.ofText(PythonJson.write(json));
    } catch (IllegalArgumentException e) { // a number beyond what a double holds
      throw new MalformedStructureException("endorsement", "a number in it is none of JSON");
    }
  }

  /** What the answer of the service looks like. */
  public static String answer(Endorsement endorsement, Bytes signature, String keyId) {
    ObjectNode all = JsonNodeFactory.instance.objectNode();
    all.put("verified", true);
    all.set("endorsement", endorsement.json());
    all.put("signature", signature.toBase64()).put("key_id", keyId);
    try {
      return new ObjectMapper().writeValueAsString(all);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a tree does not become JSON", e);
    }
  }
}
