package dev.serai.agent;

import dev.serai.location.LocationDocument;
import dev.serai.location.sensor.LocationSensors;
import dev.serai.reason.RefusalException;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Route step: adds where this machine is, if the challenge demands it and a sensor says it; body
 * Attestation in and out. Without one the evidence goes without: whether that will do is for the
 * verifier's policy, and what was wrong is said here.
 */
final class AddLocationProcessor implements Processor {
  private static final Logger LOG = LoggerFactory.getLogger(AddLocationProcessor.class);

  private final LocationSensors sensors;

  AddLocationProcessor(LocationSensors sensors) {
    this.sensors = sensors;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    Attestation attestation = exchange.getMessage().getMandatoryBody(Attestation.class);
    if (!attestation.challenge().getLocationDemanded()) {
      return; // nobody is told who does not ask
    }
    try {
      exchange.getMessage().setBody(attestation.withLocation(LocationDocument.of(sensors.read())));
    } catch (RefusalException e) {
      LOG.warn(
          "a location is demanded and there is none code={} {}",
          e.reason().code(),
          e.reason().detail());
    }
  }
}
