package dev.serai.workload;

import dev.serai.jwtsvid.ClaimedJwtSvid;
import dev.serai.proto.workload.JWTSVID;
import dev.serai.proto.workload.JWTSVIDResponse;
import dev.serai.reason.RefusalException;
import dev.serai.spiffe.Selector;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.apache.camel.AsyncCallback;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.support.AsyncProcessorSupport;

/**
 * Route step: body {@link JwtQuestion} in, body JWTSVIDResponse out. No thread waits for the issuer
 * meanwhile. What the node lost while it waited is not handed out.
 */
public final class FetchJwtSvidsProcessor extends AsyncProcessorSupport {
  private final WorkloadIdentityCache identities;
  private final JwtSvidSource source;

  public FetchJwtSvidsProcessor(WorkloadIdentityCache identities, JwtSvidSource source) {
    this.identities = identities;
    this.source = source;
  }

  @Override
  public boolean process(Exchange exchange, AsyncCallback callback) {
    JwtQuestion question;
    Set<Selector> caller;
    try {
      question = exchange.getMessage().getMandatoryBody(JwtQuestion.class);
      caller = WorkloadCalls.caller(exchange);
    } catch (InvalidPayloadException | RuntimeException e) {
      exchange.setException(e);
      callback.done(true);
      return true;
    }
    // One after the other: whoever has many identities does not ask for all at once.
    CompletableFuture<JWTSVIDResponse.Builder> answer =
        CompletableFuture.completedFuture(JWTSVIDResponse.newBuilder());
    for (WorkloadIdentity identity : question.identities()) {
      answer =
          answer.thenCompose(
              response ->
                  source
                      .fetch(identity, question.audience())
                      .thenApply(svid -> response.addSvids(message(identity, svid))));
    }
    var unused =
        answer.whenComplete(
            (response, failure) -> {
              try {
                requireStill(question, caller);
                if (failure != null) {
                  exchange.setException(cause(failure));
                } else {
                  exchange.getMessage().setBody(response.build());
                }
              } catch (RefusalException e) {
                exchange.setException(e);
              }
              callback.done(false);
            });
    return false;
  }

  /** Refuses with what is said of the caller by now. */
  private void requireStill(JwtQuestion question, Set<Selector> caller) {
    for (WorkloadIdentity identity : question.identities()) {
      identities.requireStill(identity, caller);
    }
  }

  private static JWTSVID message(WorkloadIdentity identity, ClaimedJwtSvid svid) {
    return JWTSVID
        .newBuilder()
        .setSpiffeId(svid.id().toString())
        .setSvid(svid.token().reveal())
        .setHint(identity.hint())
        .build();
  }

  private static Throwable cause(Throwable failure) {
    return failure instanceof CompletionException && failure.getCause() != null
        ? failure.getCause()
        : failure;
  }
}
