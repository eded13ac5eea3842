package dev.serai.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.serai.appraisal.AttestationKey;
import dev.serai.appraisal.CertifyVerifier;
import dev.serai.appraisal.Check;
import dev.serai.appraisal.QuoteVerifier;
import dev.serai.signing.Providers;
import dev.serai.signing.Signatures;
import dev.serai.tpm.wire.TpmtPublic;
import org.junit.jupiter.api.Test;

/** What the benchmark measures is real work: the statements hold with every provider. */
class RecordedStatementsTest {

  @Test
  void a_tpm_s_quote_and_certify_hold_with_every_provider() throws Exception {
    for (Signatures signatures : Providers.available()) {
      for (RecordedStatements sample :
          new RecordedStatements[] {RecordedStatements.p256(), RecordedStatements.rsa2048()}) {
        AttestationKey ak = AttestationKey.of(sample.ek(), sample.ak(), signatures);
        assertThat(
                CertifyVerifier.verify(
                    sample.certify(),
                    ak,
                    RecordedStatements.CERTIFY_DATA,
                    TpmtPublic.parse(sample.appKey())))
            .isInstanceOf(Check.Passed.class);
        assertThat(
                QuoteVerifier.verify(
                    sample.quote(),
                    sample.pcrBlob(),
                    ak,
                    RecordedStatements.NONCE,
                    RecordedStatements.SELECTION))
            .isInstanceOf(Check.Passed.class);
      }
    }
  }
}
