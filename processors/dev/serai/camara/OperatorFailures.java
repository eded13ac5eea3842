package dev.serai.camara;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.wire.MalformedStructureException;
import java.net.ConnectException;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLException;

/** What a reply that is no verdict, or no reply at all, is called. */
final class OperatorFailures {
  private static final Set<ReasonCode> ANSWERS =
      EnumSet.of(
          ReasonCode.OPERATOR_BUSY,
          ReasonCode.OPERATOR_REFUSED,
          ReasonCode.OPERATOR_AUTHORIZATION_PENDING);
  private static final Set<ReasonCode> WITHDRAWN =
      EnumSet.of(ReasonCode.OPERATOR_REFUSED, ReasonCode.OPERATOR_DEVICE_UNKNOWN);
  private static final Set<String> NO_DEVICE =
      Set.of(
          "IDENTIFIER_NOT_FOUND",
          "DEVICE_NOT_FOUND",
          "DEVICE_IDENTIFIER_NOT_FOUND",
          "SERVICE_NOT_APPLICABLE",
          "DEVICE_NOT_APPLICABLE",
          "UNSUPPORTED_IDENTIFIER",
          "UNSUPPORTED_DEVICE_IDENTIFIERS");
  private static final Set<String> NO_AREA =
      Set.of(
          "LOCATION_VERIFICATION.AREA_NOT_COVERED",
          "LOCATION_VERIFICATION.INVALID_AREA",
          "OUT_OF_RANGE");
  private static final Set<String> NOT_LOCATED =
      Set.of(
          "LOCATION_VERIFICATION.UNABLE_TO_LOCATE",
          "LOCATION_VERIFICATION.UNABLE_TO_FULFILL_MAX_AGE");
  private static final Set<String> WRONG_FORM =
      Set.of("MISSING_IDENTIFIER", "UNNECESSARY_IDENTIFIER", "UNIDENTIFIABLE_DEVICE");
  private static final String DENIED = "access_denied";

  private OperatorFailures() {}

  /** Whether the operator said that it cannot locate the device. */
  static boolean saysUnknown(OperatorReply reply) {
    return reply.status() == 422 && NOT_LOCATED.contains(reply.code());
  }

  /** A reply with another status than 200; where it asks for a pause, there is one from now on. */
  static RefusalException of(String call, OperatorReply reply, Quota quota, Instant now) {
    String code = reply.code();
    String what = "%s: HTTP %d%s".formatted(call, reply.status(), code.isEmpty() ? "" : " " + code);
    if (reply.status() == 429 || (reply.status() == 503 && reply.retryAfter().isPresent())) {
      Duration pause = reply.pause(now);
      quota.pause(pause);
      return new RefusalException(
          reply.status() == 429 ? ReasonCode.OPERATOR_BUSY : ReasonCode.OPERATOR_UNREACHABLE,
          what + "; it is left alone until " + now.plus(pause));
    }
    if (reply.status() >= 500) {
      return new RefusalException(ReasonCode.OPERATOR_UNREACHABLE, what);
    }
    if (NO_DEVICE.contains(code)) {
      return new RefusalException(ReasonCode.OPERATOR_DEVICE_UNKNOWN, what);
    }
    if (NO_AREA.contains(code)) {
      return new RefusalException(ReasonCode.OPERATOR_AREA_REFUSED, what);
    }
    if (WRONG_FORM.contains(code)) {
      return new RefusalException(
          ReasonCode.OPERATOR_REFUSED, what + ": the other value of serai.camara.device is needed");
    }
    if (reply.status() == 400 || reply.status() == 401 || reply.status() == 403) {
      return new RefusalException(ReasonCode.OPERATOR_REFUSED, what);
    }
    return new RefusalException(ReasonCode.OPERATOR_ANSWER_INVALID, what);
  }

  static RefusalException unusable(String call, MalformedStructureException e) {
    return new RefusalException(
        ReasonCode.OPERATOR_ANSWER_INVALID, call + ": " + e.getMessage(), e);
  }

  /** What kept a call from a reply. */
  static RefusalException silence(Throwable failure) {
    Throwable cause = cause(failure);
    if (cause instanceof RefusalException refusal) {
      return refusal;
    }
    String what =
        cause instanceof SSLException
            ? "its TLS certificate is not trusted, or TLS failed: " + cause.getMessage()
            : isTimeout(cause)
                ? "no answer in time"
                : cause instanceof ConnectException
                    ? "there is no connection to it"
                    : cause.getClass().getSimpleName();
    return new RefusalException(ReasonCode.OPERATOR_UNREACHABLE, what, cause);
  }

  static boolean isTimeout(Throwable failure) {
    Throwable cause = cause(failure);
    return cause instanceof TimeoutException || cause instanceof java.net.http.HttpTimeoutException;
  }

  /** Whether the subscriber said no. */
  static boolean isDenied(Throwable failure) {
    return failure != null
        && cause(failure) instanceof RefusalException refusal
        && refusal.reason().code() == ReasonCode.OPERATOR_REFUSED
        && refusal.reason().detail().endsWith(" " + DENIED);
  }

  /** Whether the operator is there, although it did not give a verdict. */
  static boolean isAnswer(Throwable failure) {
    return cause(failure) instanceof RefusalException refusal
        && ANSWERS.contains(refusal.reason().code());
  }

  /** Whether the operator would not say now what it said before: it does not stand any more. */
  static boolean isNoLongerAnswered(Throwable failure) {
    return cause(failure) instanceof RefusalException refusal
        && WITHDRAWN.contains(refusal.reason().code());
  }

  static Throwable cause(Throwable failure) {
    Throwable cause = failure;
    while (cause instanceof CompletionException && cause.getCause() != null) {
      cause = cause.getCause();
    }
    return cause;
  }
}
