package dev.serai.appraisal;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.TpmClock;
import dev.serai.tpm.spec.TpmAttestType;
import dev.serai.tpm.spec.TpmConstants;
import dev.serai.tpm.spec.TpmEccCurve;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.spec.TpmScheme;
import dev.serai.tpm.wire.MalformedStructureException;
import dev.serai.tpm.wire.PcrSelection;
import dev.serai.tpm.wire.TpmName;
import dev.serai.tpm.wire.TpmaObject;
import dev.serai.tpm.wire.TpmaObject.Attribute;
import dev.serai.tpm.wire.TpmtPublic;
import dev.serai.tpm.wire.TpmtSignature;
import dev.serai.tpm.wire.WireWriter;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.ECGenParameterSpec;

/**
 * What a TPM would sign, signed by keys of this JVM: a test makes statements that no TPM would
 * make. Keys are made once.
 */
public final class SoftwareTpm {
  /** Attributes of a good AK. */
  public static final TpmaObject AK_ATTRIBUTES =
      TpmaObject.of(
          Attribute.FIXED_TPM,
          Attribute.FIXED_PARENT,
          Attribute.SENSITIVE_DATA_ORIGIN,
          Attribute.USER_WITH_AUTH,
          Attribute.NO_DA,
          Attribute.RESTRICTED,
          Attribute.SIGN);

  /** Attributes of a good App Key. */
  public static final TpmaObject APP_KEY_ATTRIBUTES =
      TpmaObject.of(
          Attribute.FIXED_TPM,
          Attribute.FIXED_PARENT,
          Attribute.SENSITIVE_DATA_ORIGIN,
          Attribute.USER_WITH_AUTH,
          Attribute.SIGN);

  public static final KeyPair P256 = ec();
  public static final KeyPair OTHER_P256 = ec();
  static final KeyPair APP_P256 = ec();
  static final KeyPair OTHER_APP_P256 = ec();
  public static final KeyPair EK_P256 = ec();
  public static final KeyPair RSA = rsa();
  static final KeyPair APP_RSA = rsa();

  private SoftwareTpm() {}

  private static KeyPair ec() {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec("secp256r1"));
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static KeyPair rsa() {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
      generator.initialize(2048);
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  /** TPMT_PUBLIC of a key pair. */
  public static TpmtPublic publicArea(KeyPair keys, TpmaObject attributes, TpmScheme scheme) {
    return publicArea(keys, attributes, scheme, TpmHash.SHA256);
  }

  static TpmtPublic publicArea(
      KeyPair keys, TpmaObject attributes, TpmScheme scheme, TpmHash hash) {
    boolean rsa = keys.getPublic() instanceof RSAPublicKey;
    WireWriter out =
        new WireWriter()
            .uint16(rsa ? TpmConstants.ALG_RSA : TpmConstants.ALG_ECC)
            .uint16(TpmHash.SHA256.id())
            .uint32(attributes.bits() & 0xffffffffL)
            .uint16(0);
    if (attributes.has(Attribute.DECRYPT)) {
      out.uint16(TpmConstants.ALG_AES).uint16(128).uint16(TpmConstants.ALG_CFB);
    } else {
      out.uint16(TpmConstants.ALG_NULL);
    }
    out.uint16(scheme.id());
    if (scheme.withHash()) {
      out.uint16(hash.id());
    }
    if (keys.getPublic() instanceof RSAPublicKey key) {
      out.uint16(2048).uint32(0).sized(unsigned(key.getModulus(), 256));
    } else {
      ECPublicKey key = (ECPublicKey) keys.getPublic();
      out.uint16(TpmEccCurve.P256.id())
          .uint16(TpmConstants.ALG_NULL)
          .sized(unsigned(key.getW().getAffineX(), 32))
          .sized(unsigned(key.getW().getAffineY(), 32));
    }
    try {
      return TpmtPublic.parse(out.toBytes());
    } catch (MalformedStructureException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Bytes unsigned(BigInteger value, int length) {
    byte[] raw = value.toByteArray();
    byte[] fixed = new byte[length];
    int from = Math.max(0, raw.length - length);
    System.arraycopy(raw, from, fixed, length - (raw.length - from), raw.length - from);
    return Bytes.copyOf(fixed);
  }

  /** Qualified Name of a primary key in the endorsement hierarchy. */
  public static Bytes endorsementPrimary(TpmtPublic key) {
    return key.name()
        .qualifiedUnder(new WireWriter().uint32(TpmConstants.RH_ENDORSEMENT).toBytes())
        .encoded();
  }

  /** TPMS_ATTEST of a quote. */
  public static Bytes quote(
      Bytes signer, Bytes extraData, TpmClock clock, PcrSelection selection, Bytes pcrDigest) {
    return header(TpmAttestType.QUOTE, signer, extraData, clock)
        .bytes(selection.encoded())
        .sized(pcrDigest)
        .toBytes();
  }

  /** TPMS_ATTEST of a certify. */
  static Bytes certify(Bytes signer, Bytes extraData, TpmClock clock, TpmName name) {
    Bytes storageRoot = Bytes.ofHex("40000001");
    return header(TpmAttestType.CERTIFY, signer, extraData, clock)
        .sized(name.encoded())
        .sized(name.qualifiedUnder(storageRoot).encoded())
        .toBytes();
  }

  /** TPMS_ATTEST of TPM2_GetTime. */
  static Bytes time(Bytes signer, Bytes extraData, TpmClock clock) {
    return header(TpmAttestType.TIME, signer, extraData, clock).zeros(33).toBytes();
  }

  private static WireWriter header(
      TpmAttestType type, Bytes signer, Bytes extraData, TpmClock clock) {
    return new WireWriter()
        .uint32(TpmConstants.GENERATED_VALUE)
        .uint16(type.id())
        .sized(signer)
        .sized(extraData)
        .uint64(clock.clockMillis())
        .uint32(clock.resetCount())
        .uint32(clock.restartCount())
        .uint8(clock.safe() ? 1 : 0)
        .uint64(0x2019102300163636L);
  }

  /** TPMT_SIGNATURE by a key of this JVM, SHA-256. */
  public static Bytes sign(KeyPair keys, Bytes message) {
    try {
      if (keys.getPublic() instanceof RSAPublicKey) {
        Bytes signature = Bytes.copyOf(jca("SHA256withRSA", keys, message));
        return new TpmtSignature.Rsa(TpmScheme.RSASSA, TpmHash.SHA256, signature).encoded();
      }
      Bytes both = Bytes.copyOf(jca("SHA256withECDSAinP1363Format", keys, message));
      return new TpmtSignature.Ecdsa(TpmHash.SHA256, both.slice(0, 32), both.slice(32, 32))
          .encoded();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static byte[] jca(String algorithm, KeyPair keys, Bytes message)
      throws GeneralSecurityException {
    Signature signature = Signature.getInstance(algorithm);
    signature.initSign(keys.getPrivate());
    signature.update(message.toArray());
    return signature.sign();
  }

  static SignedStatement statement(KeyPair keys, Bytes attest) {
    return new SignedStatement(attest, sign(keys, attest));
  }
}
