package dev.serai.enrolment;

import dev.serai.reason.Reason;
import java.time.InstantSource;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/** Route step: body {@link Enrolment.Claimed} in, body {@link Enrolment.Trusted} out. */
final class CheckEndorsementKeyProcessor implements Processor {
  private volatile EkTrust trust;
  private final InstantSource clock;

  CheckEndorsementKeyProcessor(EkTrust trust, InstantSource clock) {
    this.trust = trust;
    this.clock = clock;
  }

  /** From the next enrolment on. */
  void use(EkTrust fresh) {
    trust = fresh;
  }

  @Override
  public void process(Exchange exchange) throws InvalidPayloadException {
    Enrolment.Claimed claim = exchange.getMessage().getMandatoryBody(Enrolment.Claimed.class);
    EkVerdict verdict = trust.judge(claim.ek(), claim.certificates(), clock.instant());
    if (verdict instanceof EkVerdict.Trusted trusted) {
      exchange.getMessage().setBody(new Enrolment.Trusted(claim, trusted.basis()));
      return;
    }
    Reason reason = ((EkVerdict.Rejected) verdict).reason();
    throw RegistrarRefusals.enrolment(reason.code(), reason.detail());
  }
}
