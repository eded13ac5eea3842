package dev.serai.watching;

import dev.serai.appraisal.Trusted;
import dev.serai.appraisal.Verdict;
import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;

/** Verdicts as the audit log has them: by codes, without what the evidence said. */
final class Verdicts {
  private Verdicts() {}

  static AuditEvent event(AuditKind kind, Verdict verdict) {
    AuditEvent event =
        AuditEvent.of(kind, verdict.nodeId())
            .because(verdict.reasons())
            .with("trusted", verdict.isTrusted());
    return verdict instanceof Trusted trusted ? event.with("policy", trusted.policy()) : event;
  }
}
