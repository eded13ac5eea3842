package dev.serai.watching;

import dev.serai.appraisal.NodeRecord;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.wire.PcrSelection;
import java.security.SecureRandom;
import java.util.Optional;
import java.util.function.Supplier;
import org.apache.camel.Exchange;
import org.apache.camel.InvalidPayloadException;
import org.apache.camel.Processor;

/** Route step: body {@link NodeRecord} in, body {@link QuoteRequest} with a fresh nonce out. */
final class MakeQuoteRequestProcessor implements Processor {
  /** Exchange variable: the {@link QuoteRequest}. */
  static final String REQUEST = "quoteRequest";

  private static final String ALPHABET =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  private static final int NONCE_LENGTH = 32;

  private final Supplier<Optional<PcrSelection>> selection;
  private final SecureRandom random = new SecureRandom();

  MakeQuoteRequestProcessor(Supplier<Optional<PcrSelection>> selection) {
    this.selection = selection;
  }

  @Override
  public void process(Exchange exchange) throws InvalidPayloadException {
    NodeRecord node = exchange.getMessage().getMandatoryBody(NodeRecord.class);
    PcrSelection wanted =
        selection
            .get()
            .orElseThrow(
                () ->
                    new RefusalException(
                        ReasonCode.POLICY_MISSING, "serai.verifier.policy is not set"));
    StringBuilder nonce = new StringBuilder(NONCE_LENGTH);
    for (int i = 0; i < NONCE_LENGTH; i++) {
      nonce.append(ALPHABET.charAt(random.nextInt(ALPHABET.length())));
    }
    QuoteRequest request = new QuoteRequest(node, nonce.toString(), wanted);
    exchange.setVariable(REQUEST, request);
    exchange.getMessage().setBody(request);
  }
}
