package dev.serai.agent;

import dev.serai.proto.serai.v1.AttestationChallenge;
import dev.serai.proto.serai.v1.PcrBank;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.PcrSelection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: quotes the PCRs the issuer asks for; body Attestation in and out. */
final class QuotePlatformProcessor implements Processor {
  private final QuoteMaker quotes;

  QuotePlatformProcessor(QuoteMaker quotes) {
    this.quotes = quotes;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    Attestation attestation = exchange.getMessage().getMandatoryBody(Attestation.class);
    PcrSelection selection = selection(attestation.challenge());
    exchange
        .getMessage()
        .setBody(attestation.withQuote(quotes.quote(selection, attestation.nonce()).encode()));
  }

  static PcrSelection selection(AttestationChallenge challenge) {
    Map<TpmHash, SortedSet<Integer>> banks = new LinkedHashMap<>();
    for (PcrBank bank : challenge.getBanksList()) {
      TpmHash hash =
          TpmHash.byBankName(bank.getBank())
              .orElseThrow(() -> notUnderstood("bank " + bank.getBank(), null));
      banks.computeIfAbsent(hash, h -> new TreeSet<>()).addAll(bank.getPcrsList());
    }
    try {
      return new PcrSelection(banks);
    } catch (IllegalArgumentException e) {
      throw notUnderstood(e.getMessage(), e);
    }
  }

  private static RefusalException notUnderstood(String what, Throwable cause) {
    return new RefusalException(
        ReasonCode.ATTESTOR_UNKNOWN, "the issuer asks for PCRs that there are not: " + what, cause);
  }
}
