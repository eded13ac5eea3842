package dev.serai.watching;

import dev.serai.appraisal.PolicyFile;
import dev.serai.audit.Audit;
import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;
import java.util.Optional;
import java.util.stream.Stream;

/** Which policy verdicts were given by, from when on. */
final class PolicyRecord {
  private PolicyRecord() {}

  /** At start: says whether it is another one than the last time. */
  static void keep(Audit audit, Optional<String> location) {
    String digest = digest(location);
    keep(
        audit,
        isChange(audit, digest) ? AuditKind.POLICY_CHANGED : AuditKind.POLICY_LOADED,
        location,
        digest);
  }

  /** At a reload: only what is new. */
  static void keepChange(Audit audit, Optional<String> location) {
    String digest = digest(location);
    if (isChange(audit, digest)) {
      keep(audit, AuditKind.POLICY_CHANGED, location, digest);
    }
  }

  private static String digest(Optional<String> location) {
    return location.map(PolicyFile::digest).orElse("none");
  }

  private static boolean isChange(Audit audit, String digest) {
    return Stream.of(AuditKind.POLICY_LOADED, AuditKind.POLICY_CHANGED)
        .flatMap(kind -> audit.lastOf(kind).stream())
        .max((a, b) -> Long.compare(a.sequence(), b.sequence()))
        .filter(last -> !last.detail().contains("\"" + digest + "\""))
        .isPresent();
  }

  private static void keep(Audit audit, AuditKind kind, Optional<String> location, String digest) {
    audit.append(AuditEvent.of(kind, location.orElse("none")).with("sha256", digest));
  }
}
