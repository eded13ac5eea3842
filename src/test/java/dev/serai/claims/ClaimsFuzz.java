package dev.serai.claims;

import static dev.serai.fuzz.Fuzzed.check;
import static dev.serai.fuzz.Fuzzed.same;

import dev.serai.fuzz.Fuzzed;
import dev.serai.fuzz.Seeds;
import dev.serai.location.LocateJson;
import dev.serai.location.SensorAnswer;
import dev.serai.location.SensorQuestion;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.Optional;

/** Claims in either form, and what is said of a sensor: read as written, and nothing personal. */
public final class ClaimsFuzz {
  private static final Class<?> MALFORMED = MalformedStructureException.class;

  private static final Fuzzed PARSERS =
      new Fuzzed()
          .with('x', "extension", ClaimsFuzz::extension, MALFORMED)
          .with('q', "sensor question", ClaimsFuzz::question, MALFORMED)
          .with('a', "sensor answer", ClaimsFuzz::answer, MALFORMED);

  private ClaimsFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    PARSERS.run(data);
  }

  public static Map<String, byte[]> seeds() {
    try {
      return Seeds.of()
          .add('x', "mobile", ClaimsExtensionTest.prototype("agent-mobile.json"))
          .add('x', "gnss", ClaimsExtensionTest.prototype("workload-gnss.json"))
          .add('x', "receipt", ClaimsExtensionTest.prototype("workload-with-receipt.json"))
          .add('x', "strict", ClaimsExtension.encode(ClaimsExtensionTest.FULL, Privacy.STRICT))
          .add(
              'q',
              "area",
              "{\"node_id\":\"n1\",\"reading\":\"{\\\"sensor_id\\\":\\\"12d1:1433\\\","
                  + "\\\"source\\\":\\\"modem\\\",\\\"taken_at_ms\\\":1790000000000,"
                  + "\\\"type\\\":\\\"mobile\\\"}\",\"area\":{\"latitude\":40.4,"
                  + "\"longitude\":-3.7,\"radius\":2000},\"max_age_s\":600,\"nonce\":\"0123456789abcdef\"}")
          .add(
              'a',
              "bound",
              "{\"standing\":\"BOUND\",\"operator\":\"TRUE\",\"msisdn\":\"tel:+34600000000\","
                  + "\"endorsement\":{\"text\":\"{}\",\"signature\":\"c2ln\",\"key_id\":\"k\"}}")
          .all();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void extension(byte[] in) throws MalformedStructureException {
    Claims claims = ClaimsExtension.decode(Bytes.copyOf(in));
    boolean prototype = in[0] == '{';
    for (Privacy privacy : Privacy.values()) {
      Bytes written;
      try {
        written = ClaimsExtension.encode(claims, privacy);
      } catch (IllegalArgumentException e) { // read with less, as escapes are shorter than texts
        continue;
      }
      Claims again = ClaimsExtension.decode(written);
      if (prototype && privacy == Privacy.COMPAT) {
        same(claims.workload(), again.workload(), "the workload is read as written");
        same(sensor(claims), sensor(again), "the sensor is read as written");
      }
      if (privacy == Privacy.STRICT) {
        check(
            sensor(again).isEmpty()
                && again.mnoEndorsement().flatMap(Claims.MnoEndorsement::signed).isEmpty(),
            "the private form names a device");
      }
    }
    ClaimsJson.geolocation(claims.json());
  }

  private static Optional<Claims.Sensor> sensor(Claims claims) {
    return claims.geolocation().flatMap(Claims.Geolocation::sensor);
  }

  private static void question(byte[] in) throws MalformedStructureException {
    SensorQuestion question = LocateJson.readQuestion(Bytes.copyOf(in).toText());
    same(question, LocateJson.readQuestion(LocateJson.write(question)), "read as written");
  }

  private static void answer(byte[] in) throws MalformedStructureException {
    SensorAnswer answer = LocateJson.readAnswer(Bytes.copyOf(in).toText());
    same(answer, LocateJson.readAnswer(LocateJson.write(answer)), "read as written");
  }
}
