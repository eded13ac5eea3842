package dev.serai.tpm.wire;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** The key derivation functions of Part 1, "KDFa()" and "KDFe() for ECDH". */
public final class TpmKdf {
  private TpmKdf() {}

  /** SP 800-108 in counter mode with HMAC. */
  public static Bytes kdfa(
      TpmHash hash, Bytes key, String label, Bytes contextU, Bytes contextV, int bits) {
    Mac mac = hmac(hash, key);
    byte[] out = new byte[bytes(bits)];
    for (int counter = 1, at = 0; at < out.length; counter++) {
      mac.update(uint32(counter));
      mac.update(label.getBytes(StandardCharsets.US_ASCII));
      mac.update((byte) 0);
      mac.update(contextU.toArray());
      mac.update(contextV.toArray());
      mac.update(uint32(bits));
      at += append(mac.doFinal(), out, at);
    }
    return masked(out, bits);
  }

  /** SP 800-56A with the x coordinates of shared point and the two parties. */
  public static Bytes kdfe(
      TpmHash hash, Bytes z, String label, Bytes partyU, Bytes partyV, int bits) {
    MessageDigest digest = hash.newDigest();
    byte[] out = new byte[bytes(bits)];
    for (int counter = 1, at = 0; at < out.length; counter++) {
      digest.update(uint32(counter));
      z.writeTo(digest);
      digest.update(label.getBytes(StandardCharsets.US_ASCII));
      digest.update((byte) 0);
      partyU.writeTo(digest);
      partyV.writeTo(digest);
      at += append(digest.digest(), out, at);
    }
    return masked(out, bits);
  }

  static Mac hmac(TpmHash hash, Bytes key) {
    String algorithm = "Hmac" + hash.name();
    try {
      Mac mac = Mac.getInstance(algorithm);
      // Java refuses an empty key; HMAC pads with zeros, so one zero byte is the same key.
      byte[] raw = key.isEmpty() ? new byte[1] : key.toArray();
      mac.init(new SecretKeySpec(raw, algorithm));
      return mac;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java has no " + algorithm, e);
    }
  }

  /** Where the bits are no whole bytes, the unused highest ones are zero. */
  private static Bytes masked(byte[] out, int bits) {
    if (bits % 8 != 0) {
      out[0] &= (byte) ((1 << bits % 8) - 1);
    }
    return Bytes.copyOf(out);
  }

  private static int bytes(int bits) {
    if (bits < 0) {
      throw new IllegalArgumentException(bits + " bits");
    }
    return (bits + 7) / 8;
  }

  private static int append(byte[] block, byte[] out, int at) {
    int length = Math.min(block.length, out.length - at);
    System.arraycopy(block, 0, out, at, length);
    return length;
  }

  private static byte[] uint32(int value) {
    return new byte[] {
      (byte) (value >>> 24), (byte) (value >>> 16), (byte) (value >>> 8), (byte) value
    };
  }
}
