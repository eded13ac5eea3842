package dev.serai.agent;

import dev.serai.appraisal.CertifyBinding;
import dev.serai.plugin.DelegationRequest;
import dev.serai.plugin.HeldKey;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.camel.TpmRequest;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Route step: body DelegationRequest in, TpmRequest.Certify out, the request kept as a variable.
 * Keys are compared as keys, never as text; there is one that is certified, the App Key, whatever
 * path a caller names.
 */
final class BeginCertifyAppKeyProcessor implements Processor {
  /** Exchange variable. */
  static final String REQUEST = "delegationRequest";

  private final AgentSelf self;
  private final boolean unifiedIdentity;

  /**
   * @param unifiedIdentity whether anybody has keys certified
   */
  BeginCertifyAppKeyProcessor(AgentSelf self, boolean unifiedIdentity) {
    this.self = self;
    this.unifiedIdentity = unifiedIdentity;
  }

  @Override
  public void process(Exchange exchange) throws Exception {
    if (!unifiedIdentity) {
      throw new RefusalException(ReasonCode.FEATURE_OFF, ReasonCode.FEATURE_OFF.what());
    }
    DelegationRequest request = exchange.getMessage().getMandatoryBody(DelegationRequest.class);
    HeldKey key = self.heldKey();
    if (!key.info().equals(request.keyInfo())) {
      throw new RefusalException(
          ReasonCode.APP_KEY_MISMATCH, "app_key_public is not the App Key of this agent");
    }
    exchange.setVariable(REQUEST, request);
    exchange
        .getMessage()
        .setBody(
            new TpmRequest.Certify(
                key.key(),
                self.identity().akKind(),
                CertifyBinding.prototypeQualifyingData(request.keyInfo(), request.nonce())));
  }
}
