package dev.serai.agent;

import dev.serai.location.LocationDocument;
import dev.serai.proto.serai.v1.AttestationChallenge;
import dev.serai.proto.spire.agent.v1.AttestAgentRequest;
import dev.serai.proto.spire.agent.v1.AttestAgentResponse;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.Tpm;
import io.grpc.ManagedChannel;
import java.util.Optional;

/** One attestation under way: what is asked, what was answered so far, and the stream it is on. */
record Attestation(
    ManagedChannel channel,
    BidiCall<AttestAgentRequest, AttestAgentResponse> call,
    AppKey appKey,
    Bytes csr,
    AttestationChallenge challenge,
    Optional<LocationDocument> location,
    Optional<Tpm.Attested> certify,
    Optional<String> quote)
    implements AutoCloseable {
  /** Exchange variable. */
  static final String VARIABLE = "attestation";

  Attestation withLocation(LocationDocument read) {
    return new Attestation(
        channel, call, appKey, csr, challenge, Optional.of(read), certify, quote);
  }

  Attestation withCertify(Tpm.Attested made) {
    return new Attestation(
        channel, call, appKey, csr, challenge, location, Optional.of(made), quote);
  }

  Attestation withQuote(String made) {
    return new Attestation(
        channel, call, appKey, csr, challenge, location, certify, Optional.of(made));
  }

  Bytes nonce() {
    return Bytes.copyOf(challenge.getNonce().toByteArray());
  }

  @Override
  public void close() {
    call.close();
    channel.shutdownNow();
  }

  /** Without the nonce, the CSR and the location. */
  @Override
  public String toString() {
    return "Attestation";
  }
}
