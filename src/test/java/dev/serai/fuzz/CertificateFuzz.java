package dev.serai.fuzz;

import static dev.serai.fuzz.Fuzzed.check;

import dev.serai.cli.CommandLineFuzz;
import dev.serai.net.SpiffeTrustManager;
import dev.serai.spiffe.SpiffeId;
import dev.serai.spiffe.X509SvidProfile;
import dev.serai.testing.TestAuthority;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.tss.EndorsementCertificateFuzz;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Certificates of peers: whoever is accepted holds one that the authority really signed. */
public final class CertificateFuzz {
  private static final Fuzzed PARSERS =
      new Fuzzed()
          .with('d', "X509-SVID", CertificateFuzz::peer, CertificateException.class)
          .with(
              'c',
              "concatenated certificates",
              CommandLineFuzz::certificates,
              CertificateException.class)
          .with('s', "error details", CommandLineFuzz::errorDetails)
          .with('n', "certificates in NV", EndorsementCertificateFuzz::nv);

  /** The authority of the seeds, and the only certificate it signed. */
  private static final Optional<Bytes> ROOT = Seeds.recorded("certificates", "seed-d-authority");

  private static final Optional<Bytes> LEAF = Seeds.recorded("certificates", "seed-d-leaf");

  private static final Duration LONG = Duration.ofDays(20_000);

  private CertificateFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    PARSERS.run(data);
  }

  static Map<String, byte[]> seeds() throws Exception {
    TestAuthority authority = new TestAuthority("example.org", LONG);
    byte[] root = authority.certificate().getEncoded();
    byte[] leaf =
        authority
            .leaf(TestAuthority.keyPair(), List.of("spiffe://example.org/workload"), false, LONG)
            .getEncoded();
    Seeds seeds =
        Seeds.of()
            .add('d', "authority", Bytes.copyOf(root))
            .add('d', "leaf", Bytes.copyOf(leaf))
            .add('c', "two", Bytes.concat(Bytes.copyOf(leaf), Bytes.copyOf(root)))
            .add('s', "ours", CommandLineFuzz.seed());
    for (String vendor : List.of("stmicro_gstpmroot", "gcp_ek_ak_ca_root")) {
      Bytes der = Bytes.copyOf(shipped(vendor).getEncoded());
      seeds.add('d', vendor, der);
      seeds.add('n', vendor, Bytes.concat(der, Bytes.copyOf(new byte[16])));
    }
    return seeds.all();
  }

  private static X509Certificate shipped(String name) throws IOException, CertificateException {
    try (InputStream in =
        CertificateFuzz.class.getResourceAsStream("/config/ek-trust/" + name + ".pem")) {
      return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
    }
  }

  private static X509Certificate decoded(byte[] der) throws CertificateException {
    return (X509Certificate)
        CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(der));
  }

  private static void peer(byte[] in) throws CertificateException {
    X509Certificate certificate = decoded(in);
    X509SvidProfile.authorityViolations(certificate);
    boolean profile = X509SvidProfile.leafViolations(certificate).isEmpty();
    Optional<SpiffeId> id = X509SvidProfile.idOf(certificate);
    check(!profile || id.isPresent(), "a leaf has an ID");
    if (id.isPresent()) {
      check(id.get().equals(SpiffeId.parse(id.get().toString())), "an ID is read as written");
    }
    X509Certificate root = decoded(ROOT.orElseThrow().toArray());
    SpiffeTrustManager trust =
        new SpiffeTrustManager(
            domain -> domain.name().equals("example.org") ? List.of(root) : List.of(),
            anybody -> true);
    trust.verify(List.of(certificate));
    check(
        // Around it the signature's own bits may differ: unused ones of a BIT STRING, for instance.
        Arrays.equals(
            certificate.getTBSCertificate(),
            decoded(LEAF.orElseThrow().toArray()).getTBSCertificate()),
        "only what the authority signed is accepted");
  }
}
