package dev.serai.rpc;

import com.google.protobuf.Any;
import com.google.protobuf.Message;
import com.google.rpc.ErrorInfo;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.Refused;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.EnumSet;
import java.util.Set;

/** A refusal as gRPC says it: code, description, details. */
public final class RpcStatus {
  /** The domain of the {@link ErrorInfo} in the details. */
  public static final String DOMAIN = "serai.dev";

  /** Clients of SPIFFE and SPIRE compare these descriptions; the code is in the details only. */
  private static final Set<ReasonCode> TEXT_IS_CONTRACT =
      EnumSet.of(
          ReasonCode.SECURITY_HEADER_MISSING,
          ReasonCode.WORKLOAD_NO_ENTRY,
          ReasonCode.JOIN_TOKEN_UNKNOWN,
          ReasonCode.JOIN_TOKEN_EXPIRED,
          ReasonCode.ATTESTOR_UNKNOWN,
          ReasonCode.NODE_BANNED);

  private RpcStatus() {}

  /** The protocol's own detail message comes first, then the reason. */
  public static StatusRuntimeException of(Refused refused) {
    Reason reason = refused.reason();
    com.google.rpc.Status.Builder status =
        com.google.rpc.Status.newBuilder()
            .setCode(reason.code().kind().grpcCode())
            .setMessage(description(reason));
    if (refused.answerDetail().orElse(null) instanceof Message detail) {
      status.addDetails(Any.pack(detail));
    }
    ErrorInfo.Builder info =
        ErrorInfo.newBuilder().setReason(reason.code().name()).setDomain(DOMAIN);
    if (!refused.traceId().isEmpty()) {
      info.putMetadata("traceId", refused.traceId());
    }
    status.addDetails(Any.pack(info.build()));
    return StatusProto.toStatusRuntimeException(status.build());
  }

  private static String description(Reason reason) {
    if (TEXT_IS_CONTRACT.contains(reason.code())) {
      return reason.detail().isEmpty() ? reason.code().what() : reason.detail();
    }
    return reason.code() + ": " + reason.detail();
  }
}
