package dev.serai.plugin;

import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.DERPrintableString;
import org.bouncycastle.asn1.DERSet;
import org.bouncycastle.asn1.pkcs.CertificationRequestInfo;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;

/**
 * What the App Key signs for others: a certification request for the App Key itself, and what a TLS
 * 1.3 client says of its handshake. Each begins as no other signed thing does, so that a signature
 * over one can never be shown as something else. A digest says nothing of what it is of; the only
 * one that is signed is the one we can make ourselves, of the request that a stock SPIRE agent
 * makes.
 */
final class TypedData {
  private static final Bytes TPM_GENERATED = Bytes.ofHex("ff544347");
  private static final byte[] TLS_13_CLIENT = tls13Client();

  private TypedData() {}

  /** RFC 8446, section 4.4.3. */
  private static byte[] tls13Client() {
    byte[] context = "TLS 1.3, client CertificateVerify".getBytes(StandardCharsets.US_ASCII);
    byte[] prefix = new byte[64 + context.length + 1];
    Arrays.fill(prefix, 0, 64, (byte) ' ');
    System.arraycopy(context, 0, prefix, 64, context.length);
    return prefix;
  }

  /**
   * The digest to be signed.
   *
   * @param keyInfo the App Key
   * @throws RefusalException SIGNING_NOT_TYPED
   */
  static Bytes digest(Bytes data, boolean isDigest, Bytes keyInfo) {
    if (data.size() >= 4 && data.slice(0, 4).equals(TPM_GENERATED)) {
      throw refused("it begins as only a TPM's own statements do");
    }
    if (isDigest) {
      if (data.equals(sha256(spireRequest(keyInfo)))) {
        return data;
      }
      throw refused("a digest does not tell what it is of");
    }
    if (isTlsClient(data) || isRequestFor(data, keyInfo)) {
      return sha256(data);
    }
    throw refused(
        "neither a certification request for the App Key nor a TLS 1.3 client's CertificateVerify");
  }

  private static boolean isTlsClient(Bytes data) {
    byte[] bytes = data.toArray();
    int transcript = bytes.length - TLS_13_CLIENT.length;
    return (transcript == 32 || transcript == 48)
        && Arrays.equals(TLS_13_CLIENT, Arrays.copyOf(bytes, TLS_13_CLIENT.length));
  }

  /** DER CertificationRequestInfo of RFC 2986, nothing before, between or after. */
  private static boolean isRequestFor(Bytes data, Bytes keyInfo) {
    try {
      CertificationRequestInfo info = CertificationRequestInfo.getInstance(data.toArray());
      return Bytes.copyOf(info.getEncoded(ASN1Encoding.DER)).equals(data)
          && Bytes.copyOf(info.getSubjectPublicKeyInfo().getEncoded(ASN1Encoding.DER))
              .equals(keyInfo);
    } catch (IOException | RuntimeException e) { // whatever the library says of hostile bytes
      return false;
    }
  }

  /** Subject C=US, O=SPIRE, no attributes: one text for one key. */
  static Bytes spireRequest(Bytes keyInfo) {
    try {
      return Bytes.copyOf(
          new CertificationRequestInfo(
                  new X500NameBuilder()
                      .addRDN(BCStyle.C, new DERPrintableString("US"))
                      .addRDN(BCStyle.O, new DERPrintableString("SPIRE"))
                      .build(),
                  SubjectPublicKeyInfo.getInstance(keyInfo.toArray()),
                  new DERSet())
              .getEncoded(ASN1Encoding.DER));
    } catch (IOException e) {
      throw new IllegalStateException("a request of ours has no DER", e);
    }
  }

  private static Bytes sha256(Bytes data) {
    MessageDigest digest = TpmHash.SHA256.newDigest();
    data.writeTo(digest);
    return Bytes.copyOf(digest.digest());
  }

  private static RefusalException refused(String why) {
    return new RefusalException(ReasonCode.SIGNING_NOT_TYPED, why);
  }
}
