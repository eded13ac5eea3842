package dev.serai.agent;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.serai.deadline.Deadline;
import dev.serai.proto.serai.v1.AttestationChallenge;
import dev.serai.proto.spire.agent.v1.AgentGrpc;
import dev.serai.proto.spire.agent.v1.AgentX509SVIDParams;
import dev.serai.proto.spire.agent.v1.AttestAgentRequest;
import dev.serai.proto.spire.agent.v1.AttestAgentResponse;
import dev.serai.proto.spire.types.AttestationData;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.support.SynchronizationAdapter;

/**
 * Route step: opens the stream to the issuer, says who wants to attest, and gets its challenge;
 * body Attestation out. The stream is closed when the exchange is complete, whatever way it went.
 */
final class BeginAttestationProcessor implements Processor {
  static final String ATTESTOR = "unified_identity";
  private static final int NONCE_LENGTH = 32;

  private final Issuer issuer;
  private final AgentSelf self;
  private final AppKeySigner signer;
  private final AgentSettings settings;

  BeginAttestationProcessor(
      Issuer issuer, AgentSelf self, AppKeySigner signer, AgentSettings settings) {
    this.issuer = issuer;
    this.self = self;
    this.signer = signer;
    this.settings = settings;
  }

  @Override
  public void process(Exchange exchange) {
    // One deadline for all of it: the calls to the TPM and the two messages of the issuer.
    Deadline.limit(exchange, settings.attestTimeout());
    ManagedChannel channel = issuer.asAnybody();
    Attestation begun;
    try (Deadline.Scope scope = Deadline.enter(Deadline.of(exchange))) {
      begun = begin(channel);
    } catch (StatusRuntimeException e) {
      channel.shutdownNow();
      Reason reason = IssuerErrors.reason(e);
      throw new RefusalException(reason.code(), reason.detail(), e);
    } catch (RuntimeException e) {
      channel.shutdownNow();
      throw e;
    }
    exchange
        .getExchangeExtension()
        .addOnCompletion(
            new SynchronizationAdapter() {
              @Override
              public void onDone(Exchange done) {
                begun.close();
              }
            });
    exchange.getMessage().setBody(begun);
  }

  private Attestation begin(ManagedChannel channel) {
    AppKey key = self.appKey();
    Bytes csr = signer.csr(key);
    BidiCall<AttestAgentRequest, AttestAgentResponse> call =
        BidiCall.open(
            AgentGrpc.newStub(channel)
                    .withDeadlineAfter(
                        Deadline.within(settings.attestTimeout()).toMillis(), TimeUnit.MILLISECONDS)
                ::attestAgent);
    call.send(
        AttestAgentRequest.newBuilder()
            .setParams(
                AttestAgentRequest.Params.newBuilder()
                    .setData(
                        AttestationData.newBuilder()
                            .setType(ATTESTOR)
                            .setPayload(ByteString.copyFromUtf8(self.identity().nodeId().text())))
                    .setParams(
                        AgentX509SVIDParams.newBuilder()
                            .setCsr(ByteString.copyFrom(csr.toArray()))))
            .build());
    AttestAgentResponse first =
        call.next(Deadline.within(settings.attestTimeout()))
            .orElseThrow(
                () ->
                    Status.UNAVAILABLE
                        .withDescription("it ended the stream without a challenge")
                        .asRuntimeException());
    if (!first.hasChallenge()) {
      throw malformed("it answered without a challenge", null);
    }
    return new Attestation(
        channel,
        call,
        key,
        csr,
        challenge(first),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  static AttestationChallenge challenge(AttestAgentResponse first) {
    AttestationChallenge challenge;
    try {
      challenge = AttestationChallenge.parseFrom(first.getChallenge());
    } catch (InvalidProtocolBufferException e) {
      throw malformed("its challenge cannot be read", e);
    }
    if (challenge.getNonce().size() != NONCE_LENGTH) {
      throw malformed("its nonce has %d bytes".formatted(challenge.getNonce().size()), null);
    }
    return challenge;
  }

  private static RefusalException malformed(String what, Throwable cause) {
    return new RefusalException(ReasonCode.ATTESTOR_UNKNOWN, "the issuer: " + what, cause);
  }
}
