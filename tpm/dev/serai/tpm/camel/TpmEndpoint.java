package dev.serai.tpm.camel;

import dev.serai.tpm.Tpm;
import org.apache.camel.Category;
import org.apache.camel.Consumer;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.Producer;
import org.apache.camel.spi.UriEndpoint;
import org.apache.camel.spi.UriPath;
import org.apache.camel.support.CamelContextHelper;
import org.apache.camel.support.DefaultEndpoint;
import org.apache.camel.support.DefaultProducer;

/** One operation of the TPM; for producers only. */
@UriEndpoint(
    firstVersion = "0.1.0",
    scheme = "tpm",
    title = "TPM",
    syntax = "tpm:operation",
    producerOnly = true,
    category = {Category.SECURITY})
final class TpmEndpoint extends DefaultEndpoint {
  @UriPath(name = "operation")
  private final TpmOperation operation;

  TpmEndpoint(String uri, TpmComponent component, TpmOperation operation) {
    super(uri, component);
    this.operation = operation;
  }

  @Override
  public Producer createProducer() {
    return new TpmProducer(this);
  }

  @Override
  public Consumer createConsumer(Processor processor) {
    throw new UnsupportedOperationException("a route cannot start from tpm:");
  }

  private static final class TpmProducer extends DefaultProducer {
    private final TpmOperation operation;
    private volatile Tpm tpm;

    TpmProducer(TpmEndpoint endpoint) {
      super(endpoint);
      this.operation = endpoint.operation;
    }

    @Override
    protected void doStart() throws Exception {
      tpm =
          CamelContextHelper.mandatoryLookup(
              getEndpoint().getCamelContext(), TpmComponent.TPM_BEAN, Tpm.class);
      super.doStart();
    }

    @Override
    public void process(Exchange exchange) throws Exception {
      exchange.getMessage().setBody(operation.perform(tpm, exchange.getMessage()));
    }
  }
}
