package dev.serai.watching;

import static java.util.Objects.requireNonNull;

import dev.serai.http.HttpGet;
import dev.serai.keylime.GeolocationAnswer;
import dev.serai.keylime.KeylimeJson;
import dev.serai.location.LocationDocument;
import dev.serai.location.LocationReading;
import dev.serai.role.TraceId;
import dev.serai.tpm.wire.MalformedStructureException;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.apache.camel.AsyncCallback;
import org.apache.camel.Exchange;
import org.apache.camel.support.AsyncProcessorSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Route step: body {@link QuoteRequest} in and out; asks the agent where it is, for the nonce of
 * the evidence, and keeps what it says. An agent that says nothing, or does not say that PCR 15 was
 * extended, has no location: whether that will do is for the policy.
 */
final class AskLocationProcessor extends AsyncProcessorSupport {
  /** Exchange variable for the choice of the route: "yes" or "no". */
  static final String TOLD = "gatheringToldLocation";

  static final int MAX_ANSWER = 16 * 1024;
  private static final Logger LOG = LoggerFactory.getLogger(AskLocationProcessor.class);

  private final QuoteFetcher fetcher;
  private final Executor workers;
  private final InstantSource clock;

  AskLocationProcessor(QuoteFetcher fetcher, Executor workers, InstantSource clock) {
    this.fetcher = fetcher;
    this.workers = workers;
    this.clock = clock;
  }

  @Override
  public boolean process(Exchange exchange, AsyncCallback callback) {
    QuoteRequest request;
    CompletableFuture<HttpGet.Response> asked;
    // The reading is at least as old as the question: what the prototype's words have no time for.
    Instant before = clock.instant();
    try {
      request = exchange.getMessage().getMandatoryBody(QuoteRequest.class);
      asked = fetcher.location(request, TraceId.of(exchange));
    } catch (Exception e) {
      exchange.setException(e);
      callback.done(true);
      return true;
    }
    var unused =
        asked.whenCompleteAsync(
            (response, failure) -> {
              try {
                keep(exchange, request, told(request, response, failure, before));
              } catch (RuntimeException e) {
                exchange.setException(e);
              }
              callback.done(false);
            },
            workers);
    return false;
  }

  private static void keep(Exchange exchange, QuoteRequest request, Optional<Gathering.Told> told) {
    Gathering gathering =
        requireNonNull(
            exchange.getVariable(Gathering.VARIABLE, Gathering.class), Gathering.VARIABLE);
    exchange.setVariable(TOLD, told.isPresent() ? "yes" : "no");
    told.ifPresent(
        location -> exchange.setVariable(Gathering.VARIABLE, gathering.withLocation(location)));
    exchange.getMessage().setBody(request);
  }

  /** Empty for an answer that says no location, or none that its TPM holds for our nonce. */
  static Optional<Gathering.Told> told(
      QuoteRequest request, HttpGet.Response response, Throwable failure, Instant takenAt) {
    String node = request.node().nodeId();
    if (failure != null || response.status() != 200) {
      LOG.info(
          "node={} tells no location: {}",
          node,
          failure != null ? "no answer" : "HTTP " + response.status());
      return Optional.empty();
    }
    try {
      GeolocationAnswer answer =
          KeylimeJson.readEnvelope(response.body(), MAX_ANSWER, GeolocationAnswer.class).results();
      if (!answer.nonce().equals(request.nonce())
          || !answer.attested()
          || answer.pcr() != GeolocationAnswer.PCR) {
        LOG.info("node={} tells a location that its TPM does not hold", node);
        return Optional.empty();
      }
      return Optional.of(new Gathering.Told(LocationDocument.of(reading(answer, takenAt)), answer));
    } catch (MalformedStructureException | IllegalArgumentException e) {
      LOG.info("node={} tells a location that cannot be read", node); // its text may hold the place
      return Optional.empty();
    }
  }

  /** These words do not tell a receiver from a file, so a receiver counts as no more than that. */
  private static LocationReading reading(GeolocationAnswer answer, Instant takenAt) {
    if (answer.mobile().isPresent() == answer.gnss().isPresent()) {
      throw new IllegalArgumentException("not one sensor");
    }
    if (answer.mobile().isPresent()) {
      GeolocationAnswer.Mobile mobile = answer.mobile().get();
      requireType(answer, LocationReading.MOBILE);
      return new LocationReading(
          LocationReading.MOBILE,
          mobile.id(),
          mobile.imei(),
          mobile.imsi(),
          mobile.msisdn(),
          Optional.empty(),
          Optional.empty(),
          takenAt,
          "modem");
    }
    GeolocationAnswer.Gnss gnss = answer.gnss().orElseThrow();
    requireType(answer, LocationReading.GNSS);
    return new LocationReading(
        LocationReading.GNSS,
        gnss.id(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        gnss.serial(),
        Optional.of(
            new LocationReading.Position(gnss.latitude(), gnss.longitude(), gnss.accuracy())),
        takenAt,
        "file");
  }

  private static void requireType(GeolocationAnswer answer, String type) {
    if (!answer.type().equals(type)) {
      throw new IllegalArgumentException("sensor_type is another");
    }
  }
}
