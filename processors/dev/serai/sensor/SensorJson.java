package dev.serai.sensor;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.serai.camara.Area;
import dev.serai.camara.OperatorAnswer;
import dev.serai.camara.OperatorVerdict;
import dev.serai.keylime.HttpAnswer;
import dev.serai.keylime.KeylimeJson;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** The prototype's requests and answers. */
final class SensorJson {
  private static final int LIMIT = 64 * 1024;
  private static final double VERIFY_ACCURACY = 1000;
  private static final double ENDORSE_ACCURACY = 500;

  private SensorJson() {}

  private record VerifyBody(
      @JsonProperty("device") Optional<String> device,
      @JsonProperty("sensor_id") Optional<String> sensorId,
      @JsonProperty("sensor_type") Optional<String> sensorType,
      @JsonProperty("sensor_imei") Optional<String> imei,
      @JsonProperty("sensor_imsi") Optional<String> imsi,
      @JsonProperty("sensor_serial_number") Optional<String> serialNumber,
      @JsonProperty("msisdn") Optional<String> msisdn,
      @JsonProperty("latitude") Optional<Double> latitude,
      @JsonProperty("longitude") Optional<Double> longitude,
      @JsonProperty("accuracy") Optional<Double> accuracy,
      @JsonProperty("skip_cache") Optional<Boolean> skipCache) {}

  private record LookupBody(
      @JsonProperty("sensor_id") Optional<String> sensorId,
      @JsonProperty("sensor_imei") Optional<String> imei,
      @JsonProperty("sensor_imsi") Optional<String> imsi,
      @JsonProperty("sensor_serial_number") Optional<String> serialNumber) {}

  private record EndorseBody(
      @JsonProperty("imei") Optional<String> imei,
      @JsonProperty("imsi") Optional<String> imsi,
      @JsonProperty("sensor_imei") Optional<String> sensorImei,
      @JsonProperty("sensor_imsi") Optional<String> sensorImsi,
      @JsonProperty("nonce") Optional<String> nonce,
      @JsonProperty("latitude") Optional<Double> latitude,
      @JsonProperty("longitude") Optional<Double> longitude,
      @JsonProperty("accuracy") Optional<Double> accuracy) {}

  static LocationCheck verify(Bytes body) throws MalformedStructureException {
    VerifyBody read = KeylimeJson.read(body, LIMIT, VerifyBody.class);
    return new LocationCheck(
        new SensorIds(read.sensorId, read.imei, read.imsi, read.serialNumber, read.msisdn),
        read.sensorType.filter(type -> !type.isBlank()),
        area(read.latitude, read.longitude, read.accuracy, VERIFY_ACCURACY),
        read.skipCache.orElse(false),
        Optional.empty(),
        read.device.filter(name -> !name.isBlank()),
        Optional.empty());
  }

  static SensorIds lookup(Bytes body) throws MalformedStructureException {
    LookupBody read = KeylimeJson.read(body, LIMIT, LookupBody.class);
    return new SensorIds(read.sensorId, read.imei, read.imsi, read.serialNumber, Optional.empty());
  }

  static EndorsementRequest endorse(Bytes body) throws MalformedStructureException {
    EndorseBody read = KeylimeJson.read(body, LIMIT, EndorseBody.class);
    return new EndorsementRequest(
        identifier(read.imei, read.sensorImei),
        identifier(read.imsi, read.sensorImsi),
        read.nonce.orElse(""),
        area(read.latitude, read.longitude, read.accuracy, ENDORSE_ACCURACY));
  }

  private static String identifier(Optional<String> one, Optional<String> other) {
    return one.filter(text -> !text.isBlank())
        .or(() -> other.filter(text -> !text.isBlank()))
        .orElseThrow(
            () -> new RefusalException(ReasonCode.SENSOR_MISSING, "IMEI and IMSI are required"));
  }

  /** A place without an accuracy has the one that the prototype's clients count on. */
  private static Optional<Area> area(
      Optional<Double> latitude,
      Optional<Double> longitude,
      Optional<Double> accuracy,
      double usualAccuracy) {
    if (latitude.isEmpty() && longitude.isEmpty() && accuracy.isEmpty()) {
      return Optional.empty();
    }
    if (latitude.isEmpty() || longitude.isEmpty()) {
      throw new RefusalException(
          ReasonCode.COORDINATES_INVALID, "latitude and longitude belong together");
    }
    return Optional.of(new Area(latitude.get(), longitude.get(), accuracy.orElse(usualAccuracy)));
  }

  /**
   * The answer of {@code /verify}.
   *
   * @param full whether it says what the registry knows and the caller did not; who asks by a name
   *     of SVIDs is not told whose it is
   */
  static HttpAnswer verified(CheckedLocation checked, boolean full) {
    OperatorAnswer answer = checked.answer();
    OperatorVerdict verdict = answer.verdict();
    SensorIds said = checked.check().ids();
    Optional<Device> known =
        checked.device().filter(device -> full && checked.check().name().isEmpty());
    Map<String, Object> body = new LinkedHashMap<>();
    body.put(
        "verification_result",
        verdict.isTrue() ? Boolean.TRUE : verdict.isFalse() ? Boolean.FALSE : null);
    body.put("verification_status", verdict.result().name());
    verdict.matchRate().ifPresent(rate -> body.put("match_rate", rate));
    body.put("last_location_time", verdict.lastLocationTime().map(Instant::toString));
    body.put("verified_at", answer.at().toString());
    body.put("cached", answer.kept());
    body.put("sensor_id", said.sensorId().or(() -> known.map(Device::sensorId)));
    body.put("sensor_type", Device.Type.MOBILE.word());
    body.put("sensor_imei", said.imei().or(() -> known.flatMap(Device::imei)));
    body.put("sensor_imsi", said.imsi().or(() -> known.flatMap(Device::imsi)));
    body.put(
        "sensor_serial_number", said.serialNumber().or(() -> known.flatMap(Device::serialNumber)));
    body.put("msisdn", said.msisdn().or(() -> known.flatMap(Device::msisdn)).map(SensorJson::tel));
    Optional<Area> area =
        checked.check().area().or(() -> known.map(device -> answer.question().area()));
    body.put("latitude", area.map(Area::latitude));
    body.put("longitude", area.map(Area::longitude));
    body.put("accuracy", area.map(Area::radius));
    return ok(KeylimeJson.write(body));
  }

  static HttpAnswer notFound() {
    return ok(KeylimeJson.write(Map.of("found", false)));
  }

  static HttpAnswer found(Device device, String msisdn) {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("found", true);
    body.put("sensor_msisdn", tel(msisdn));
    body.put("sensor_id", device.sensorId());
    body.put("latitude", device.area().map(Area::latitude));
    body.put("longitude", device.area().map(Area::longitude));
    body.put("accuracy", device.area().map(Area::radius));
    return ok(KeylimeJson.write(body));
  }

  private static String tel(String msisdn) {
    return "tel:" + msisdn;
  }

  static HttpAnswer ok(Bytes json) {
    return new HttpAnswer(200, "application/json", json);
  }
}
