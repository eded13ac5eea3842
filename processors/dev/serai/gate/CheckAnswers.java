package dev.serai.gate;

import com.google.rpc.Code;
import dev.serai.location.Assurance;
import dev.serai.proto.envoy.auth.v3.CheckResponse;
import dev.serai.proto.envoy.auth.v3.DeniedHttpResponse;
import dev.serai.proto.envoy.auth.v3.HeaderValue;
import dev.serai.proto.envoy.auth.v3.HeaderValueOption;
import dev.serai.proto.envoy.auth.v3.HeaderValueOption.HeaderAppendAction;
import dev.serai.proto.envoy.auth.v3.HttpStatus;
import dev.serai.proto.envoy.auth.v3.OkHttpResponse;
import dev.serai.proto.envoy.auth.v3.RpcStatus;
import dev.serai.reason.Reason;
import dev.serai.reason.Refused;

/** Decisions in the words of Envoy's external authorization. */
final class CheckAnswers {
  /** What the service behind the proxy may rely on: a client's own copies are replaced. */
  static final String ID_HEADER = "x-serai-spiffe-id";

  static final String REGION_HEADER = "x-serai-region";
  static final String ASSURANCE_HEADER = "x-serai-assurance";
  static final String REASON_HEADER = "serai-reason";

  private CheckAnswers() {}

  static CheckResponse of(GateDecision decision) {
    if (!decision.isAllowed()) {
      return denied(decision.reasons().get(0), decision.httpStatus(), decision.text());
    }
    OkHttpResponse.Builder pass =
        OkHttpResponse.newBuilder()
            .addHeaders(header(ID_HEADER, decision.spiffeId()))
            .addHeaders(
                header(ASSURANCE_HEADER, decision.assurance().map(Assurance::word).orElseThrow()))
            .addHeadersToRemove(ForwardedCertificate.HEADER);
    if (decision.region().isEmpty()) {
      pass.addHeadersToRemove(REGION_HEADER);
    } else {
      pass.addHeaders(header(REGION_HEADER, decision.region()));
    }
    return CheckResponse.newBuilder()
        .setStatus(RpcStatus.newBuilder().setCode(Code.OK_VALUE))
        .setOkResponse(pass)
        .build();
  }

  /** For what could not be decided. */
  static CheckResponse refused(Refused refused) {
    Reason reason = refused.reason();
    return denied(reason, GateTexts.status(reason.code()), GateTexts.body(reason.code()));
  }

  /** The client learns the code and no detail. */
  private static CheckResponse denied(Reason reason, int status, String text) {
    return CheckResponse.newBuilder()
        .setStatus(
            RpcStatus.newBuilder()
                .setCode(status == 403 ? Code.PERMISSION_DENIED_VALUE : Code.UNAVAILABLE_VALUE)
                .setMessage(reason.code().name()))
        .setDeniedResponse(
            DeniedHttpResponse.newBuilder()
                .setStatus(HttpStatus.newBuilder().setCode(status))
                .addHeaders(header(REASON_HEADER, reason.code().name()))
                .setBody(text))
        .build();
  }

  private static HeaderValueOption header(String key, String value) {
    return HeaderValueOption.newBuilder()
        .setHeader(HeaderValue.newBuilder().setKey(key).setValue(value))
        .setAppendAction(HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD)
        .build();
  }
}
