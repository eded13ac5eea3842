package dev.serai.camara;

import com.fasterxml.jackson.databind.JsonNode;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * Access tokens by OpenID Connect CIBA in poll mode: one for each subscriber, in memory only,
 * renewed before it ends with a new authorization. While a subscriber has not agreed the question
 * goes on in the background, no faster than the operator wants; whoever refused is left in peace
 * for a while. Safe for any thread.
 */
final class AccessTokens {
  private static final int MOST_SUBSCRIBERS = 10_000;
  private static final int MOST_PENDING = 256;
  private static final Duration MARGIN = Duration.ofSeconds(60);
  private static final Duration USUAL_LIFE = Duration.ofMinutes(5);
  private static final Duration LONGEST_LIFE = Duration.ofHours(24);
  private static final Duration LONGEST_CONSENT = Duration.ofMinutes(10);
  private static final Duration USUAL_INTERVAL = Duration.ofSeconds(5);
  private static final Duration SLOWER = Duration.ofSeconds(5);
  private static final Duration PEACE = Duration.ofMinutes(10);
  private static final String GRANT = "urn:openid:params:grant-type:ciba";

  private final OperatorSettings settings;
  private final OperatorHttp http;
  private final Quota quota;
  private final InstantSource clock;
  private final Timers timers;

