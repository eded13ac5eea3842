package dev.serai.issuing;

import dev.serai.tpm.Bytes;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256, as hex. */
final class Digests {
  private Digests() {}

  static String sha256Hex(String text) {
    return sha256Hex(Bytes.ofText(text));
  }

  static String sha256Hex(Bytes bytes) {
    try {
      MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
      bytes.writeTo(sha256);
      return HexFormat.of().formatHex(sha256.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this Java has no SHA-256", e);
    }
  }
}
