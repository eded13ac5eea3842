package dev.serai.agent;

import dev.serai.keylime.Envelope;
import dev.serai.keylime.HttpAnswer;
import dev.serai.keylime.QuoteResults;
import dev.serai.keylime.QuoteString;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import java.util.Optional;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Route step: body AgentApiCall.Quote or AgentApiCall.IdentityQuote in, HttpAnswer out. Every such
 * quote covers PCR 16, which holds the hash of the transport key's PEM text.
 */
final class QuoteForKeylimeProcessor implements Processor {
  private final QuoteMaker quotes;
  private final AgentSelf self;
  private final SoftwareKeys.Transport transport;
  private final MeasurementLogs logs;

  QuoteForKeylimeProcessor(
      QuoteMaker quotes, AgentSelf self, SoftwareKeys.Transport transport, MeasurementLogs logs) {
    this.quotes = quotes;
    this.self = self;
    this.transport = transport;
    this.logs = logs;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    AgentApiCall call = exchange.getMessage().getMandatoryBody(AgentApiCall.class);
    QuoteResults results;
    if (call instanceof AgentApiCall.Quote quote) {
      results = integrity(quote);
    } else if (call instanceof AgentApiCall.IdentityQuote quote) {
      results = identity(quote);
    } else {
      throw new IllegalStateException("not a quote: " + call.kind());
    }
    exchange.getMessage().setBody(HttpAnswer.of(Envelope.success(results)));
  }

  private QuoteResults identity(AgentApiCall.IdentityQuote call) {
    KeylimeAlgorithms words = KeylimeAlgorithms.of(self.identity().akKind(), call.version());
    return new QuoteResults(
        make(0, call.nonce()),
        words.hash(),
        words.encryption(),
        words.signature(),
        Optional.of(transport.pem()),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  private QuoteResults integrity(AgentApiCall.Quote call) {
    KeylimeAlgorithms words = KeylimeAlgorithms.of(self.identity().akKind(), call.version());
    String quote = make(call.mask(), call.nonce());
    // Read after the quote: what the log has more than the quote is allowed, less is not.
    Optional<MeasurementLogs.ImaList> ima = logs.ima(call.imaFrom());
    boolean pcr0 = (call.mask() & 1) != 0;
    return new QuoteResults(
        quote,
        words.hash(),
        words.encryption(),
        words.signature(),
        call.withKey() ? Optional.of(transport.pem()) : Optional.empty(),
        ima.map(MeasurementLogs.ImaList::lines),
        ima.map(MeasurementLogs.ImaList::from),
        pcr0 ? logs.boot().map(Bytes::toBase64) : Optional.empty());
  }

  private String make(int mask, Bytes nonce) {
    QuoteString quote = quotes.quoteBound(TpmHash.SHA256, mask, nonce, transport.pem());
    return quote.encode();
  }
}
