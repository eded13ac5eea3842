package dev.serai.watching;

import static java.util.Objects.requireNonNull;

import dev.serai.appraisal.Findings;
import dev.serai.appraisal.Rejected;
import dev.serai.appraisal.Trusted;
import dev.serai.appraisal.Verdict;
import dev.serai.role.TraceId;
import java.time.Instant;
import java.time.InstantSource;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/** Route step: body {@link Verdict} in, body HttpAnswer in the prototype's form out. */
final class AnswerEvidenceProcessor implements Processor {
  private final InstantSource clock;
  private final EvidenceClaims claims;

  AnswerEvidenceProcessor(InstantSource clock, EvidenceClaims claims) {
    this.clock = clock;
    this.claims = claims;
  }

  @Override
  public void process(Exchange exchange) throws InvalidPayloadException {
    Verdict verdict = exchange.getMessage().getMandatoryBody(Verdict.class);
    Findings findings =
        requireNonNull(exchange.getVariable(Findings.VARIABLE, Findings.class), Findings.VARIABLE);
    Instant now = clock.instant();
    String auditId = auditId(TraceId.of(exchange));
    exchange
        .getMessage()
        .setBody(
            verdict instanceof Trusted trusted
                ? EvidenceAnswers.trusted(
                    trusted, findings, claims.of(trusted.location()), now, auditId)
                : EvidenceAnswers.rejected((Rejected) verdict, findings, now, auditId));
  }

  /** The trace id in the form of a UUID: what the caller keeps is what our log can be asked for. */
  private static String auditId(String traceId) {
    return traceId.replaceFirst("^(.{8})(.{4})(.{4})(.{4})(.{12})$", "$1-$2-$3-$4-$5");
  }
}
