package dev.serai.issuing;

import static dev.serai.fuzz.Fuzzed.check;
import static dev.serai.fuzz.Fuzzed.same;

import dev.serai.fuzz.Fuzzed;
import dev.serai.fuzz.Seeds;
import dev.serai.signing.Signatures;
import dev.serai.testing.TestAuthority;
import dev.serai.tpm.Bytes;
import java.io.IOException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.util.Map;
import javax.security.auth.x500.X500Principal;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.crypto.util.PublicKeyFactory;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;

/** Our reader of DER beside BouncyCastle's: what ours accepts, that one reads as the same. */
public final class CsrFuzz {
  private static final Signatures SIGNATURES = Signatures.fastest();
  private static final int DEEPEST = 32;

  private static final Fuzzed PARSERS =
      new Fuzzed()
          .with('r', "CSR", CsrFuzz::request, MalformedDerException.class)
          .with('d', "DER", CsrFuzz::der, MalformedDerException.class);

  private CsrFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    PARSERS.run(data);
  }

  public static Map<String, byte[]> seeds() throws Exception {
    KeyPairGenerator rsa = KeyPairGenerator.getInstance("RSA");
    rsa.initialize(2048);
    return Seeds.of()
        .add('r', "p256", csr(TestAuthority.keyPair(), "SHA256withECDSA", "O=Serai"))
        .add('r', "no-subject", csr(TestAuthority.keyPair(), "SHA384withECDSA", ""))
        .add('r', "rsa", csr(rsa.generateKeyPair(), "SHA256withRSA", "CN=a,O=b"))
        .add('d', "nested", Bytes.ofHex("300c0401040402ffff3003040107"))
        .all();
  }

  private static Bytes csr(KeyPair keys, String algorithm, String subject) throws Exception {
    return Bytes.copyOf(
        new JcaPKCS10CertificationRequestBuilder(new X500Principal(subject), keys.getPublic())
            .build(new JcaContentSignerBuilder(algorithm).build(keys.getPrivate()))
            .getEncoded());
  }

  private static void request(byte[] in) throws MalformedDerException, IOException {
    CertificateRequest ours = CertificateRequest.parse(Bytes.copyOf(in));
    // What we do not look at, subject and attributes, may be no DER for BouncyCastle.
    PKCS10CertificationRequest theirs;
    try {
      theirs = new PKCS10CertificationRequest(in);
    } catch (IOException | RuntimeException e) {
      if (ours.isSignedByItsKey(SIGNATURES)) {
        throw new AssertionError("a request that is signed and cannot be read elsewhere", e);
      }
      return;
    }
    same(
        ours.publicKeyInfo(),
        Bytes.copyOf(theirs.getSubjectPublicKeyInfo().getEncoded(ASN1Encoding.DER)),
        "the same key");
    same(ours.signature(), Bytes.copyOf(theirs.getSignature()), "the same signature");
    ours.isSignedByItsKey(SIGNATURES);
    try {
      check(PublicKeyFactory.createKey(theirs.getSubjectPublicKeyInfo()) != null, "a key");
    } catch (IllegalArgumentException e) {
      return; // it looks how good a key is; one that is not harms nobody but who made it
    }
  }

  private static void der(byte[] in) throws MalformedDerException, IOException {
    DerReader reader = new DerReader(in);
    walk(reader.enter(Der.SEQUENCE), DEEPEST);
    reader.end();
    byte[] again = ASN1Primitive.fromByteArray(in).getEncoded(ASN1Encoding.DER);
    same(Bytes.copyOf(in), Bytes.copyOf(again), "what is accepted here is DER elsewhere");
  }

  /** A sequence of octet strings, then perhaps one more sequence: every content is lawful. */
  private static void walk(DerReader content, int deepest) throws MalformedDerException {
    if (deepest == 0) {
      throw new MalformedDerException("too deep for a test");
    }
    if (!content.atEnd()) {
      content.content(Der.OCTET_STRING);
    }
    if (!content.atEnd()) {
      content.element(Der.OCTET_STRING);
    }
    if (!content.atEnd()) {
      walk(content.enter(Der.SEQUENCE), deepest - 1);
    }
    content.end();
  }
}
