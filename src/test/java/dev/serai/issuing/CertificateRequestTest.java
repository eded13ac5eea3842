package dev.serai.issuing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.fuzz.Seeds;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.signing.Signatures;
import dev.serai.tpm.Bytes;
import org.junit.jupiter.api.Test;

class CertificateRequestTest {
  private static final Bytes CSR = Seeds.recorded("csr", "seed-r-p256").orElseThrow();

  /** Where the point's coordinates are in a CSR for P-256: behind the OID of the curve. */
  private static byte[] withPoint(Bytes x, Bytes y) {
    String point = CSR.toHex().split("2a8648ce3d030107034200", 2)[1].substring(0, 2 + 128);
    return Bytes.ofHex(CSR.toHex().replace(point, "04" + x.toHex() + y.toHex())).toArray();
  }

  @Test
  void a_request_of_the_right_form_is_read() throws Exception {
    CertificateRequest request = CertificateRequest.parse(CSR);
    assertThat(request.isSignedByItsKey(Signatures.fastest())).isTrue();
  }

  /** Found by fuzzing: Java makes such a key, and the provider that verifies throws over it. */
  @Test
  void a_point_that_is_not_on_the_curve_is_no_key() {
    for (String y : new String[] {"00".repeat(32), "01".repeat(32), "ff".repeat(32)}) {
      Bytes csr = Bytes.copyOf(withPoint(Bytes.ofHex("01".repeat(32)), Bytes.ofHex(y)));
      assertThatThrownBy(() -> CertificateRequest.parse(csr))
          .isInstanceOf(MalformedDerException.class)
          .hasMessageContaining("not on the curve");
    }
  }

  @Test
  void a_key_that_the_provider_does_not_take_has_signed_nothing() throws Exception {
    CertificateRequest request = CertificateRequest.parse(CSR);
    Signatures picky =
        new Signatures() {
          @Override
          public String provider() {
            return "picky";
          }

          @Override
          public dev.serai.signing.SignatureVerifier verifier(java.security.PublicKey key) {
            throw new IllegalArgumentException("not this key");
          }

          @Override
          public dev.serai.signing.MessageSigner signer(java.security.PrivateKey key) {
            throw new IllegalArgumentException("not this key");
          }
        };
    assertThat(request.isSignedByItsKey(picky)).isFalse();
  }

  @Test
  void a_setting_that_names_a_bank_twice_is_refused() {
    assertThatThrownBy(() -> PcrSetting.parse("sha256:0+sha256:1"))
        .isInstanceOfSatisfying(
            RefusalException.class,
            e -> assertThat(e.reason().code()).isEqualTo(ReasonCode.CONFIGURATION_INVALID));
  }
}