  // Guarded by this.
  private int pending;
  private final Map<String, Subscriber> subscribers =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Subscriber> eldest) {
          return size() > MOST_SUBSCRIBERS;
        }
      };

  AccessTokens(
      OperatorSettings settings,
      OperatorHttp http,
      Quota quota,
      InstantSource clock,
      Timers timers) {
    this.settings = settings;
    this.http = http;
    this.quota = quota;
    this.clock = clock;
    this.timers = timers;
  }

  private static final class Subscriber {
    private Secret token;
    private Instant renewAt = Instant.MIN;
    private Instant refusedUntil = Instant.MIN;
    private CompletableFuture<Secret> flight;
    private boolean asked;
  }

  /** An authorization under way. */
  record Grant(Secret requestId, Instant until, Duration interval) {
    /**
     * @throws MalformedStructureException when the reply is none
     */
    static Grant of(OperatorReply reply, Instant now) throws MalformedStructureException {
      JsonNode json = reply.json();
      return new Grant(
          new Secret(required(json, "auth_req_id")),
          now.plus(seconds(json, "expires_in", LONGEST_CONSENT, USUAL_LIFE)),
          seconds(json, "interval", LONGEST_CONSENT, USUAL_INTERVAL));
    }
  }

  /** A token and how long it is good. */
  record Given(Secret token, Duration life) {
    /**
     * @throws MalformedStructureException when the reply is none
     */
    static Given of(OperatorReply reply) throws MalformedStructureException {
      JsonNode json = reply.json();
      return new Given(
          new Secret(required(json, "access_token")),
          seconds(json, "expires_in", LONGEST_LIFE, USUAL_LIFE));
    }
  }

  /** The subscriber's token, or the one that is being got. */
  CompletableFuture<Secret> token(String msisdn) {
    CompletableFuture<Secret> flight = new CompletableFuture<>();
    synchronized (this) {
      Subscriber subscriber = subscribers.computeIfAbsent(msisdn, m -> new Subscriber());
      Instant now = clock.instant();
      if (subscriber.token != null && now.isBefore(subscriber.renewAt)) {
        return CompletableFuture.completedFuture(subscriber.token);
      }
      if (subscriber.flight != null) {
        return subscriber.flight;
      }
      if (now.isBefore(subscriber.refusedUntil)) {
        return CompletableFuture.failedFuture(
            new RefusalException(
                ReasonCode.OPERATOR_REFUSED,
                "the subscriber did not agree and is not asked again before "
                    + subscriber.refusedUntil));
      }
      if (pending >= MOST_PENDING) {
        return CompletableFuture.failedFuture(
            new RefusalException(
                ReasonCode.OPERATOR_BUSY, MOST_PENDING + " subscribers are being asked"));
      }
      pending++;
      subscriber.token = null;
      subscriber.asked = false;
      subscriber.flight = flight;
    }
    var unused =
        begun(msisdn)
            .thenCompose(grant -> poll(msisdn, grant))
            .whenComplete(
                (secret, failure) -> {
                  ended(msisdn, flight, failure);
                  if (failure == null) {
                    flight.complete(secret);
                  } else {
                    flight.completeExceptionally(failure);
                  }
                });
    return flight;
  }

  /** Whether the subscriber has been asked and has not answered. */
  synchronized boolean isWaiting(String msisdn) {
    Subscriber subscriber = subscribers.get(msisdn);
    return subscriber != null && subscriber.flight != null && subscriber.asked;
  }

  /** The operator does not take it any more. */
  synchronized void drop(String msisdn, Secret token) {
    Subscriber subscriber = subscribers.get(msisdn);
    if (subscriber != null && subscriber.token == token) {
      subscriber.token = null;
    }
  }

  private synchronized void ended(
      String msisdn, CompletableFuture<Secret> flight, Throwable failure) {
    pending--;
    Subscriber subscriber = subscribers.get(msisdn);
    if (subscriber != null && subscriber.flight == flight) {
      subscriber.flight = null;
      if (OperatorFailures.isDenied(failure)) {
        subscriber.refusedUntil = clock.instant().plus(PEACE);
      }
    }
  }

  private synchronized void asked(String msisdn) {
    Subscriber subscriber = subscribers.get(msisdn);
    if (subscriber != null) {
      subscriber.asked = true;
    }
  }

  private synchronized Secret keep(String msisdn, Secret token, Duration life) {
    Subscriber subscriber = subscribers.get(msisdn);
    if (subscriber != null) {
      Duration quarter = life.dividedBy(4);
      Duration margin = quarter.compareTo(MARGIN) < 0 ? quarter : MARGIN;
      subscriber.token = token;
      subscriber.renewAt = clock.instant().plus(life.minus(margin));
    }
    return token;
  }

  /** A call that cannot even be made fails like one that is not answered: the flight has to end. */
  private CompletableFuture<Grant> begun(String msisdn) {
    try {
      return authorize(msisdn);
    } catch (RuntimeException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  private CompletableFuture<Grant> authorize(String msisdn) {
    return form(
            OperatorMeters.AUTHORIZE,
            settings.authorizePath(),
            "login_hint",
            "tel:" + msisdn,
            "scope",
            settings.scope())
        .thenApply(
            reply -> {
              if (reply.status() != 200) {
                throw OperatorFailures.of("authorization", reply, quota, clock.instant());
              }
              try {
                return Grant.of(reply, clock.instant());
              } catch (MalformedStructureException e) {
                throw OperatorFailures.unusable("authorization", e);
              }
            });
  }

  private CompletableFuture<Secret> poll(String msisdn, Grant grant) {
    return form(
            OperatorMeters.TOKEN,
            settings.tokenPath(),
            "grant_type",
            GRANT,
            "auth_req_id",
            grant.requestId().reveal())
        .thenCompose(reply -> answered(msisdn, grant, reply));
  }

  private CompletableFuture<Secret> answered(String msisdn, Grant grant, OperatorReply reply) {
    if (reply.status() == 200) {
      try {
        Given given = Given.of(reply);
        return CompletableFuture.completedFuture(keep(msisdn, given.token(), given.life()));
      } catch (MalformedStructureException e) {
        throw OperatorFailures.unusable("token", e);
      }
    }
    String code = reply.code();
    boolean slower = code.equals("slow_down");
    if (reply.status() != 400 || !(slower || code.equals("authorization_pending"))) {
      throw OperatorFailures.of("token", reply, quota, clock.instant());
    }
    asked(msisdn);
    Duration pause = slower ? grant.interval().plus(SLOWER) : grant.interval();
    return later(msisdn, new Grant(grant.requestId(), grant.until(), pause), pause);
  }

  /** Also when the operator wants to be left alone meanwhile. */
  private CompletableFuture<Secret> later(String msisdn, Grant grant, Duration pause) {
    if (!clock.instant().plus(pause).isBefore(grant.until())) {
      throw new RefusalException(
          ReasonCode.OPERATOR_AUTHORIZATION_PENDING, "nobody agreed while the request was good");
    }
    return timers
        .after(pause)
        .thenCompose(
            passed ->
                quota
                    .paused()
                    .map(until -> later(msisdn, grant, Duration.between(clock.instant(), until)))
                    .orElseGet(() -> poll(msisdn, grant)));
  }

  private CompletableFuture<OperatorReply> form(String call, String path, String... fields) {
    StringBuilder body = new StringBuilder();
    for (int i = 0; i < fields.length; i += 2) {
      body.append(i == 0 ? "" : "&").append(fields[i]).append('=').append(encoded(fields[i + 1]));
    }
    return http.post(
        call,
        path,
        Map.of(
            "Content-Type",
            "application/x-www-form-urlencoded",
            "Accept",
            "application/json",
            "Authorization",
            settings.authorization().reveal()),
        Bytes.ofText(body.toString()),
        settings.timeout());
  }

  private static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }

  private static String required(JsonNode json, String key) throws MalformedStructureException {
    JsonNode value = json.path(key);
    if (!value.isTextual() || !value.textValue().matches("[\\x21-\\x7e]{1,8192}")) {
      throw new MalformedStructureException("operator's answer", key + " is missing or unusable");
    }
    return value.textValue();
  }

  private static Duration seconds(JsonNode json, String key, Duration most, Duration usual) {
    JsonNode value = json.path(key);
    if (!value.canConvertToLong() || value.longValue() < 1) {
      return usual;
    }
    return Duration.ofSeconds(Math.min(value.longValue(), most.toSeconds()));
  }
}
