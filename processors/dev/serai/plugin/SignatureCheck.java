package dev.serai.plugin;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import java.io.IOException;
import java.math.BigInteger;
import java.security.MessageDigest;
import java.security.PublicKey;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1Sequence;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.DigestInfo;
import org.bouncycastle.crypto.AsymmetricBlockCipher;
import org.bouncycastle.crypto.Digest;
import org.bouncycastle.crypto.InvalidCipherTextException;
import org.bouncycastle.crypto.digests.SHA256Digest;
import org.bouncycastle.crypto.digests.SHA384Digest;
import org.bouncycastle.crypto.digests.SHA512Digest;
import org.bouncycastle.crypto.encodings.PKCS1Encoding;
import org.bouncycastle.crypto.engines.RSABlindedEngine;
import org.bouncycastle.crypto.params.AsymmetricKeyParameter;
import org.bouncycastle.crypto.params.ECPublicKeyParameters;
import org.bouncycastle.crypto.signers.ECDSASigner;
import org.bouncycastle.crypto.signers.PSSSigner;
import org.bouncycastle.crypto.util.PublicKeyFactory;

/** Whether a signature is one of a key, over data or over its digest. No TPM is asked. */
final class SignatureCheck {
  private SignatureCheck() {}

  static boolean isGood(PublicKey key, PluginCall.VerifySignature call) {
    byte[] digest = call.data().toArray();
    if (!call.digest()) {
      MessageDigest hash = call.hash().newDigest();
      call.data().writeTo(hash);
      digest = hash.digest();
    }
    if (digest.length != call.hash().digestLength()) {
      return false;
    }
    byte[] signature = call.signature().toArray();
    try {
      AsymmetricKeyParameter parameters = PublicKeyFactory.createKey(key.getEncoded());
      return parameters instanceof ECPublicKeyParameters
          ? isEcdsa(parameters, digest, signature)
          : isPkcs1(parameters, digest, signature, call.hash())
              || isPss(parameters, digest, signature, call.hash());
    } catch (IOException | InvalidCipherTextException | RuntimeException e) {
      return false; // whatever the library says of hostile bytes
    }
  }

  private static boolean isEcdsa(AsymmetricKeyParameter key, byte[] digest, byte[] signature) {
    ASN1Sequence both = ASN1Sequence.getInstance(signature);
    if (both.size() != 2) {
      return false;
    }
    BigInteger r = ASN1Integer.getInstance(both.getObjectAt(0)).getPositiveValue();
    BigInteger s = ASN1Integer.getInstance(both.getObjectAt(1)).getPositiveValue();
    ECDSASigner verifier = new ECDSASigner();
    verifier.init(false, key);
    return verifier.verifySignature(digest, r, s);
  }

  private static boolean isPkcs1(
      AsymmetricKeyParameter key, byte[] digest, byte[] signature, TpmHash hash)
      throws IOException {
    AsymmetricBlockCipher rsa = new PKCS1Encoding(new RSABlindedEngine());
    rsa.init(false, key);
    byte[] expected =
        new DigestInfo(
                new AlgorithmIdentifier(
                    switch (hash) {
                      case SHA384 -> NISTObjectIdentifiers.id_sha384;
                      case SHA512 -> NISTObjectIdentifiers.id_sha512;
                      default -> NISTObjectIdentifiers.id_sha256;
                    },
                    DERNull.INSTANCE),
                digest)
            .getEncoded();
    try {
      byte[] found = rsa.processBlock(signature, 0, signature.length);
      return Bytes.copyOf(found).equals(Bytes.copyOf(expected));
    } catch (InvalidCipherTextException | RuntimeException e) {
      return false; // perhaps it is PSS
    }
  }

  private static boolean isPss(
      AsymmetricKeyParameter key, byte[] digest, byte[] signature, TpmHash hash)
      throws InvalidCipherTextException {
    Digest of =
        switch (hash) {
          case SHA384 -> new SHA384Digest();
          case SHA512 -> new SHA512Digest();
          default -> new SHA256Digest();
        };
    PSSSigner verifier = PSSSigner.createRawSigner(new RSABlindedEngine(), of);
    verifier.init(false, key);
    verifier.update(digest, 0, digest.length);
    return verifier.verifySignature(signature);
  }
}
