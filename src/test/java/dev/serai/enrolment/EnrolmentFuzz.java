package dev.serai.enrolment;

import static dev.serai.fuzz.Fuzzed.check;
import static dev.serai.tpm.wire.WireFixtures.fixture;

import dev.serai.fuzz.Fuzzed;
import dev.serai.fuzz.Seeds;
import dev.serai.keylime.AgentId;
import dev.serai.keylime.Envelope;
import dev.serai.keylime.KeylimeJson;
import dev.serai.keylime.RegisterRequest;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.wire.MalformedStructureException;
import java.io.IOException;
import java.io.InputStream;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** What anybody may send to the registrar: nobody is trusted whom no authority vouches for. */
public final class EnrolmentFuzz {
  private static final Class<?> MALFORMED = MalformedStructureException.class;
  private static final Instant NOW = Instant.parse("2026-11-24T00:00:00Z");
  private static final Optional<AgentId> NODE = AgentId.parse("node");
  private static final EkTrust TRUST = new EkTrust(EkTrustStore.shipped(), name -> false);

  private static final Fuzzed PARSERS =
      new Fuzzed()
          .with('r', "registration", EnrolmentFuzz::registration)
          .with('a', "activation", EnrolmentFuzz::activation)
          .with('e', "ekcert", EnrolmentFuzz::certificates, MALFORMED)
          .with('d', "certificate", in -> judge(certificate(in)), MALFORMED)
          .with('p', "path", EnrolmentFuzz::path)
          .with('t', "authorities", EnrolmentFuzz::authorities)
          .with('l', "allow list", in -> EkAllowList.checked(text(in).lines().toList()));

  private EnrolmentFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    PARSERS.run(data);
  }

  public static Map<String, byte[]> seeds() throws Exception {
    String ek = fixture("keylime/quote/ek.pub").toBase64();
    String ak = fixture("realkernel/p256-quote/ak.pub").toBase64();
    Bytes pem = resource("/config/ek-trust/stmicro_stmtpmekint02.pem");
    Bytes ec = Bytes.copyOf(EkTrustStore.shipped().iterator().next().getEncoded());
    RegisterRequest plain =
        RegisterRequest.of(Optional.empty(), ek, ak, "10.0.0.1", 9002, "disabled");
    RegisterRequest full =
        RegisterRequest.of(Optional.of(ec.toBase64()), ek, ak, "host.example", 9002, pem.toText());
    return Seeds.of()
        .add('r', "plain", KeylimeJson.write(plain))
        .add('r', "with-certificates", KeylimeJson.write(full))
        .add('a', "tag", "{\"auth_tag\":\"" + "ab".repeat(48) + "\"}")
        .add('e', "pem", pem)
        .add('d', "der", ec)
        .add('p', "enrol", "POST /v2.5/agents/node")
        .add('p', "activate", "PUT /v2/agents/node/activate")
        .add('p', "lookup", "GET /serai/v1/nodes/node")
        .add('t', "pem", resource("/config/ek-trust/gcp_ek_ak_ca_root.pem"))
        .add('l', "name", "000b" + "5a".repeat(32))
        .all();
  }

  private static Bytes resource(String path) throws IOException {
    try (InputStream in = EnrolmentFuzz.class.getResourceAsStream(path)) {
      return Bytes.copyOf(in.readAllBytes());
    }
  }

  private static String text(byte[] in) {
    return Bytes.copyOf(in).toText();
  }

  private static void registration(byte[] in) {
    Enrolment.Claimed claim =
        EnrolmentReader.claim(new RegistrarCall(RegistrarOperation.ENROL, NODE, Bytes.copyOf(in)));
    check(
        TRUST.judge(claim.ek(), claim.certificates(), NOW) instanceof EkVerdict.Rejected,
        "no authority vouches for this key");
    // What is kept of it is shown again, to the verifier above all.
    Bytes shown = KeylimeJson.write(Envelope.success(claim.contact().mtlsCertificate()));
    check(!shown.isEmpty(), "a record can be shown");
  }

  private static void activation(byte[] in) {
    EnrolmentReader.answer(new RegistrarCall(RegistrarOperation.ACTIVATE, NODE, Bytes.copyOf(in)));
  }

  private static void certificates(byte[] in) throws MalformedStructureException {
    EkCertificates sent = EkCertificates.parse(text(in));
    check(
        !sent.chain().isEmpty() && sent.chain().size() <= EkCertificates.MAX_COUNT,
        "one to eight certificates");
    judge(sent);
  }

  private static EkCertificates certificate(byte[] in) throws MalformedStructureException {
    return new EkCertificates(List.of(EkCertificates.certificate(Bytes.copyOf(in))));
  }

  /** As one judges the chain of a key that the leaf is for. */
  private static void judge(EkCertificates sent) {
    EkVerdict verdict = TRUST.judgeChain(sent, NOW);
    check(verdict instanceof EkVerdict.Rejected, "no authority issued a certificate for this");
  }

  private static void path(byte[] in) {
    String[] methodAndPath = text(in).split(" ", 2);
    RegistrarPaths.Found found =
        RegistrarPaths.find(methodAndPath[0], methodAndPath.length == 2 ? methodAndPath[1] : "");
    if (found instanceof RegistrarPaths.Known known) {
      check(known.id().indexOf('/') < 0, "an id is one segment");
    }
  }

  private static void authorities(byte[] in) {
    Set<X509Certificate> read = Set.copyOf(EkTrustStore.authorities("fuzz.pem", Bytes.copyOf(in)));
    check(
        read.stream().allMatch(authority -> authority.getBasicConstraints() >= 0),
        "every one is an authority");
  }
}
