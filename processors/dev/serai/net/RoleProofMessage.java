package dev.serai.net;

import dev.serai.spiffe.SpiffeId;
import dev.serai.tpm.Bytes;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * What a role process signs with the key of its last certificate to be itself again. Nothing else
 * that such a key signs begins like it: not a TLS handshake, not a certification request.
 */
public final class RoleProofMessage {
  private static final Bytes LABEL = Bytes.ofText("serai role proof v1\0");

  private RoleProofMessage() {}

  /**
   * Label, then ID, nonce and SHA-256 of the request, each after its length in two bytes.
   *
   * @param csr DER of the request for the next certificate: nobody can put another key in its place
   */
  public static Bytes of(SpiffeId agent, Bytes nonce, Bytes csr) {
    return Bytes.concat(
        LABEL, sized(Bytes.ofText(agent.toString())), sized(nonce), sized(sha256(csr)));
  }

  private static Bytes sized(Bytes field) {
    byte[] length = ByteBuffer.allocate(2).putShort((short) field.size()).array();
    return Bytes.concat(Bytes.copyOf(length), field);
  }

  private static Bytes sha256(Bytes bytes) {
    try {
      MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
      bytes.writeTo(sha256);
      return Bytes.copyOf(sha256.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this Java has no SHA-256", e);
    }
  }
}
