package dev.serai.issuing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.serai.appraisal.AppraisalRequest;
import dev.serai.appraisal.ChallengeStanding;
import dev.serai.appraisal.Rejected;
import dev.serai.appraisal.Verdict;
import dev.serai.proto.spire.types.SovereignAttestation;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.Refused;
import dev.serai.testing.SeraiHarness;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.PcrSelection;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.camel.Exchange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The way from an issuer to a verifier in another process, over mTLS. */
class VerifierHopTest {
  @TempDir Path trust;

  private static AppraisalRequest request() {
    return new AppraisalRequest(
        Bytes.copyOf(
            SovereignAttestation.newBuilder().setKeylimeAgentUuid("n1").build().toByteArray()),
        StockAgent.csr(StockAgent.newKey()),
        ChallengeStanding.MISSING,
        Bytes.EMPTY,
        PcrSelection.of(TpmHash.SHA256, 0));
  }

  @Test
  void evidence_goes_out_and_a_verdict_comes_back() throws Exception {
    Files.createDirectories(trust);
    int port = SeraiHarness.freePort();
    try (SeraiHarness serai =
        SeraiHarness.roles("issuer", "registrar", "verifier")
            .with("serai.registrar.ek-trust-dir", trust.toString())
            .with("serai.verifier.policy", "builtin:demo")
            .with("serai.verifier.port", Integer.toString(port))
            .with("serai.issuer.verifier", "127.0.0.1:" + port)
            .start()) {
      Object verdict = serai.template().requestBody("direct:call-verifier-appraise", request());
      assertThat(verdict)
          .isInstanceOfSatisfying(
              Rejected.class,
              rejected ->
                  assertThat(rejected.first().code())
                      .isIn(
                          ReasonCode.NONCE_MISSING,
                          ReasonCode.EVIDENCE_MISSING,
                          ReasonCode.EVIDENCE_MALFORMED));
    }
  }

  @Test
  void another_who_answers_at_the_verifiers_address_is_not_asked() {
    int port = SeraiHarness.freePort();
    try (SeraiHarness serai =
        SeraiHarness.roles("issuer")
            .with("serai.issuer.port", Integer.toString(port))
            .with("serai.issuer.verifier", "127.0.0.1:" + port)
            .start()) {
      Exchange answer =
          serai
              .template()
              .request(
                  "direct:call-verifier-appraise",
                  exchange -> exchange.getMessage().setBody(request()));
      // camel-netty may report the end of the connection once more, after it was refused.
      assertThat(answer.getMessage().getBody()).isNotInstanceOf(Verdict.class);
      assertThat(
              serai
                  .context()
                  .meters()
                  .counter(
                      "serai.refusals",
                      "route",
                      "call-verifier-appraise",
                      "reason",
                      "PEER_NOT_TRUSTED")
                  .count())
          .isPositive();
    }
  }

  @Test
  void a_verifier_that_is_not_there_is_named_and_no_verdict() {
    try (SeraiHarness serai =
        SeraiHarness.roles("issuer")
            .with("serai.issuer.verifier", "127.0.0.1:" + SeraiHarness.freePort())
            .start()) {
      Object answer = serai.template().requestBody("direct:call-verifier-appraise", request());
      assertThat(answer)
          .isInstanceOfSatisfying(
              Refused.class,
              refused ->
                  assertThat(refused.reason().code()).isEqualTo(ReasonCode.PEER_UNAVAILABLE));
    }
  }
}
