package dev.serai.tpm.jca;

import dev.serai.tpm.KeyRef;
import dev.serai.tpm.Tpm;
import java.io.NotSerializableException;
import java.io.ObjectOutputStream;
import java.math.BigInteger;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.interfaces.ECKey;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAKey;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.ECParameterSpec;
import java.util.Objects;

/**
 * An App Key as a JCA key: a reference, never the key itself. Only {@link SeraiTpmProvider} signs
 * with it; any other provider refuses it because it has no encoding.
 */
public abstract sealed class TpmPrivateKey implements PrivateKey {
  private static final long serialVersionUID = 1L;

  private final transient Tpm tpm;
  private final transient KeyRef.App reference;
  private final transient PublicKey publicKey;

  private TpmPrivateKey(Tpm tpm, KeyRef.App reference, PublicKey publicKey) {
    this.tpm = Objects.requireNonNull(tpm);
    this.reference = Objects.requireNonNull(reference);
    this.publicKey = Objects.requireNonNull(publicKey);
  }

  /**
   * A key of this TPM. Reads its public area, so the TPM must answer.
   *
   * @throws dev.serai.tpm.TpmException when it does not, or when the key is not of this TPM
   */
  public static TpmPrivateKey of(Tpm tpm, KeyRef.App reference) {
    return of(tpm, reference, tpm.publicArea(reference).publicKey());
  }

  /** A key whose public part is known; the TPM is asked for nothing yet. */
  public static TpmPrivateKey of(Tpm tpm, KeyRef.App reference, PublicKey publicKey) {
    if (publicKey instanceof ECPublicKey ec) {
      return new Ec(tpm, reference, ec);
    }
    if (publicKey instanceof RSAPublicKey rsa) {
      return new Rsa(tpm, reference, rsa);
    }
    throw new IllegalArgumentException("neither EC nor RSA: " + publicKey.getAlgorithm());
  }

  Tpm tpm() {
    return tpm;
  }

  /** Which key of the TPM. */
  public KeyRef.App reference() {
    return reference;
  }

  public PublicKey publicKey() {
    return publicKey;
  }

  /** EC or RSA. */
  @Override
  public String getAlgorithm() {
    return publicKey.getAlgorithm();
  }

  /** Null: there is no encoding outside the TPM. */
  @Override
  public String getFormat() {
    return null;
  }

  /** Null: the key does not leave the TPM. */
  @Override
  public byte[] getEncoded() {
    return null;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TpmPrivateKey that
        && tpm == that.tpm
        && reference.equals(that.reference);
  }

  @Override
  public int hashCode() {
    return reference.hashCode();
  }

  @Override
  public String toString() {
    return "TpmPrivateKey[" + getAlgorithm() + "]";
  }

  private void writeObject(ObjectOutputStream out) throws NotSerializableException {
    throw new NotSerializableException("a key of the TPM stays there");
  }

  /** JSSE reads the curve from the key. */
  private static final class Ec extends TpmPrivateKey implements ECKey {
    private static final long serialVersionUID = 1L;

    private final transient ECParameterSpec parameters;

    Ec(Tpm tpm, KeyRef.App reference, ECPublicKey publicKey) {
      super(tpm, reference, publicKey);
      this.parameters = publicKey.getParams();
    }

    @Override
    public ECParameterSpec getParams() {
      return parameters;
    }
  }

  /** JSSE reads the key size from the key. */
  private static final class Rsa extends TpmPrivateKey implements RSAKey {
    private static final long serialVersionUID = 1L;

    private final transient BigInteger modulus;

    Rsa(Tpm tpm, KeyRef.App reference, RSAPublicKey publicKey) {
      super(tpm, reference, publicKey);
      this.modulus = publicKey.getModulus();
    }

    @Override
    public BigInteger getModulus() {
      return modulus;
    }
  }
}
