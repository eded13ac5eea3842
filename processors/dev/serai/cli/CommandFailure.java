package dev.serai.cli;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.Arrays;
import java.util.Optional;

/** What a command says when it failed: a reason code, a detail, a remedy. */
final class CommandFailure {
  private CommandFailure() {}

  /** One line. */
  static String line(Reason reason) {
    String detail = reason.detail() == null ? "" : reason.detail().replaceAll("\\p{Cntrl}+", " ");
    return "serai: " + reason.code() + ": " + detail + " | remedy: " + reason.remedy();
  }

  /** The reason of a server's answer: ours are in its details, and mostly begin the text. */
  static Reason of(StatusRuntimeException e) {
    Reason said = of(e.getStatus().getCode(), Optional.ofNullable(e.getStatus().getDescription()));
    return codeInDetails(e).map(code -> new Reason(code, said.detail())).orElse(said);
  }

  private static Optional<ReasonCode> codeInDetails(StatusRuntimeException e) {
    com.google.rpc.Status status;
    try {
      status = StatusProto.fromThrowable(e);
    } catch (IllegalArgumentException unreadable) { // or of another status; the text is still there
      return Optional.empty();
    }
    if (status == null) {
      return Optional.empty();
    }
    for (Any detail : status.getDetailsList()) {
      if (detail.is(ErrorInfo.class)) {
        try {
          String code = detail.unpack(ErrorInfo.class).getReason();
          return Arrays.stream(ReasonCode.values()).filter(c -> c.name().equals(code)).findFirst();
        } catch (InvalidProtocolBufferException malformed) {
          return Optional.empty(); // the text is still there
        }
      }
    }
    return Optional.empty();
  }

  static Reason of(Status.Code code, Optional<String> description) {
    String text = description.orElse(code.name());
    int colon = text.indexOf(':');
    if (colon > 0) {
      String head = text.substring(0, colon);
      for (ReasonCode known : ReasonCode.values()) {
        if (known.name().equals(head)) {
          return new Reason(known, text.substring(colon + 1).trim());
        }
      }
    }
    return new Reason(byCode(code), text);
  }

  /** For answers in another implementation's words. */
  private static ReasonCode byCode(Status.Code code) {
    return switch (code) {
      case INVALID_ARGUMENT, OUT_OF_RANGE -> ReasonCode.MALFORMED_REQUEST;
      case NOT_FOUND -> ReasonCode.ENTRY_UNKNOWN;
      case ALREADY_EXISTS -> ReasonCode.ENTRY_EXISTS;
      case PERMISSION_DENIED -> ReasonCode.CALLER_NOT_ALLOWED;
      case UNAUTHENTICATED -> ReasonCode.CALLER_NOT_AUTHENTICATED;
      case RESOURCE_EXHAUSTED -> ReasonCode.RATE_LIMITED;
      case UNIMPLEMENTED -> ReasonCode.UNKNOWN_OPERATION;
      case UNAVAILABLE -> ReasonCode.PEER_UNAVAILABLE;
      case DEADLINE_EXCEEDED, CANCELLED -> ReasonCode.DEADLINE_EXCEEDED;
      default -> ReasonCode.INTERNAL_ERROR;
    };
  }

  /** An answer inside a batch. */
  static RefusalException ofStatus(int code, String message) {
    Reason reason = of(Status.fromCodeValue(code).getCode(), Optional.of(message));
    return new RefusalException(reason.code(), reason.detail());
  }
}
