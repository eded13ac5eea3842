package dev.serai.tpm.jca;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.Tpm;
import dev.serai.tpm.TpmException;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.MalformedStructureException;
import dev.serai.tpm.wire.TpmtSignature;
import java.io.ByteArrayOutputStream;
import java.security.AlgorithmParameters;
import java.security.InvalidAlgorithmParameterException;
import java.security.InvalidKeyException;
import java.security.InvalidParameterException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SignatureException;
import java.security.SignatureSpi;
import java.security.spec.AlgorithmParameterSpec;
import java.security.spec.InvalidParameterSpecException;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PSSParameterSpec;
import java.util.Locale;

/** Hashes here, signs in the TPM. The public classes are made by the JCA, by name. */
abstract class TpmSignature extends SignatureSpi {
  private final Tpm.SignScheme scheme;
  private final String keyAlgorithm;
  private final MessageDigest digest = TpmHash.SHA256.newDigest();
  private TpmPrivateKey key;

  private TpmSignature(Tpm.SignScheme scheme, String keyAlgorithm) {
    this.scheme = scheme;
    this.keyAlgorithm = keyAlgorithm;
  }

  @Override
  protected void engineInitSign(PrivateKey privateKey) throws InvalidKeyException {
    if (!(privateKey instanceof TpmPrivateKey tpmKey)
        || !tpmKey.getAlgorithm().equals(keyAlgorithm)) {
      throw new InvalidKeyException("not an " + keyAlgorithm + " key of the TPM");
    }
    key = tpmKey;
    reset();
  }

  @Override
  protected void engineInitVerify(PublicKey publicKey) throws InvalidKeyException {
    throw new InvalidKeyException(SeraiTpmProvider.NAME + " does not verify");
  }

  @Override
  protected void engineUpdate(byte input) throws SignatureException {
    engineUpdate(new byte[] {input}, 0, 1);
  }

  @Override
  protected void engineUpdate(byte[] input, int from, int length) throws SignatureException {
    digest.update(input, from, length);
  }

  /** What the TPM signs; ready for the next message afterwards. */
  Bytes finishDigest() throws SignatureException {
    return Bytes.copyOf(digest.digest());
  }

  void reset() {
    digest.reset();
  }

  @Override
  protected byte[] engineSign() throws SignatureException {
    if (key == null) {
      throw new SignatureException("no key");
    }
    try {
      TpmtSignature signature =
          TpmtSignature.parse(key.tpm().sign(key.reference(), scheme, finishDigest()));
      if (signature instanceof TpmtSignature.Ecdsa ecdsa) {
        return ecdsa.toDer().toArray();
      }
      return ((TpmtSignature.Rsa) signature).signature().toArray();
    } catch (TpmException | MalformedStructureException e) {
      throw new SignatureException("the TPM did not sign: " + e.getMessage(), e);
    }
  }

  @Override
  protected boolean engineVerify(byte[] signature) throws SignatureException {
    throw new SignatureException(SeraiTpmProvider.NAME + " does not verify");
  }

  @Override
  @Deprecated
  protected void engineSetParameter(String name, Object value) {
    throw new InvalidParameterException("no parameters by name");
  }

  @Override
  protected void engineSetParameter(AlgorithmParameterSpec parameters)
      throws InvalidAlgorithmParameterException {
    if (parameters != null) {
      throw new InvalidAlgorithmParameterException("takes no parameters");
    }
  }

  @Override
  @Deprecated
  protected Object engineGetParameter(String name) {
    throw new InvalidParameterException("no parameters by name");
  }

  @Override
  protected AlgorithmParameters engineGetParameters() {
    return null;
  }

  /** SHA256withECDSA. */
  public static final class Sha256Ecdsa extends TpmSignature {
    public Sha256Ecdsa() {
      super(Tpm.SignScheme.ECDSA_SHA256, "EC");
    }
  }

  /** SHA256withRSA. */
  public static final class Sha256Rsa extends TpmSignature {
    public Sha256Rsa() {
      super(Tpm.SignScheme.RSASSA_SHA256, "RSA");
    }
  }

  /** NONEwithECDSA: the message is a SHA-256 digest already. */
  public static final class DigestEcdsa extends TpmSignature {
    private final ByteArrayOutputStream given = new ByteArrayOutputStream(32);

    public DigestEcdsa() {
      super(Tpm.SignScheme.ECDSA_SHA256, "EC");
    }

    @Override
    protected void engineUpdate(byte[] input, int from, int length) throws SignatureException {
      if (given.size() + length > TpmHash.SHA256.digestLength()) {
        throw new SignatureException("longer than a SHA-256 digest");
      }
      given.write(input, from, length);
    }

    @Override
    Bytes finishDigest() throws SignatureException {
      Bytes digest = Bytes.copyOf(given.toByteArray());
      given.reset();
      if (digest.size() != TpmHash.SHA256.digestLength()) {
        throw new SignatureException("a SHA-256 digest has 32 bytes, not " + digest.size());
      }
      return digest;
    }

    @Override
    void reset() {
      super.reset();
      given.reset();
    }
  }

  /** RSASSA-PSS with SHA-256 only. */
  public static final class Pss extends TpmSignature {
    private static final PSSParameterSpec ONLY =
        new PSSParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, 32, 1);

    public Pss() {
      super(Tpm.SignScheme.RSAPSS_SHA256, "RSA");
    }

    @Override
    protected void engineSetParameter(AlgorithmParameterSpec parameters)
        throws InvalidAlgorithmParameterException {
      boolean fits =
          parameters instanceof PSSParameterSpec pss
              && isSha256(pss.getDigestAlgorithm())
              && pss.getMGFAlgorithm().equalsIgnoreCase("MGF1")
              && pss.getMGFParameters() instanceof MGF1ParameterSpec mgf
              && isSha256(mgf.getDigestAlgorithm())
              && pss.getSaltLength() == 32
              && pss.getTrailerField() == 1;
      if (!fits) {
        throw new InvalidAlgorithmParameterException(
            "only SHA-256, MGF1 with SHA-256 and a salt of 32 bytes");
      }
    }

    @Override
    protected AlgorithmParameters engineGetParameters() {
      try {
        AlgorithmParameters parameters = AlgorithmParameters.getInstance("RSASSA-PSS");
        parameters.init(ONLY);
        return parameters;
      } catch (NoSuchAlgorithmException | InvalidParameterSpecException e) {
        throw new IllegalStateException("this Java has no RSASSA-PSS parameters", e);
      }
    }

    private static boolean isSha256(String name) {
      String upper = name.toUpperCase(Locale.ROOT);
      return upper.equals("SHA-256") || upper.equals("SHA256");
    }
  }
}
