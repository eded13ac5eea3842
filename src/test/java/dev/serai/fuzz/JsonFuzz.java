package dev.serai.fuzz;

import static dev.serai.fuzz.Fuzzed.same;
import static dev.serai.tpm.wire.WireFixtures.fixture;

import dev.serai.appraisal.AppraisalJson;
import dev.serai.appraisal.AppraisalRequest;
import dev.serai.appraisal.Baseline;
import dev.serai.appraisal.NodeRecord;
import dev.serai.appraisal.Verdict;
import dev.serai.camara.CamaraFuzz;
import dev.serai.keylime.ActivateRequest;
import dev.serai.keylime.AgentVersions;
import dev.serai.keylime.Envelope;
import dev.serai.keylime.KeylimeJson;
import dev.serai.keylime.NodeIds;
import dev.serai.keylime.QuoteResults;
import dev.serai.keylime.RegisterAnswer;
import dev.serai.keylime.RegisterRequest;
import dev.serai.keylime.RegistrarRecord;
import dev.serai.keylime.ServerVersions;
import dev.serai.location.LocationDocument;
import dev.serai.location.LocationFuzz;
import dev.serai.location.LocationReading;
import dev.serai.reason.RefusalException;
import dev.serai.sensor.SensorFuzz;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.time.Instant;
import java.util.Map;

/** JSON between the roles and with Keylime's: what is read, written and read again is the same. */
public final class JsonFuzz {
  private static final int LIMIT = 64 * 1024;
  private static final Class<?> MALFORMED = MalformedStructureException.class;

  private static final Fuzzed PARSERS =
      new Fuzzed()
          .with('r', "registration", in -> body(in, RegisterRequest.class), MALFORMED)
          .with('a', "activation", in -> body(in, ActivateRequest.class), MALFORMED)
          .with('n', "challenge", in -> envelope(in, RegisterAnswer.class), MALFORMED)
          .with('c', "registrar record", in -> envelope(in, RegistrarRecord.class), MALFORMED)
          .with('q', "quote answer", in -> envelope(in, QuoteResults.class), MALFORMED)
          .with('v', "server versions", in -> envelope(in, ServerVersions.class), MALFORMED)
          .with('g', "agent versions", in -> envelope(in, AgentVersions.class), MALFORMED)
          .with('u', "node ids", in -> envelope(in, NodeIds.class), MALFORMED)
          .with('m', "any results", JsonFuzz::anyResults, MALFORMED)
          .with('1', "appraisal request", JsonFuzz::request, MALFORMED)
          .with('2', "verdict", JsonFuzz::verdict, MALFORMED)
          .with('3', "node record", JsonFuzz::node, MALFORMED)
          .with('4', "baseline", JsonFuzz::baseline, MALFORMED)
          .with('o', "location document", JsonFuzz::location, MALFORMED)
          .with('s', "sensor check", SensorFuzz::verify, MALFORMED, RefusalException.class)
          .with('l', "sensor lookup", SensorFuzz::lookup, MALFORMED, RefusalException.class)
          .with('e', "sensor endorsement", SensorFuzz::endorse, MALFORMED, RefusalException.class)
          .with('5', "operator's verdict", CamaraFuzz::camara, MALFORMED)
          .with('0', "operator's verdict, v0", CamaraFuzz::v0, MALFORMED)
          .with('b', "operator's authorization", CamaraFuzz::grant, MALFORMED)
          .with('t', "operator's token", CamaraFuzz::token, MALFORMED)
          .with('f', "operator's error", CamaraFuzz::error)
          .with('i', "endorsement", LocationFuzz::signed, MALFORMED)
          .with('k', "endorsement keys", LocationFuzz::keys, MALFORMED)
          .with('p', "phone number", LocationFuzz::ids);

