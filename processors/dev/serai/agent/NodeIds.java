package dev.serai.agent;

import dev.serai.tpm.Bytes;
import dev.serai.tpm.spec.TpmHash;
import dev.serai.tpm.wire.TpmName;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.UUID;

/** The node id: a name-based UUID of the EK's Name, so that one TPM is always one node. */
final class NodeIds {
  private static final Bytes CONTEXT = Bytes.ofText("serai-node");

  private NodeIds() {}

  /** UUID version 8 from the first 16 bytes of SHA-256("serai-node" ‖ EK Name). RFC 9562, 5.8. */
  static UUID of(TpmName ek) {
    MessageDigest sha256 = TpmHash.SHA256.newDigest();
    CONTEXT.writeTo(sha256);
    ek.encoded().writeTo(sha256);
    ByteBuffer digest = ByteBuffer.wrap(sha256.digest());
    long high = digest.getLong() & 0xffffffffffff0fffL | 0x8000L;
    long low = digest.getLong() & 0x3fffffffffffffffL | 0x8000000000000000L;
    return new UUID(high, low);
  }
}
