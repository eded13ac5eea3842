package dev.serai.appraisal;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.serai.location.Assurance;
import dev.serai.location.AttestedLocation;
import dev.serai.location.LocationDocument;
import dev.serai.location.SignedWord;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.TpmClock;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.MalformedStructureException;
import dev.serai.tpm.wire.PcrSelection;
import dev.serai.tpm.wire.TpmName;
import dev.serai.tpm.wire.TpmtPublic;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The values of this package as JSON, for hops between roles of different processes and for the
 * database. Reading a {@link Trusted} here is as good as having judged: only for answers of the
 * verifier role over mTLS.
 */
public final class AppraisalJson {
  private static final ObjectMapper JSON =
      new ObjectMapper()
          .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private AppraisalJson() {}

  // --- AppraisalRequest -------------------------------------------------------------------------

  public static String write(AppraisalRequest request) {
    ObjectNode json = JSON.createObjectNode();
    json.put("attestation", request.attestation().toBase64());
    json.put("csr", request.csr().toBase64());
    json.put("standing", request.standing().name());
    json.put("nonce", request.nonce().toHex());
    json.put("selection", request.selection().encoded().toHex());
    return json.toString();
  }

  public static AppraisalRequest readRequest(String text) throws MalformedStructureException {
    return read(
        "appraisal request",
        text,
        json ->
            new AppraisalRequest(
                Bytes.ofBase64(text(json, "attestation")),
                Bytes.ofBase64(text(json, "csr")),
                ChallengeStanding.valueOf(text(json, "standing")),
                Bytes.ofHex(text(json, "nonce")),
                PcrSelection.parse(Bytes.ofHex(text(json, "selection")))));
  }

  // --- Verdict ----------------------------------------------------------------------------------

  public static String write(Verdict verdict) {
    ObjectNode json = JSON.createObjectNode();
    json.put("trusted", verdict.isTrusted());
    json.put("node_id", verdict.nodeId());
    if (verdict instanceof Trusted trusted) {
      writeTrusted(json, trusted);
    } else {
      ArrayNode reasons = json.putArray("reasons");
      verdict
          .reasons()
          .forEach(
              reason ->
                  reasons
                      .addObject()
                      .put("code", reason.code().name())
                      .put("detail", reason.detail()));
    }
    return json.toString();
  }

  private static void writeTrusted(ObjectNode json, Trusted trusted) {
    json.put("ek_name", trusted.ekName().toHex());
    json.put("ak_name", trusted.akName().toHex());
    trusted
        .appKey()
        .ifPresent(
            key ->
                json.putObject("app_key")
                    .put("tpm_public", key.tpmPublic().toBase64())
                    .put("subject_public_key_info", key.subjectPublicKeyInfo().toBase64()));
    trusted.location().ifPresent(location -> json.set("location", location(location)));
    json.set("clock", clock(trusted.state().clock()));
    json.put("firmware_version", Long.toHexString(trusted.state().firmwareVersion()));
    json.set("pcrs", pcrs(trusted.state().pcrs()));
    json.put("policy", trusted.policy());
    json.set("baseline", baseline(trusted.baseline()));
  }

  public static Verdict readVerdict(String text) throws MalformedStructureException {
    return read(
        "verdict",
        text,
        json -> {
          JsonNode trusted = json.path("trusted");
          if (!trusted.isBoolean()) {
            throw new IllegalArgumentException("trusted is missing");
          }
          return trusted.booleanValue() ? trusted(json) : rejected(json);
        });
  }

  private static Trusted trusted(JsonNode json) throws MalformedStructureException {
    JsonNode appKey = json.path("app_key");
    return new Trusted(
        text(json, "node_id"),
        TpmName.parse(Bytes.ofHex(text(json, "ek_name"))),
        TpmName.parse(Bytes.ofHex(text(json, "ak_name"))),
        appKey.isMissingNode()
            ? Optional.empty()
            : Optional.of(
                new Trusted.AppKey(
                    Bytes.ofBase64(text(appKey, "tpm_public")),
                    Bytes.ofBase64(text(appKey, "subject_public_key_info")))),
        json.has("location") ? Optional.of(location(json.path("location"))) : Optional.empty(),
        new Trusted.QuotedState(
            clock(json.path("clock")),
            Long.parseUnsignedLong(text(json, "firmware_version"), 16),
            pcrs(json.path("pcrs"))),
        text(json, "policy"),
        baseline(json.path("baseline")));
  }

  private static Rejected rejected(JsonNode json) {
    List<Reason> reasons = new ArrayList<>();
    for (JsonNode reason : json.path("reasons")) {
      reasons.add(new Reason(ReasonCode.valueOf(text(reason, "code")), text(reason, "detail")));
    }
    return new Rejected(text(json, "node_id"), reasons);
  }

  // --- NodeRecord -------------------------------------------------------------------------------

  public static String write(NodeRecord node) {
    ObjectNode json = JSON.createObjectNode();
    json.put("node_id", node.nodeId());
    json.put("ek", node.ek().encoded().toBase64());
    json.put("ak", node.ak().encoded().toBase64());
    json.put("standing", node.standing().name());
    json.put("host", node.host());
    json.put("port", node.port());
    node.mtlsCertificatePem().ifPresent(pem -> json.put("mtls_certificate", pem));
    return json.toString();
  }

  public static NodeRecord readNode(String text) throws MalformedStructureException {
    return read(
        "node record",
        text,
        json ->
            new NodeRecord(
                text(json, "node_id"),
                TpmtPublic.parse(Bytes.ofBase64(text(json, "ek"))),
                TpmtPublic.parse(Bytes.ofBase64(text(json, "ak"))),
                NodeRecord.Standing.valueOf(text(json, "standing")),
                text(json, "host"),
                port(json),
                Optional.ofNullable(json.path("mtls_certificate").textValue())));
  }