  private JsonFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    PARSERS.run(data);
  }

  static Map<String, byte[]> seeds() {
    String ek = fixture("keylime/quote/ek.pub").toBase64();
    String ak = fixture("realkernel/p256-quote/ak.pub").toBase64();
    String area = fixture("realkernel/p256-quote/ak.pub").slice(2, 88).toBase64();
    String name = fixture("realkernel/p256-quote/ak.name").toHex();
    String quote = fixture("rust-keylime/quote-string/test-quote.txt").toText().strip();
    String pcr = "5a".repeat(32);
    String clock = "{\"clock_ms\":100000,\"reset_count\":5,\"restart_count\":1,\"safe\":true}";
    return Seeds.of()
        .add(
            'r',
            "agent",
            ("{\"ekcert\":null,\"ek_tpm\":\"%s\",\"aik_tpm\":\"%s\",\"ip\":\"127.0.0.1\","
                    + "\"port\":9002,\"mtls_cert\":\"disabled\"}")
                .formatted(ek, ak))
        .add('a', "tag", "{\"auth_tag\":\"" + "ab".repeat(48) + "\"}")
        .add('n', "blob", results("{\"blob\":\"utzA3gAAAAEAIP==\"}"))
        .add(
            'c',
            "record",
            results(
                ("{\"agent_id\":\"n1\",\"ek_tpm\":\"%s\",\"ekcert\":null,\"aik_tpm\":\"%s\","
                        + "\"mtls_cert\":\"disabled\",\"ip\":\"10.0.0.1\",\"port\":9002,"
                        + "\"regcount\":3}")
                    .formatted(ek, ak)))
        .add(
            'q',
            "rust-keylime",
            results(
                ("{\"quote\":\"%s\",\"hash_alg\":\"sha256\",\"enc_alg\":\"rsa\",\"sign_alg\":"
                        + "\"rsassa\",\"pubkey\":\"-----BEGIN PUBLIC KEY-----\","
                        + "\"ima_measurement_list_entry\":0}")
                    .formatted(quote)))
        .add(
            'v',
            "six",
            results("{\"current_version\":\"2.6\",\"supported_versions\":[\"2.0\",\"2.6\"]}"))
        .add('g', "old", results("{\"supported_version\":\"2.2\"}"))
        .add(
            'g',
            "new",
            results("{\"supported_version\":\"2.5\",\"supported_versions\":[\"2.4\",\"2.5\"]}"))
        .add('u', "two", results("{\"uuids\":[\"n1\",\"n2\"]}"))
        .add(
            'm',
            "refusal",
            "{\"code\":403,\"status\":\"NODE_BANNED:"
                + " no\",\"results\":{\"reason\":\"NODE_BANNED\"}}")
        .add(
            '1',
            "request",
            ("{\"attestation\":\"AAEC\",\"csr\":\"MAA=\",\"standing\":\"FRESH\",\"nonce\":\"%s\","
                    + "\"selection\":\"00000001000b03ff0000\"}")
                .formatted("a1".repeat(32)))
        .add(
            '2',
            "trusted",
            ("{\"trusted\":true,\"node_id\":\"n1\",\"ek_name\":\"%s\",\"ak_name\":\"%s\","
                    + "\"app_key\":{\"tpm_public\":\"AAEC\",\"subject_public_key_info\":\"MAA=\"},"
                    + "\"clock\":%s,\"firmware_version\":\"2019102300163636\",\"pcrs\":{\"sha256\":"
                    + "{\"7\":\"%s\"}},\"policy\":\"demo\",\"baseline\":{\"recorded\":{\"sha256\":"
                    + "{\"7\":\"%s\"}},\"clock\":%s}}")
                .formatted(name, name, clock, pcr, pcr, clock))
        .add(
            '2',
            "located",
            ("{\"trusted\":true,\"node_id\":\"n1\",\"ek_name\":\"%s\",\"ak_name\":\"%s\","
                 + "\"clock\":%s,\"firmware_version\":\"1\",\"pcrs\":{},\"policy\":\"demo\","
                 + "\"location\":{\"document\":\"{\\\"sensor_id\\\":\\\"12d1:1433\\\","
                 + "\\\"source\\\":\\\"modem\\\",\\\"taken_at_ms\\\":1790000000000,"
                 + "\\\"type\\\":\\\"mobile\\\"}\",\"region\":\"madrid\",\"assurance\":\"CLAIMED\","
                 + "\"valid_until_ms\":1790000600000,\"endorsement\":{\"text\":\"{}\","
                 + "\"signature\":\"c2ln\",\"key_id\":\"k\"}},\"baseline\":{\"recorded\":{}}}")
                .formatted(name, name, clock))
        .add(
            '2',
            "rejected",
            "{\"trusted\":false,\"node_id\":\"n1\",\"reasons\":[{\"code\":\"PCR_VALUE_NOT_ALLOWED\","
                + "\"detail\":\"sha256:7\"}]}")
        .add(
            '3',
            "node",
            ("{\"node_id\":\"n1\",\"ek\":\"%s\",\"ak\":\"%s\",\"standing\":\"ACTIVATED\","
                    + "\"host\":\"127.0.0.1\",\"port\":9002,\"mtls_certificate\":\"disabled\"}")
                .formatted(area, area))
        .add(
            '4',
            "baseline",
            "{\"recorded\":{\"sha256\":{\"7\":\"%s\"}},\"clock\":%s}".formatted(pcr, clock))
        .add(
            'o',
            "gnss",
            "{\"accuracy\":4.5,\"latitude\":40.33,\"longitude\":-3.7707,\"sensor_id\":"
                + "\"/dev/ttyACM0\",\"source\":\"gpsd\",\"taken_at_ms\":1790000000123,\"type\":"
                + "\"gnss\"}")
        .add(
            's',
            "prototype",
            "{\"sensor_id\":\"12d1:1433\",\"sensor_type\":\"mobile\",\"sensor_imei\":"
                + "\"356345043865103\",\"sensor_imsi\":\"214070610960475\",\"msisdn\":"
                + "\"tel:+34696810912\",\"latitude\":40.33,\"longitude\":-3.7707,\"accuracy\":7.0,"
                + "\"skip_cache\":true}")
        .add(
            'l',
            "prototype",
            "{\"sensor_imei\":\"356345043865103\",\"sensor_imsi\":\"214070610960475\","
                + "\"sensor_serial_number\":null}")
        .add(
            'e',
            "prototype",
            "{\"imei\":\"356345043865103\",\"imsi\":\"214070610960475\",\"nonce\":"
                + "\"0123456789abcdef\",\"tower_id\":\"49201-LAB-001\",\"latitude\":40.33,"
                + "\"longitude\":-3.77,\"accuracy\":500.0}")
        .add(
            '5',
            "partial",
            "{\"verificationResult\":\"PARTIAL\",\"matchRate\":74,\"lastLocationTime\":"
                + "\"2023-09-07T10:40:52Z\"}")
        .add('0', "true", "{\"verificationResult\":true}")
        .add('b', "ciba", "{\"auth_req_id\":\"1c266114-a1be\",\"expires_in\":120,\"interval\":2}")
        .add(
            't',
            "token",
            "{\"access_token\":\"G5kXH2wHvUra0sHlDy1iTkDJgsgUO1bN\",\"expires_in\":3600}")
        .add(
            'f',
            "quota",
            "{\"status\":429,\"code\":\"QUOTA_EXCEEDED\",\"message\":\"m\"}\n"
                + "Wed, 21 Oct 2026 07:28:00 GMT")
        .add('f', "ciba", "{\"error\":\"slow_down\"}\n120")
        .add(
            'i',
            "answer",
            "{\"verified\":true,\"endorsement\":{\"tower_id\":\"\",\"device_id_hash\":\"ab\","
                + "\"imei_imsi_binding_valid\":true,\"coarse_location\":{\"latitude\":40.33,"
                + "\"longitude\":-3.77,\"accuracy_meters\":500.0},\"timestamp\":"
                + "\"2026-11-24T11:59:55.123456+00:00\",\"nonce\":\"n\"},\"signature\":\"AAEC\","
                + "\"key_id\":\"k1\"}")
        .add(
            'k',
            "set",
            "{\"keys\":[{\"key_id\":\"k1\",\"algorithm\":\"EdDSA\",\"public_key\":"
                + "\"11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\",\"valid_from\":"
                + "\"2026-01-01T00:00:00Z\",\"valid_until\":\"2027-01-01T00:00:00Z\"}]}")
        .add('p', "tel", "tel:+34696810912")
        .all();
  }

  private static String results(String json) {
    return "{\"code\":200,\"status\":\"Success\",\"results\":" + json + "}";
  }

  private static <T> void body(byte[] in, Class<T> type) throws MalformedStructureException {
    T read = KeylimeJson.read(Bytes.copyOf(in), LIMIT, type);
    same(read, KeylimeJson.read(KeylimeJson.write(read), 8 * LIMIT, type), "read as written");
  }

  private static <T> void envelope(byte[] in, Class<T> type) throws MalformedStructureException {
    Envelope<T> read = KeylimeJson.readEnvelope(Bytes.copyOf(in), LIMIT, type);
    same(
        read,
        KeylimeJson.readEnvelope(KeylimeJson.write(read), 8 * LIMIT, type),
        "read as written");
  }

  /** Of a peer's refusal, which is read and never handed on. */
  private static void anyResults(byte[] in) throws MalformedStructureException {
    KeylimeJson.readEnvelope(Bytes.copyOf(in), LIMIT, Map.class);
  }

  private static String text(byte[] in) {
    return Bytes.copyOf(in).toText();
  }

  private static void request(byte[] in) throws MalformedStructureException {
    AppraisalRequest read = AppraisalJson.readRequest(text(in));
    same(read, AppraisalJson.readRequest(AppraisalJson.write(read)), "read as written");
  }

  private static void verdict(byte[] in) throws MalformedStructureException {
    Verdict read = AppraisalJson.readVerdict(text(in));
    same(
        AppraisalJson.write(read),
        AppraisalJson.write(AppraisalJson.readVerdict(AppraisalJson.write(read))),
        "read as written");
  }

  private static void location(byte[] in) throws MalformedStructureException {
    LocationReading loose = LocationDocument.parseLoosely(Bytes.copyOf(in), Instant.EPOCH);
    LocationDocument canonical = LocationDocument.of(loose);
    same(canonical, LocationDocument.parse(canonical.bytes()), "read as written");
    same(loose, canonical.reading(), "a document says what its reading says");
    same(Bytes.copyOf(in), LocationDocument.parse(Bytes.copyOf(in)).bytes(), "of one form");
  }

  private static void node(byte[] in) throws MalformedStructureException {
    NodeRecord read = AppraisalJson.readNode(text(in));
    same(read, AppraisalJson.readNode(AppraisalJson.write(read)), "read as written");
    Fuzzed.check(read.port() >= 0 && read.port() <= 65535, "a port is one");
  }

  private static void baseline(byte[] in) throws MalformedStructureException {
    Baseline read = AppraisalJson.readBaseline(text(in));
    same(read, AppraisalJson.readBaseline(AppraisalJson.write(read)), "read as written");
  }
}
