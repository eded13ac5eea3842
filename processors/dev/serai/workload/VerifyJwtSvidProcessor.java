package dev.serai.workload;

import com.google.protobuf.ListValue;
import com.google.protobuf.NullValue;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import dev.serai.jwtsvid.JwtSvid;
import dev.serai.jwtsvid.JwtSvidVerifier;
import dev.serai.proto.workload.ValidateJWTSVIDRequest;
import dev.serai.proto.workload.ValidateJWTSVIDResponse;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body ValidateJWTSVIDRequest in, what the token says out, or a refusal. */
public final class VerifyJwtSvidProcessor implements Processor {
  private final WorkloadIdentityCache identities;
  private final InstantSource clock;

  public VerifyJwtSvidProcessor(WorkloadIdentityCache identities, InstantSource clock) {
    this.identities = identities;
    this.clock = clock;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    ValidateJWTSVIDRequest request =
        exchange.getMessage().getMandatoryBody(ValidateJWTSVIDRequest.class);
    if (request.getAudience().isEmpty()) {
      throw new RefusalException(ReasonCode.MALFORMED_REQUEST, "audience must be set");
    }
    if (request.getSvid().isEmpty()) {
      throw new RefusalException(ReasonCode.MALFORMED_REQUEST, "svid must be set");
    }
    JwtSvid svid =
        JwtSvidVerifier.verify(
            request.getSvid(),
            request.getAudience(),
            identities.jwtBundleFor(WorkloadCalls.caller(exchange)),
            clock.instant());
    exchange
        .getMessage()
        .setBody(
            ValidateJWTSVIDResponse.newBuilder()
                .setSpiffeId(svid.id().toString())
                .setClaims(struct(svid.claims()))
                .build());
  }

  private static Struct struct(Map<?, ?> claims) {
    Struct.Builder struct = Struct.newBuilder();
    claims.forEach((name, value) -> struct.putFields((String) name, value(value)));
    return struct.build();
  }

  private static Value value(Object value) {
    Value.Builder built = Value.newBuilder();
    if (value instanceof Map<?, ?> map) {
      built.setStructValue(struct(map));
    } else if (value instanceof List<?> list) {
      ListValue.Builder values = ListValue.newBuilder();
      list.forEach(one -> values.addValues(value(one)));
      built.setListValue(values);
    } else if (value instanceof Number number) {
      built.setNumberValue(number.doubleValue());
    } else if (value instanceof Boolean flag) {
      built.setBoolValue(flag);
    } else if (value == null) {
      built.setNullValue(NullValue.NULL_VALUE);
    } else {
      built.setStringValue(value.toString());
    }
    return built.build();
  }
}
