package dev.serai.watching;

import dev.serai.appraisal.AppraisalJson;
import dev.serai.appraisal.NodeRecord;
import dev.serai.breaker.BreakerPolicy;
import dev.serai.deadline.Deadline;
import dev.serai.http.HttpGet;
import dev.serai.keylime.AgentId;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.TraceId;
import dev.serai.tpm.wire.MalformedStructureException;
import java.net.URI;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executor;
import javax.net.ssl.SSLContext;
import org.apache.camel.AsyncCallback;
import org.apache.camel.Exchange;
import org.apache.camel.support.AsyncProcessorSupport;

/** Route step: body node id in, body {@link NodeRecord} as a registrar elsewhere knows it out. */
final class AskRegistrarProcessor extends AsyncProcessorSupport {
  private static final int MAX_ANSWER = 64 * 1024;
  static final Duration DEADLINE = Duration.ofSeconds(5);

  private final HttpGet http;
  private final URI registrar;
  private final SSLContext tls;
  private final Executor workers;

  AskRegistrarProcessor(HttpGet http, URI registrar, SSLContext tls, Executor workers) {
    this.http = http;
    this.registrar = registrar;
    this.tls = tls;
    this.workers = workers;
  }

  @Override
  public boolean process(Exchange exchange, AsyncCallback callback) {
    Optional<AgentId> id =
        AgentId.parse(String.valueOf(exchange.getMessage().getBody(String.class)));
    if (id.isEmpty()) {
      exchange.setException(
          new RefusalException(ReasonCode.NODE_UNKNOWN, "no such node is enrolled"));
      callback.done(true);
      return true;
    }
    Duration patience;
    try {
      patience = Deadline.within(exchange, DEADLINE);
    } catch (RefusalException late) {
      exchange.setException(late);
      callback.done(true);
      return true;
    }
    HttpGet.Request request =
        new HttpGet.Request(
            registrar.getHost(),
            registrar.getPort(),
            Optional.of(tls),
            "/serai/v1/nodes/" + id.get(),
            Map.of(TraceId.HEADER, TraceId.traceparent(TraceId.of(exchange))),
            patience,
            MAX_ANSWER);
    var unused =
        http.send(request)
            .whenCompleteAsync(
                (response, failure) -> {
                  if (failure == null && response.status() != 503 && response.status() != 504) {
                    BreakerPolicy.answered(exchange);
                  }
                  try {
                    if (failure != null
                        && HttpGet.isTimeout(failure)
                        && patience.compareTo(DEADLINE) < 0) {
                      throw new RefusalException(
                          ReasonCode.DEADLINE_EXCEEDED,
                          "the registrar did not answer in what was left of the caller's time");
                    }
                    exchange.getMessage().setBody(record(id.get(), response, failure));
                  } catch (RuntimeException e) {
                    exchange.setException(e);
                  }
                  callback.done(false);
                },
                workers);
    return false;
  }

  private static NodeRecord record(AgentId id, HttpGet.Response response, Throwable failure) {
    if (failure != null) {
      throw new RefusalException(
          ReasonCode.REGISTRAR_UNREACHABLE, "the registrar does not answer", failure);
    }
    if (response.status() == 404) {
      throw new RefusalException(ReasonCode.NODE_UNKNOWN, "no such node is enrolled");
    }
    if (response.status() != 200) {
      throw new RefusalException(
          ReasonCode.REGISTRAR_UNREACHABLE,
          "the registrar answered with HTTP " + response.status());
    }
    NodeRecord record;
    try {
      record = AppraisalJson.readNode(response.body().toText());
    } catch (MalformedStructureException e) {
      throw new RefusalException(
          ReasonCode.REGISTRAR_UNREACHABLE, "the registrar's answer cannot be read", e);
    }
    if (!record.nodeId().equals(id.text())) {
      throw new RefusalException(
          ReasonCode.REGISTRAR_UNREACHABLE, "the registrar answered with another node");
    }
    return record;
  }
}
