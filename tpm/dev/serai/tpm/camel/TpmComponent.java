package dev.serai.tpm.camel;

import java.util.Map;
import org.apache.camel.Endpoint;
import org.apache.camel.support.DefaultComponent;

/**
 * {@code tpm:<operation>}: one command of the TPM as a route step. Camel finds the component by
 * itself. The TPM is the registry's bean {@code tpm}, a {@link dev.serai.tpm.Tpm}, bound before the
 * routes start; the body is the operation's {@link TpmRequest}, and its answer the new body.
 *
 * <p>Operations: quote, certify, activate, random, pcrread, pcrextend, sign, createkey, publicarea,
 * ekcertificates, nvread; properties and clock take any body. A step blocks until the TPM answered
 * or its deadline passed; trouble is a {@link dev.serai.tpm.TpmException}.
 */
public final class TpmComponent extends DefaultComponent {
  /** Name of the bean. */
  public static final String TPM_BEAN = "tpm";

  @Override
  protected Endpoint createEndpoint(String uri, String remaining, Map<String, Object> parameters) {
    TpmOperation operation =
        TpmOperation.byUriName(remaining)
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "tpm:%s is not one of %s".formatted(remaining, TpmOperation.uriNames())));
    return new TpmEndpoint(uri, this, operation);
  }
}
