package dev.serai.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.UncheckedIOException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Base64;
import org.junit.jupiter.api.Test;

class SwTpmTest {

  @Test
  void provisioned_copies_have_one_endorsement_key_and_a_certificate_of_the_test_ca()
      throws Exception {
    try (SwTpm first = SwTpm.provisioned();
        SwTpm second = SwTpm.provisioned();
        SwTpm other = SwTpm.fresh()) {
      assertThat(first.eccEndorsementKey()).isEqualTo(second.eccEndorsementKey());
      assertThat(first.eccEndorsementKey()).isNotEqualTo(other.eccEndorsementKey());
      byte[] certificate =
          Base64.getDecoder()
              .decode(first.tool("bash", "-c", "tpm2_nvread 0x01c0000a | base64 -w 0").trim());
      X509Certificate ek =
          (X509Certificate)
              CertificateFactory.getInstance("X.509")
                  .generateCertificate(new ByteArrayInputStream(certificate));
      assertThat(ek.getPublicKey()).isEqualTo(first.eccEndorsementKey());
      ek.verify(SwTpm.ekCa().getPublicKey());
      SwTpm.ekCa().verify(SwTpm.ekRoot().getPublicKey());
    }
  }

  @Test
  void a_killed_one_refuses_and_a_restarted_one_answers() {
    try (SwTpm tpm = SwTpm.blank()) {
      tpm.kill();
      assertThatThrownBy(tpm::reset).isInstanceOf(UncheckedIOException.class);
      tpm.restart();
      tpm.reset();
      assertThat(tpm.tool("tpm2_getrandom", "--hex", "4")).hasSize(8);
    }
  }
}
