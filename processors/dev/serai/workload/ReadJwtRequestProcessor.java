package dev.serai.workload;

import dev.serai.proto.workload.JWTSVIDRequest;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.spiffe.InvalidSpiffeIdException;
import dev.serai.spiffe.Selector;
import dev.serai.spiffe.SpiffeId;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: body JWTSVIDRequest in, body {@link JwtQuestion} of the caller's identities out. */
public final class ReadJwtRequestProcessor implements Processor {
  private static final int MOST_AUDIENCES = 32;
  private static final int LONGEST_AUDIENCE = 1024;

  private final WorkloadIdentityCache identities;

  public ReadJwtRequestProcessor(WorkloadIdentityCache identities) {
    this.identities = identities;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    JWTSVIDRequest request = exchange.getMessage().getMandatoryBody(JWTSVIDRequest.class);
    checkAudience(request.getAudienceList());
    Set<Selector> caller = WorkloadCalls.caller(exchange);
    List<WorkloadIdentity> own = identities.identitiesOf(caller);
    if (!request.getSpiffeId().isEmpty()) {
      SpiffeId wanted = id(request.getSpiffeId());
      own = own.stream().filter(identity -> identity.id().equals(wanted)).toList();
      if (own.isEmpty()) {
        throw new RefusalException(
            ReasonCode.WORKLOAD_NO_ENTRY, ReasonCode.WORKLOAD_NO_ENTRY.what());
      }
    }
    Set<String> hints = new HashSet<>();
    exchange
        .getMessage()
        .setBody(
            new JwtQuestion(
                own.stream().filter(i -> i.hint().isEmpty() || hints.add(i.hint())).toList(),
                new LinkedHashSet<>(request.getAudienceList())));
  }

  private static void checkAudience(List<String> audience) {
    if (audience.isEmpty() || audience.contains("")) {
      throw malformed("audience must be set");
    }
    if (audience.size() > MOST_AUDIENCES
        || audience.stream().anyMatch(one -> one.length() > LONGEST_AUDIENCE)) {
      throw malformed(
          "audience may be %d of %d characters".formatted(MOST_AUDIENCES, LONGEST_AUDIENCE));
    }
  }

  private static SpiffeId id(String text) {
    try {
      return SpiffeId.parse(text);
    } catch (InvalidSpiffeIdException e) {
      throw new RefusalException(ReasonCode.MALFORMED_REQUEST, "spiffe_id: " + e.getMessage(), e);
    }
  }

  private static RefusalException malformed(String why) {
    return new RefusalException(ReasonCode.MALFORMED_REQUEST, why);
  }
}
