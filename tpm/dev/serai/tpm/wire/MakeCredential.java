package dev.serai.tpm.wire;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmEccCurve;
import dev.serai.tpm.spec.TpmHash;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.interfaces.ECPublicKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.MGF1ParameterSpec;
import javax.crypto.Cipher;
import javax.crypto.KeyAgreement;
import javax.crypto.Mac;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.OAEPParameterSpec;
import javax.crypto.spec.PSource;
import javax.crypto.spec.SecretKeySpec;

/**
 * TPM2_MakeCredential without a TPM. Part 1, "Credential Protection"; Part 3,
 * "TPM2_MakeCredential". Only a TPM that holds both the EK and an object of the given Name opens
 * the result.
 */
public final class MakeCredential {
  private static final String LABEL = "IDENTITY";

  private MakeCredential() {}

  /** The EK is one that this class can encrypt to: a key for AES-CFB storage, RSA or ECC. */
  public static boolean supports(TpmtPublic ek) {
    return ek.aesKeyBits() != 0
        && ek.attributes().has(TpmaObject.Attribute.RESTRICTED)
        && ek.attributes().has(TpmaObject.Attribute.DECRYPT);
  }

  /**
   * Encrypts a secret for an object in the EK's TPM.
   *
   * @param secret at most as long as a digest of the EK's name algorithm
   * @throws IllegalArgumentException when {@link #supports} says no or the secret is too long
   */
  public static CredentialBlob make(
      TpmtPublic ek, TpmName objectName, Bytes secret, SecureRandom random) {
    requireUsable(ek, secret);
    try {
      if (ek.key() instanceof TpmtPublic.EccKey ecc) {
        return ecc(ek, ecc, objectName, secret, ephemeral(ecc.curve(), random));
      }
      byte[] seed = new byte[ek.nameAlgorithm().digestLength()];
      random.nextBytes(seed);
      return rsa(ek, objectName, secret, Bytes.copyOf(seed), random);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java cannot make a credential for " + ek, e);
    }
  }

  private static void requireUsable(TpmtPublic ek, Bytes secret) {
    if (!supports(ek)) {
      throw new IllegalArgumentException("not a restricted decryption key with AES-CFB: " + ek);
    }
    if (secret.isEmpty() || secret.size() > ek.nameAlgorithm().digestLength()) {
      throw new IllegalArgumentException("a secret of %d bytes".formatted(secret.size()));
    }
  }

  private static CredentialBlob rsa(
      TpmtPublic ek, TpmName objectName, Bytes secret, Bytes seed, SecureRandom random)
      throws GeneralSecurityException {
    Cipher oaep = Cipher.getInstance("RSA/ECB/OAEPPadding");
    oaep.init(Cipher.ENCRYPT_MODE, ek.publicKey(), oaep(ek.nameAlgorithm()), random);
    Bytes encryptedSeed = Bytes.copyOf(oaep.doFinal(seed.toArray()));
    return new CredentialBlob(protect(ek, objectName, secret, seed), encryptedSeed);
  }

  /** Part 1, "RSAES_OAEP": the label ends with a zero byte. */
  static OAEPParameterSpec oaep(TpmHash hash) {
    MGF1ParameterSpec mgf =
        switch (hash) {
          case SHA1 -> MGF1ParameterSpec.SHA1;
          case SHA256 -> MGF1ParameterSpec.SHA256;
          case SHA384 -> MGF1ParameterSpec.SHA384;
          case SHA512 -> MGF1ParameterSpec.SHA512;
        };
    byte[] label = (LABEL + "\0").getBytes(StandardCharsets.US_ASCII);
    return new OAEPParameterSpec(
        mgf.getDigestAlgorithm(), "MGF1", mgf, new PSource.PSpecified(label));
  }

  private static KeyPair ephemeral(TpmEccCurve curve, SecureRandom random)
      throws GeneralSecurityException {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec(curve.jcaName()), random);
    return generator.generateKeyPair();
  }

  /** One-pass ECDH; the secret that travels is the ephemeral TPMS_ECC_POINT. */
  private static CredentialBlob ecc(
      TpmtPublic ek, TpmtPublic.EccKey ecc, TpmName objectName, Bytes secret, KeyPair ephemeral)
      throws GeneralSecurityException {
    ECPublicKey ephemeralPublic = (ECPublicKey) ephemeral.getPublic();
    Bytes x = coordinate(ephemeralPublic.getW().getAffineX(), ecc.curve());
    Bytes y = coordinate(ephemeralPublic.getW().getAffineY(), ecc.curve());
    Bytes seed = sharedSeed(ek.nameAlgorithm(), ephemeral, ek.publicKey(), x, ecc.x());
    Bytes point = new WireWriter().sized(x).sized(y).toBytes();
    return new CredentialBlob(protect(ek, objectName, secret, seed), point);
  }

  static Bytes sharedSeed(TpmHash hash, KeyPair own, PublicKey peer, Bytes ephemeralX, Bytes ekX)
      throws GeneralSecurityException {
    KeyAgreement agreement = KeyAgreement.getInstance("ECDH");
    agreement.init(own.getPrivate());
    agreement.doPhase(peer, true);
    Bytes z = Bytes.copyOf(agreement.generateSecret());
    return TpmKdf.kdfe(hash, z, LABEL, ephemeralX, ekX, 8 * hash.digestLength());
  }

  private static Bytes coordinate(BigInteger value, TpmEccCurve curve) {
    byte[] raw = value.toByteArray();
    Bytes unsigned =
        raw[0] == 0 && raw.length > 1 ? Bytes.copyOf(raw, 1, raw.length - 1) : Bytes.copyOf(raw);
    return EccPoints.padded(unsigned, curve);
  }

  /** TPM2B_ID_OBJECT's content: outer HMAC over the encrypted TPM2B_DIGEST and the Name. */
  static Bytes protect(TpmtPublic ek, TpmName objectName, Bytes secret, Bytes seed)
      throws GeneralSecurityException {
    TpmHash hash = ek.nameAlgorithm();
    Bytes name = objectName.encoded();
    Bytes aesKey = TpmKdf.kdfa(hash, seed, "STORAGE", name, Bytes.EMPTY, ek.aesKeyBits());
    Cipher aes = Cipher.getInstance("AES/CFB/NoPadding");
    aes.init(
        Cipher.ENCRYPT_MODE,
        new SecretKeySpec(aesKey.toArray(), "AES"),
        new IvParameterSpec(new byte[16]));
    Bytes plain = new WireWriter().sized(secret).toBytes();
    Bytes encrypted = Bytes.copyOf(aes.doFinal(plain.toArray()));
    Bytes macKey =
        TpmKdf.kdfa(hash, seed, "INTEGRITY", Bytes.EMPTY, Bytes.EMPTY, 8 * hash.digestLength());
    Mac mac = TpmKdf.hmac(hash, macKey);
    mac.update(encrypted.toArray());
    mac.update(name.toArray());
    return new WireWriter().sized(Bytes.copyOf(mac.doFinal())).bytes(encrypted).toBytes();
  }
}
