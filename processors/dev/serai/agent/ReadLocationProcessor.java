package dev.serai.agent;

import dev.serai.keylime.GeolocationAnswer;
import dev.serai.keylime.HttpAnswer;
import dev.serai.location.LocationReading;
import dev.serai.location.sensor.LocationSensors;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.util.Optional;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Route step: body AgentApiCall.Location in, GeolocationAnswer out. For the prototype's peers every
 * lack of a reading is 404, with our code beside it; 403 says that no sensor is configured.
 */
final class ReadLocationProcessor implements Processor {
  private final LocationSensors sensors;
  private final boolean extendsPcr;

  /** extendsPcr: PCR 15 is extended before the answer, and so the answer says. */
  ReadLocationProcessor(LocationSensors sensors, boolean extendsPcr) {
    this.sensors = sensors;
    this.extendsPcr = extendsPcr;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    AgentApiCall.Location call =
        exchange.getMessage().getMandatoryBody(AgentApiCall.Location.class);
    exchange.getMessage().setBody(answer(read(), extendsPcr, call.nonce()));
  }

  private LocationReading read() {
    try {
      return sensors.readForPeer();
    } catch (RefusalException e) {
      ReasonCode code = e.reason().code();
      if (code == ReasonCode.LOCATION_OFF || code == ReasonCode.OVERLOADED) {
        throw e;
      }
      throw new RefusalException(
          code,
          e.reason().detail(),
          e,
          HttpAnswer.refusal(
              404, "No geolocation sensor detected", code.name(), e.reason().detail()));
    }
  }

  static GeolocationAnswer answer(LocationReading reading, boolean attested, String nonce) {
    boolean isMobile = reading.type().equals(LocationReading.MOBILE);
    Optional<GeolocationAnswer.Mobile> mobile =
        isMobile
            ? Optional.of(
                new GeolocationAnswer.Mobile(
                    reading.sensorId(), reading.imei(), reading.imsi(), reading.msisdn()))
            : Optional.empty();
    Optional<GeolocationAnswer.Gnss> gnss =
        isMobile
            ? Optional.empty()
            : reading
                .position()
                .map(
                    at ->
                        new GeolocationAnswer.Gnss(
                            reading.sensorId(),
                            reading.serialNumber(),
                            at.latitude(),
                            at.longitude(),
                            at.accuracyMetres()));
    return new GeolocationAnswer(
        reading.type(), mobile, gnss, attested, GeolocationAnswer.PCR, nonce);
  }
}
