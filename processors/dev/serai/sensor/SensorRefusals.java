package dev.serai.sensor;

import dev.serai.http.RefusalForm;
import dev.serai.keylime.HttpAnswer;
import dev.serai.keylime.KeylimeJson;
import dev.serai.reason.Kind;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.Refused;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** Refusals as the prototype's clients know them, with our reason beside. */
final class SensorRefusals implements RefusalForm {
  static final String NO_PATH = "no such path";
  static final String NO_METHOD = "another method";

  private final SidecarMeters meters;

  SensorRefusals(SidecarMeters meters) {
    this.meters = meters;
  }

  @Override
  public HttpAnswer of(Refused refused) {
    meters.refused();
    Reason reason = refused.reason();
    Map<String, String> body = new LinkedHashMap<>();
    body.put("error", word(reason));
    body.put("reason", reason.code().name());
    body.put("detail", reason.detail());
    body.put("trace", refused.traceId());
    return new HttpAnswer(status(reason), "application/json", KeylimeJson.write(body));
  }

  private static int status(Reason reason) {
    if (reason.code() == ReasonCode.UNKNOWN_OPERATION) {
      return reason.detail().equals(NO_METHOD) ? 405 : 404;
    }
    return reason.code().kind().httpStatus();
  }

  private static String word(Reason reason) {
    return switch (reason.code()) {
      case SENSOR_UNKNOWN -> "sensor_not_found";
      case SENSOR_TYPE_UNSUPPORTED ->
          "unsupported_sensor_type_in_mobile_sidecar: " + reason.detail();
      case SENSOR_MISSING -> "missing_device_identifiers";
      case INTERNAL_ERROR -> "internal_error";
      default ->
          reason.code().kind() == Kind.UNAUTHENTICATED
              ? "unauthorized"
              : reason.code().name().toLowerCase(Locale.ROOT);
    };
  }
}
