package dev.serai.audit;

import dev.serai.tpm.Bytes;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * The hashes of the chain: SHA-256 over texts, each as its length in bytes (four bytes, big-endian)
 * and its UTF-8. The first text is the domain. Numbers are decimal, times milliseconds since the
 * epoch, hashes lower-case hex.
 */
public final class ChainHash {
  private static final String CHAIN = "serai-audit-chain-v1";
  private static final String RECORD = "serai-audit-record-v1";
  private static final String CHECKPOINT = "serai-audit-checkpoint-v1";

  private ChainHash() {}

  /** What stands before the first record of a chain. */
  static Bytes ofSegment(ChainSegment segment) {
    return over(
        CHAIN,
        segment.trustDomain(),
        segment.chainId(),
        Long.toString(segment.firstSequence()),
        Long.toString(segment.startedAt().toEpochMilli()),
        segment.cause().name(),
        segment.previousChain(),
        Long.toString(segment.previousSequence()),
        segment.previousHash().toHex());
  }

  /** Of a record's fields; its own hash does not count. */
  static Bytes ofRecord(String chainId, Bytes previous, AuditRecord record) {
    return over(
        RECORD,
        chainId,
        Long.toString(record.sequence()),
        Long.toString(record.at().toEpochMilli()),
        record.kind(),
        record.subject(),
        record.actor(),
        record.trace(),
        record.reasons(),
        record.detail(),
        previous.toHex());
  }

  /** What a TPM quotes to sign a checkpoint. */
  public static Bytes ofCheckpoint(String chainId, long sequence, Bytes hash) {
    return over(CHECKPOINT, chainId, Long.toString(sequence), hash.toHex());
  }

  private static Bytes over(String... texts) {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this Java has no SHA-256", e);
    }
    for (String text : texts) {
      byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
      digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(utf8.length).array());
      digest.update(utf8);
    }
    return Bytes.copyOf(digest.digest());
  }
}
