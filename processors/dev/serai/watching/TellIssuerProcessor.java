package dev.serai.watching;

import dev.serai.appraisal.StateReport;
import dev.serai.breaker.BreakerPolicy;
import dev.serai.deadline.Deadline;
import dev.serai.proto.serai.v1.ReportRequest;
import dev.serai.proto.serai.v1.StateReason;
import dev.serai.proto.serai.v1.VerdictsGrpc;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/** Route step: body {@link StateReport}; an issuer elsewhere knows it afterwards. */
final class TellIssuerProcessor implements Processor {
  static final Duration DEADLINE = Duration.ofSeconds(5);

  private final ManagedChannel issuer;

  TellIssuerProcessor(ManagedChannel issuer) {
    this.issuer = issuer;
  }

  @Override
  public void process(Exchange exchange) throws InvalidPayloadException {
    Duration patience = Deadline.within(exchange, DEADLINE);
    StateReport report = exchange.getMessage().getMandatoryBody(StateReport.class);
    ReportRequest.Builder request =
        ReportRequest.newBuilder()
            .setNodeId(report.nodeId())
            .setState(report.state().name())
            .setAt(report.at().toEpochMilli());
    report
        .reasons()
        .forEach(
            reason ->
                request.addReasons(
                    StateReason.newBuilder()
                        .setCode(reason.code().name())
                        .setDetail(reason.detail())));
    try {
      var unused =
          VerdictsGrpc.newBlockingStub(issuer)
              .withDeadlineAfter(patience.toMillis(), TimeUnit.MILLISECONDS)
              .report(request.build());
    } catch (StatusRuntimeException e) {
      Status.Code code = e.getStatus().getCode();
      if (code != Status.Code.UNAVAILABLE && code != Status.Code.DEADLINE_EXCEEDED) {
        BreakerPolicy.answered(exchange);
      }
      throw new RefusalException(
          ReasonCode.ISSUER_UNREACHABLE, "the issuer did not take the report: " + code, e);
    }
  }
}
