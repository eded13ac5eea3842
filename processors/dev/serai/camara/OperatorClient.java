package dev.serai.camara;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.TraceId;
import dev.serai.tpm.wire.MalformedStructureException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Asks the operator. A token that is no longer taken is replaced once. Completes exceptionally with
 * a {@link RefusalException} when there is no verdict. Safe for any thread; none waits.
 */
final class OperatorClient implements AutoCloseable {
  private static final Duration CLOCKS_DIFFER = Duration.ofMinutes(1);

  private final OperatorSettings settings;
  private final OperatorHttp http;
  private final Quota quota;
  private final AccessTokens tokens;
  private final OperatorMeters meters;
  private final InstantSource clock;

  OperatorClient(
      OperatorSettings settings,
      Quota quota,
      OperatorMeters meters,
      InstantSource clock,
      Timers timers) {
    this.settings = settings;
    this.quota = quota;
    this.meters = meters;
    this.clock = clock;
    this.http =
        new OperatorHttp(settings.url(), OperatorTrust.context(settings.authorities()), meters);
    this.tokens = new AccessTokens(settings, http, quota, clock, timers);
  }

  /** One question, within the quota. */
  CompletableFuture<OperatorAnswer> ask(OperatorQuestion question) {
    try {
      quota.enter();
    } catch (RefusalException e) {
      return CompletableFuture.failedFuture(e);
    }
    return asked(question, true)
        .handle(
            (verdict, failure) -> {
              quota.leave();
              if (failure != null) {
                throw OperatorFailures.silence(failure);
              }
              meters.said(verdict.result());
              return new OperatorAnswer(question, verdict, clock.instant(), false);
            });
  }

  private CompletableFuture<OperatorVerdict> asked(OperatorQuestion question, boolean again) {
    return token(question.msisdn())
        .thenCompose(
            token ->
                verify(question, token)
                    .thenCompose(
                        reply -> {
                          if (reply.status() == 401 && again) {
                            tokens.drop(question.msisdn(), token);
                            return asked(question, false);
                          }
                          return CompletableFuture.completedFuture(verdict(reply));
                        }));
  }

  /** A consent that is waited for does not hold the question up for longer than a call may take. */
  private CompletableFuture<Secret> token(String msisdn) {
    return tokens
        .token(msisdn)
        .copy()
        .orTimeout(settings.timeout().toMillis(), TimeUnit.MILLISECONDS)
        .handle(
            (token, failure) -> {
              if (failure == null) {
                return token;
              }
              if (OperatorFailures.isTimeout(failure) && tokens.isWaiting(msisdn)) {
                throw new RefusalException(
                    ReasonCode.OPERATOR_AUTHORIZATION_PENDING, "the subscriber has not agreed yet");
              }
              throw OperatorFailures.silence(failure);
            });
  }

  private CompletableFuture<OperatorReply> verify(OperatorQuestion question, Secret token) {
    quota.requireNoPause(); // it may have begun while the token was waited for
    Map<String, String> headers = new LinkedHashMap<>();
    headers.put("Content-Type", "application/json");
    headers.put("Accept", "application/json");
    headers.put("Authorization", "Bearer " + token.reveal());
    headers.put("x-correlator", TraceId.random());
    return http.post(
        OperatorMeters.VERIFY,
        settings.verifyPath(),
        headers,
        settings.dialect().request(question, settings.namesDevice(), settings.maxAge()),
        settings.timeout());
  }

  private OperatorVerdict verdict(OperatorReply reply) {
    if (OperatorFailures.saysUnknown(reply)) {
      return OperatorVerdict.of(OperatorVerdict.Result.UNKNOWN);
    }
    if (reply.status() != 200) {
      throw OperatorFailures.of("verification", reply, quota, clock.instant());
    }
    try {
      OperatorVerdict said = settings.dialect().read(reply.body());
      return isOfNoUse(said)
          ? new OperatorVerdict(
              OperatorVerdict.Result.UNKNOWN,
              java.util.OptionalInt.empty(),
              said.lastLocationTime())
          : said;
    } catch (MalformedStructureException e) {
      throw OperatorFailures.unusable("verification", e);
    }
  }

  /**
   * An operator that passes over maxAge says where the device was, not where it is; and one that
   * does not say when that was, as it has to, may be one of these.
   */
  private boolean isOfNoUse(OperatorVerdict said) {
    if (settings.maxAge().isEmpty()) {
      return false;
    }
    Instant oldest = clock.instant().minus(settings.maxAge().get()).minus(CLOCKS_DIFFER);
    return said.lastLocationTime()
        .map(at -> at.isBefore(oldest))
        .orElse(settings.dialect() == LocationDialect.CAMARA);
  }

  @Override
  public void close() {
    http.close();
  }
}
