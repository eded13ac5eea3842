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

  /** Says whether it is another one than the last time. */
  static void keep(Audit audit, Optional<String> location) {
    String digest = location.map(PolicyFile::digest).orElse("none");
    boolean changed =
        Stream.of(AuditKind.POLICY_LOADED, AuditKind.POLICY_CHANGED)
            .flatMap(kind -> audit.lastOf(kind).stream())
            .max((a, b) -> Long.compare(a.sequence(), b.sequence()))
            .filter(last -> !last.detail().contains("\"" + digest + "\""))
            .isPresent();
    audit.append(
        AuditEvent.of(
                changed ? AuditKind.POLICY_CHANGED : AuditKind.POLICY_LOADED,
                location.orElse("none"))
            .with("sha256", digest));
  }
}
