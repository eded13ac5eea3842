package dev.serai.agent;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.google.protobuf.ByteString;
import dev.serai.deadline.Deadline;
import dev.serai.keylime.KeylimeJson;
import dev.serai.proto.spire.agent.v1.AttestAgentRequest;
import dev.serai.proto.spire.agent.v1.AttestAgentResponse;
import dev.serai.proto.spire.types.SovereignAttestation;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Tpm;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** Route step: sends the evidence and waits for the judgement; body X509SVID chain out. */
final class AnswerChallengeProcessor implements Processor {
  private final AgentSelf self;
  private final AgentSettings settings;

  AnswerChallengeProcessor(AgentSelf self, AgentSettings settings) {
    this.self = self;
    this.settings = settings;
  }

  /** app_key_certificate, as the sovereign prototype's composer reads it. */
  private record Certificate(
      @JsonProperty("certify_data") String attest,
      @JsonProperty("challenge_nonce") String nonce,
      @JsonProperty("signature") String signature) {}

  @Override
  public void process(Exchange exchange) throws Exception {
    Attestation attestation = exchange.getMessage().getMandatoryBody(Attestation.class);
    exchange.setVariable(Attestation.VARIABLE, attestation);
    exchange.getMessage().setBody(judgement(attestation));
  }

  private AttestAgentResponse.Result judgement(Attestation attestation) {
    try {
      attestation
          .call()
          .send(
              AttestAgentRequest.newBuilder()
                  .setChallengeResponse(evidence(attestation).toByteString())
                  .build());
      AttestAgentResponse answer =
          attestation
              .call()
              .next(Deadline.within(settings.attestTimeout()))
              .orElseThrow(
                  () ->
                      Status.UNAVAILABLE
                          .withDescription("it ended the stream without a judgement")
                          .asRuntimeException());
      if (!answer.hasResult()) {
        throw new RefusalException(
            ReasonCode.ATTESTOR_UNKNOWN, "the issuer asks for something more");
      }
      attestation.call().complete();
      return answer.getResult();
    } catch (StatusRuntimeException e) {
      Reason reason = IssuerErrors.reason(e);
      throw new RefusalException(reason.code(), reason.detail(), e);
    }
  }

  private SovereignAttestation evidence(Attestation attestation) {
    AppKey key = attestation.appKey();
    Tpm.Attested certify = attestation.certify().orElseThrow();
    String nonce = attestation.nonce().toHex();
    Certificate certificate =
        new Certificate(certify.attest().toBase64(), nonce, certify.signature().toBase64());
    SovereignAttestation.Builder evidence =
        SovereignAttestation.newBuilder()
            .setTpmSignedAttestation(attestation.quote().orElseThrow())
            .setAppKeyPublic(Pem.publicKey(key.publicArea().publicKey()))
            .setAppKeyCertificate(ByteString.copyFrom(KeylimeJson.write(certificate).toArray()))
            .setChallengeNonce(nonce)
            .setKeylimeAgentUuid(self.identity().nodeId().text())
            .setAppKeyTpmPublic(ByteString.copyFrom(key.publicArea().encoded().toArray()));
    attestation
        .location()
        .ifPresent(
            document -> evidence.setLocation(ByteString.copyFrom(document.bytes().toArray())));
    return evidence.build();
  }
}