  // --- Baseline ---------------------------------------------------------------------------------

  public static String write(Baseline baseline) {
    return baseline(baseline).toString();
  }

  public static Baseline readBaseline(String text) throws MalformedStructureException {
    return read("baseline", text, AppraisalJson::baseline);
  }

  private static ObjectNode baseline(Baseline baseline) {
    ObjectNode json = JSON.createObjectNode();
    json.set("recorded", pcrs(baseline.recorded()));
    baseline.clock().ifPresent(clock -> json.set("clock", clock(clock)));
    return json;
  }

  private static Baseline baseline(JsonNode json) {
    return new Baseline(
        pcrs(json.path("recorded")),
        json.has("clock") ? Optional.of(clock(json.path("clock"))) : Optional.empty());
  }

  // --- AttestedLocation -------------------------------------------------------------------------

  public static String write(AttestedLocation location) {
    return location(location).toString();
  }

  private static ObjectNode location(AttestedLocation location) {
    ObjectNode json = JSON.createObjectNode();
    json.put("document", LocationDocument.of(location.reading()).bytes().toText());
    location.region().ifPresent(region -> json.put("region", region));
    json.put("assurance", location.assurance().name());
    json.put("valid_until_ms", location.validUntil().toEpochMilli());
    location
        .endorsement()
        .ifPresent(
            word ->
                json.putObject("endorsement")
                    .put("text", word.json())
                    .put("signature", word.signature())
                    .put("key_id", word.keyId()));
    return json;
  }

  private static AttestedLocation location(JsonNode json) throws MalformedStructureException {
    JsonNode word = json.path("endorsement");
    return new AttestedLocation(
        LocationDocument.parse(Bytes.ofText(text(json, "document"))).reading(),
        Optional.ofNullable(json.path("region").textValue()),
        Assurance.valueOf(text(json, "assurance")),
        Instant.ofEpochMilli(number(json, "valid_until_ms")),
        word.isMissingNode()
            ? Optional.empty()
            : Optional.of(
                new SignedWord(text(word, "text"), text(word, "signature"), text(word, "key_id"))));
  }

  // --- Parts ------------------------------------------------------------------------------------

  private static ObjectNode clock(TpmClock clock) {
    return JSON.createObjectNode()
        .put("clock_ms", clock.clockMillis())
        .put("reset_count", clock.resetCount())
        .put("restart_count", clock.restartCount())
        .put("safe", clock.safe());
  }

  private static TpmClock clock(JsonNode json) {
    if (!json.path("safe").isBoolean()) {
      throw new IllegalArgumentException("clock.safe is missing");
    }
    return new TpmClock(
        number(json, "clock_ms"),
        number(json, "reset_count"),
        number(json, "restart_count"),
        json.path("safe").booleanValue());
  }

  private static ObjectNode pcrs(Map<TpmHash, SortedMap<Integer, Bytes>> values) {
    ObjectNode json = JSON.createObjectNode();
    values.forEach(
        (bank, ofBank) -> {
          ObjectNode entries = json.putObject(bank.bankName());
          ofBank.forEach((index, value) -> entries.put(index.toString(), value.toHex()));
        });
    return json;
  }

  private static Map<TpmHash, SortedMap<Integer, Bytes>> pcrs(JsonNode json) {
    if (!json.isObject()) {
      throw new IllegalArgumentException("PCR values are missing");
    }
    Map<TpmHash, SortedMap<Integer, Bytes>> values = new EnumMap<>(TpmHash.class);
    json.fields()
        .forEachRemaining(
            bank -> {
              SortedMap<Integer, Bytes> ofBank = new TreeMap<>();
              bank.getValue()
                  .fields()
                  .forEachRemaining(
                      pcr ->
                          ofBank.put(
                              Integer.valueOf(pcr.getKey()), Bytes.ofHex(pcr.getValue().asText())));
              values.put(
                  TpmHash.byBankName(bank.getKey())
                      .orElseThrow(() -> new IllegalArgumentException("bank " + bank.getKey())),
                  ofBank);
            });
    return values;
  }

  private static String text(JsonNode json, String field) {
    JsonNode value = json.path(field);
    if (!value.isTextual()) {
      throw new IllegalArgumentException(field + " is not a text");
    }
    return value.textValue();
  }

  private static long number(JsonNode json, String field) {
    JsonNode value = json.path(field);
    if (!value.isIntegralNumber() || !value.canConvertToLong()) {
      throw new IllegalArgumentException(field + " is not a number");
    }
    return value.longValue();
  }

  /** 0 when it was not said. */
  private static int port(JsonNode json) {
    long port = number(json, "port");
    if (port < 0 || port > 65535) {
      throw new IllegalArgumentException("port is none");
    }
    return (int) port;
  }

  private interface Reader<T> {
    T read(JsonNode json) throws MalformedStructureException;
  }

  private static <T> T read(String structure, String text, Reader<T> reader)
      throws MalformedStructureException {
    try {
      JsonNode json = JSON.readTree(text);
      if (!json.isObject()) {
        throw new MalformedStructureException(structure, "not a JSON object");
      }
      return reader.read(json);
    } catch (JsonProcessingException e) {
      throw new MalformedStructureException(structure, "not JSON");
    } catch (IllegalArgumentException e) { // a field that is not what its name says
      throw new MalformedStructureException(structure, String.valueOf(e.getMessage()));
    }
  }
}
