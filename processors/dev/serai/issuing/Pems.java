package dev.serai.issuing;

import dev.serai.tpm.Bytes;
import java.util.Base64;

/** Keys as text, in the form that OpenSSL writes. */
final class Pems {
  private Pems() {}

  static String publicKey(Bytes publicKeyInfo) {
    return "-----BEGIN PUBLIC KEY-----\n"
        + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(publicKeyInfo.toArray())
        + "\n-----END PUBLIC KEY-----\n";
  }
}
