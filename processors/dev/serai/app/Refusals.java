package dev.serai.app;

import dev.serai.http.NettyHangUp;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.reason.TpmReasons;
import dev.serai.store.DatabaseException;
import dev.serai.tpm.TpmException;
import java.net.SocketException;
import java.nio.channels.ClosedChannelException;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateNotYetValidException;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLPeerUnverifiedException;
import org.apache.camel.ExchangeTimedOutException;

/** What a failure is called. Nothing of an unknown one leaves the process but its code. */
final class Refusals {
  private Refusals() {}

  /** A reason and, for gRPC, the message that goes with it. */
  record Named(Reason reason, Optional<Object> answerDetail) {}

  static Named name(Throwable failure) {
    Set<Throwable> seen = new HashSet<>();
    for (Throwable t = failure; t != null && seen.add(t); t = t.getCause()) {
      if (t instanceof RefusalException refusal) {
        return new Named(refusal.reason(), refusal.answerDetail());
      }
      Optional<Reason> known = known(t);
      if (known.isPresent()) {
        return new Named(known.get(), Optional.empty());
      }
    }
    return new Named(
        new Reason(ReasonCode.INTERNAL_ERROR, ReasonCode.INTERNAL_ERROR.what()), Optional.empty());
  }

  private static Optional<Reason> known(Throwable t) {
    if (t instanceof TpmException tpm) {
      return Optional.of(TpmReasons.of(tpm));
    }
    if (t instanceof DatabaseException) {
      return Optional.of(
          new Reason(ReasonCode.DATABASE_UNAVAILABLE, ReasonCode.DATABASE_UNAVAILABLE.what()));
    }
    if (t instanceof ExchangeTimedOutException || t instanceof TimeoutException) {
      return Optional.of(
          new Reason(ReasonCode.DEADLINE_EXCEEDED, ReasonCode.DEADLINE_EXCEEDED.what()));
    }
    if (t instanceof SSLException && isOfAnotherTime(t)) {
      return Optional.of(
          new Reason(ReasonCode.CLOCKS_DIFFER, ReasonCode.CLOCKS_DIFFER.likelyCause()));
    }
    if (isDistrust(t)) {
      return Optional.of(
          new Reason(ReasonCode.PEER_NOT_TRUSTED, ReasonCode.PEER_NOT_TRUSTED.what()));
    }
    if (isPeerGone(t)) {
      return Optional.of(
          new Reason(ReasonCode.PEER_UNAVAILABLE, ReasonCode.PEER_UNAVAILABLE.what()));
    }
    if (t instanceof RejectedExecutionException) {
      return Optional.of(new Reason(ReasonCode.OVERLOADED, ReasonCode.OVERLOADED.what()));
    }
    return Optional.empty();
  }

  private static boolean isPeerGone(Throwable t) {
    return t instanceof SocketException
        || t instanceof ClosedChannelException
        || t instanceof SSLException
        || NettyHangUp.is(t);
  }

  /** A certificate of the other side begins in the future. */
  private static boolean isOfAnotherTime(Throwable t) {
    Set<Throwable> seen = new HashSet<>();
    for (Throwable cause = t; cause != null && seen.add(cause); cause = cause.getCause()) {
      if (cause instanceof CertificateNotYetValidException) {
        return true;
      }
    }
    return false;
  }

  /** The handshake ended over a certificate, theirs or ours. */
  private static boolean isDistrust(Throwable t) {
    if (!(t instanceof SSLException)) {
      return false;
    }
    Set<Throwable> seen = new HashSet<>();
    for (Throwable cause = t; cause != null && seen.add(cause); cause = cause.getCause()) {
      if (cause instanceof CertificateException
          || cause instanceof CertPathValidatorException
          || cause instanceof SSLPeerUnverifiedException
          || String.valueOf(cause.getMessage()).startsWith("Received fatal alert: ")) {
        return true;
      }
    }
    return false;
  }
}
