package dev.serai.agent;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.MalformedStructureException;
import dev.serai.tpm.wire.TpmtPublic;
import dev.serai.tpm.wire.TpmtSignature;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import javax.security.auth.x500.X500Principal;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.DefaultSignatureAlgorithmIdentifierFinder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;

/** Makes certification requests that the App Key signs in the TPM. */
final class AppKeySigner {
  private final Tpm tpm;

  AppKeySigner(Tpm tpm) {
    this.tpm = tpm;
  }

  /** DER PKCS#10. The subject says nothing: an issuer takes only the key. */
  Bytes csr(AppKey key) {
    try {
      return Bytes.copyOf(
          new JcaPKCS10CertificationRequestBuilder(
                  new X500Principal("CN=serai-agent"), key.publicArea().publicKey())
              .build(new InTpm(key))
              .getEncoded());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private final class InTpm implements ContentSigner {
    private final ByteArrayOutputStream content = new ByteArrayOutputStream();
    private final AppKey key;
    private final boolean ecc;

    private InTpm(AppKey key) {
      this.key = key;
      this.ecc = key.publicArea().kind() == TpmtPublic.Kind.ECC;
    }

    @Override
    public AlgorithmIdentifier getAlgorithmIdentifier() {
      return new DefaultSignatureAlgorithmIdentifierFinder()
          .find(ecc ? "SHA256WITHECDSA" : "SHA256WITHRSA");
    }

    @Override
    public OutputStream getOutputStream() {
      return content;
    }

    @Override
    public byte[] getSignature() {
      byte[] digest = TpmHash.SHA256.newDigest().digest(content.toByteArray());
      Bytes answer =
          tpm.sign(
              key.key(),
              ecc ? Tpm.SignScheme.ECDSA_SHA256 : Tpm.SignScheme.RSASSA_SHA256,
              Bytes.copyOf(digest));
      try {
        TpmtSignature signature = TpmtSignature.parse(answer);
        if (signature instanceof TpmtSignature.Ecdsa ecdsa) {
          return ecdsa.toDer().toArray();
        }
        return ((TpmtSignature.Rsa) signature).signature().toArray();
      } catch (MalformedStructureException e) {
        throw new IllegalStateException("TPM2_Sign answered with something else", e);
      }
    }
  }
}
