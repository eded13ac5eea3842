package dev.serai.agent;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import dev.serai.proto.spire.types.PermissionDeniedDetails;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.tpm.TpmException;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.security.cert.CertificateNotYetValidException;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLException;

/** What an error of the issuer means. */
final class IssuerErrors {
  private static final String DOMAIN = "serai.dev";
  private static final int LONGEST_DETAIL = 300;

  private IssuerErrors() {}

  /** Trouble of our own TPM inside a TLS handshake, which gRPC reports as an absent issuer. */
  static Optional<TpmException> tpmTrouble(Throwable failure) {
    for (Throwable t = failure; t != null; t = t.getCause()) {
      if (t instanceof TpmException tpm) {
        return Optional.of(tpm);
      }
    }
    return Optional.empty();
  }

  /** Our code if the issuer is one of ours, else what SPIRE's details or the status say. */
  static Reason reason(StatusRuntimeException failure) {
    Status status = failure.getStatus();
    Optional<ReasonCode> named = Optional.empty();
    Optional<ReasonCode> standing = Optional.empty();
    for (Any detail : details(failure)) {
      named = named.isPresent() ? named : errorInfo(detail);
      standing = standing.isPresent() ? standing : permissionDenied(detail);
    }
    Optional<ReasonCode> spires = standing;
    ReasonCode code = named.or(() -> spires).orElseGet(() -> byStatus(failure));
    return new Reason(code, detail(status, failure));
  }

  private static List<Any> details(StatusRuntimeException failure) {
    try {
      com.google.rpc.Status details = StatusProto.fromThrowable(failure);
      return details == null ? List.of() : details.getDetailsList();
    } catch (IllegalArgumentException e) { // details that cannot be read, or of another status
      return List.of();
    }
  }

  private static Optional<ReasonCode> errorInfo(Any detail) {
    if (!detail.is(ErrorInfo.class)) {
      return Optional.empty();
    }
    try {
      ErrorInfo info = detail.unpack(ErrorInfo.class);
      if (!info.getDomain().equals(DOMAIN)) {
        return Optional.empty();
      }
      ReasonCode code = ReasonCode.valueOf(info.getReason());
      // A TPM that fails over there is not this machine's.
      return Optional.of(AgentLifecycle.isTpmTrouble(code) ? ReasonCode.PEER_UNAVAILABLE : code);
    } catch (InvalidProtocolBufferException | IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  private static Optional<ReasonCode> permissionDenied(Any detail) {
    if (!detail.is(PermissionDeniedDetails.class)) {
      return Optional.empty();
    }
    try {
      return switch (detail.unpack(PermissionDeniedDetails.class).getReason()) {
        case AGENT_EXPIRED -> Optional.of(ReasonCode.NODE_EXPIRED);
        case AGENT_NOT_ATTESTED -> Optional.of(ReasonCode.NODE_NOT_ATTESTED);
        case AGENT_NOT_ACTIVE -> Optional.of(ReasonCode.NODE_NOT_ACTIVE);
        case AGENT_BANNED -> Optional.of(ReasonCode.NODE_BANNED);
        case AGENT_MUST_REATTEST -> Optional.of(ReasonCode.NODE_MUST_REATTEST);
        default -> Optional.empty();
      };
    } catch (InvalidProtocolBufferException e) {
      return Optional.empty();
    }
  }

  private static ReasonCode byStatus(StatusRuntimeException failure) {
    return switch (failure.getStatus().getCode()) {
      case UNAVAILABLE -> unavailable(failure);
      case CANCELLED, ABORTED -> ReasonCode.ISSUER_UNREACHABLE;
      case DEADLINE_EXCEEDED -> ReasonCode.DEADLINE_EXCEEDED;
      case RESOURCE_EXHAUSTED -> ReasonCode.RATE_LIMITED;
      case UNAUTHENTICATED -> ReasonCode.CALLER_NOT_AUTHENTICATED;
      case PERMISSION_DENIED -> ReasonCode.CALLER_NOT_ALLOWED;
      case UNIMPLEMENTED -> ReasonCode.UNKNOWN_OPERATION;
      case INVALID_ARGUMENT, OUT_OF_RANGE -> ReasonCode.MALFORMED_REQUEST;
      case FAILED_PRECONDITION -> ReasonCode.ATTESTOR_UNKNOWN;
      case NOT_FOUND -> ReasonCode.ENTRY_UNKNOWN;
      default -> ReasonCode.INTERNAL_ERROR;
    };
  }

  private static ReasonCode unavailable(Throwable failure) {
    for (Throwable t = failure; t != null; t = t.getCause()) {
      if (t instanceof CertificateNotYetValidException) {
        return ReasonCode.CLOCKS_DIFFER;
      }
    }
    return certificateRefused(failure) ? ReasonCode.NODE_NOT_ACTIVE : ReasonCode.ISSUER_UNREACHABLE;
  }

  /** The issuer closed the handshake over our certificate, as one does that has lost its CA. */
  private static boolean certificateRefused(Throwable failure) {
    for (Throwable t = failure; t != null; t = t.getCause()) {
      if (t instanceof SSLException
          && String.valueOf(t.getMessage())
              .matches(
                  "Received fatal alert: (bad_certificate|certificate_unknown|unknown_ca"
                      + "|certificate_required|certificate_expired|certificate_revoked|access_denied).*")) {
        return true;
      }
    }
    return false;
  }

  private static String detail(Status status, Throwable failure) {
    String text = status.getDescription() == null ? "" : status.getDescription();
    Throwable root = failure;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    if (!(root instanceof StatusRuntimeException) && root.getMessage() != null) {
      text = text + " (" + root.getMessage() + ")";
    }
    String oneLine = text.replaceAll("\\p{Cntrl}+", " ").trim();
    String shortened =
        oneLine.length() > LONGEST_DETAIL ? oneLine.substring(0, LONGEST_DETAIL) + ".." : oneLine;
    return "the issuer said %s %s".formatted(status.getCode(), shortened).trim();
  }
}
