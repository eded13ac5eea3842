package dev.serai.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.serai.testing.TestAuthority;
import dev.serai.tpm.wire.MalformedStructureException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What proxies hand on about their peer, and what is none of it. */
class PresentedTest {
  private static final X509Certificate LEAF =
      new Svids(new TestAuthority("test.example"))
          .certificate(Svids.WORKLOAD_ONLY, Duration.ofHours(1));
  private static final String PEM = Svids.pem(LEAF);

  @Test
  void one_certificate_is_read_plain_and_in_url_encoding() throws Exception {
    assertThat(PresentedCertificate.parse(PEM)).isEqualTo(LEAF);
    assertThat(PresentedCertificate.parse(Svids.encoded(PEM))).isEqualTo(LEAF);
    assertThat(PresentedCertificate.parse(PEM.replace("\n", "\r\n") + "\n ")).isEqualTo(LEAF);
    assertThat(PresentedCertificate.parse(PEM.replace("+", "%2B").replace("\n", "%0A")))
        .isEqualTo(LEAF);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "x", "%", "%4", "%zz", "%ff", "-----BEGIN CERTIFICATE-----"})
  void what_is_no_certificate_is_malformed(String text) {
    assertThatThrownBy(() -> PresentedCertificate.parse(text))
        .isInstanceOf(MalformedStructureException.class);
  }

  @Test
  void more_than_one_certificate_is_malformed() {
    assertMalformed(PEM + PEM);
    assertMalformed("text before " + PEM);
    assertMalformed(PEM + "text after");
    assertMalformed(PEM.replace("CERTIFICATE", "PRIVATE KEY"));
    assertMalformed(" ".repeat(70_000) + PEM);
    assertMalformed(PEM.replace("\n-----END", "\n!-----END"));
    assertMalformed(PEM.replace("\n-----END", "\n-=-----END"));
    assertMalformed(PEM.replace("M", "\u014d")); // the same in its lower eight bits
    assertMalformed("-----BEGIN CERTIFICATE-----END CERTIFICATE-----");
  }

  private static void assertMalformed(String text) {
    assertThatThrownBy(() -> PresentedCertificate.parse(text))
        .isInstanceOf(MalformedStructureException.class);
  }

  @Test
  void the_element_of_a_sanitizing_proxy_is_read() throws Exception {
    assertThat(
            ForwardedCertificate.parse(
                "By=spiffe://a/b;Hash=0a;Subject=\"CN=\\\"x\\\",O=y\";URI=spiffe://a/c;URI=x;Cert=\"C%2B\""))
        .contains("C%2B");
    assertThat(ForwardedCertificate.parse("cert=abc")).contains("abc");
    assertThat(ForwardedCertificate.parse("Hash=0a;Cert=\"\";")).isEmpty();
    assertThat(ForwardedCertificate.parse("Chain=\"abc\"")).isEmpty();
    assertThat(ForwardedCertificate.parse("")).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Cert=a,Cert=b",
        "Cert=\"a\",Cert=\"b\"",
        "Hash=0;Cert=\"a\",By=b",
        "Cert=a;Cert=b",
        "Cert=\"a",
        "Cert=\"a\"b",
        "Cert",
        ";"
      })
  void a_header_that_several_wrote_is_malformed(String header) {
    assertThatThrownBy(() -> ForwardedCertificate.parse(header))
        .isInstanceOf(MalformedStructureException.class);
  }

  @Test
  void a_header_is_bounded() {
    assertThatThrownBy(() -> ForwardedCertificate.parse("Cert=" + "a".repeat(200_000)))
        .isInstanceOf(MalformedStructureException.class);
    assertThatThrownBy(() -> ForwardedCertificate.parse("a=b;".repeat(100)))
        .isInstanceOf(MalformedStructureException.class);
  }
}
