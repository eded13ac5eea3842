package dev.serai.audit;

import dev.serai.tpm.Bytes;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;

/**
 * A record as it stands in the log; all texts exactly as they were hashed.
 *
 * @param reasons reason codes, comma separated
 * @param detail a JSON object
 * @param hash {@link ChainHash#ofRecord} over it and the hash before it
 */
public record AuditRecord(
    long sequence,
    Instant at,
    String kind,
    String subject,
    String actor,
    String trace,
    String reasons,
    String detail,
    Bytes hash) {

  public List<String> reasonCodes() {
    return reasons.isEmpty() ? List.of() : Arrays.asList(reasons.split(",", -1));
  }
}
