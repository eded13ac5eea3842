package dev.serai.audit;

import java.util.Arrays;
import java.util.Optional;

/** What is recorded. The word is stable; scripts rely on it. */
public enum AuditKind {
  PROCESS_STARTED("process.started", "process"),
  PROCESS_STOPPED("process.stopped", "process"),
  CONFIG_RELOADED("config.reloaded", "process"),
  CONFIG_RELOAD_REFUSED("config.reload-refused", "process"),
  POLICY_LOADED("policy.loaded", "verifier"),
  POLICY_CHANGED("policy.changed", "verifier"),
  EK_ENROLLED("ek.enrolled", "registrar"),
  EK_ACTIVATED("ek.activated", "registrar"),
  EK_REFUSED("ek.refused", "registrar"),
  EK_BANNED("ek.banned", "registrar"),
  EK_UNBANNED("ek.unbanned", "registrar"),
  RECORD_DELETED("record.deleted", "registrar"),
  /** Evidence sent to attest. */
  ATTESTATION_VERDICT("attestation.verdict", "verifier"),
  /** A quote of continuous appraisal. */
  WATCH_VERDICT("watch.verdict", "verifier"),
  NODE_STATE("node.state", "verifier"),
  /** The issuer acts on the verifier's word from here on. */
  NODE_STANDING("node.standing", "issuer"),
  NODE_BANNED("node.banned", "issuer"),
  NODE_UNBANNED("node.unbanned", "issuer"),
  NODE_EVICTED("node.evicted", "issuer"),
  NODE_EXPIRED("node.expired", "issuer"),
  AGENT_SVID_ISSUED("agent-svid.issued", "issuer"),
  AGENT_SVID_RENEWED("agent-svid.renewed", "issuer"),
  SVID_ISSUED("svid.issued", "issuer"),
  JWT_SVID_ISSUED("jwt-svid.issued", "issuer"),
  ROLE_SVID_ISSUED("role-svid.issued", "issuer"),
  TOKEN_CREATED("token.created", "issuer"),
  TOKEN_USED("token.used", "issuer"),
  ENTRY_CREATED("entry.created", "issuer"),
  ENTRY_UPDATED("entry.updated", "issuer"),
  ENTRY_DELETED("entry.deleted", "issuer"),
  ENTRY_EXPIRED("entry.expired", "issuer"),
  AUTHORITY_PREPARED("authority.prepared", "issuer"),
  AUTHORITY_ACTIVATED("authority.activated", "issuer"),
  AUTHORITY_RETIRED("authority.retired", "issuer"),
  AUTHORITY_DROPPED("authority.dropped", "issuer"),
  DEVICE_CREATED("device.created", "sensor"),
  DEVICE_UPDATED("device.updated", "sensor"),
  DEVICE_DELETED("device.deleted", "sensor"),
  /** Its identifiers were shown in full. */
  DEVICE_REVEALED("device.revealed", "sensor"),
  /** What the operator said of a registered sensor, or of an unregistered subscriber. */
  LOCATION_VERDICT("location.verdict", "sensor"),
  LOCATION_ENDORSED("location.endorsed", "sensor"),
  CALLER_REFUSED("caller.refused", "process"),
  BACKUP_MADE("backup.made", "process"),
  STATE_RESTORED("state.restored", "process"),
  AUDIT_BEGUN("audit.begun", "process"),
  AUDIT_CHECKPOINT("audit.checkpoint", "process"),
  AUDIT_PRUNED("audit.pruned", "process"),
  /** The log was found cut or changed; a new chain goes on after it. */
  AUDIT_BROKEN("audit.broken", "process");

  private final String word;
  private final String actor;

  AuditKind(String word, String actor) {
    this.word = word;
    this.actor = actor;
  }

  public String word() {
    return word;
  }

  /** Who does it when nobody asked for it. */
  String actor() {
    return actor;
  }

  public static Optional<AuditKind> byWord(String word) {
    return Arrays.stream(values()).filter(kind -> kind.word.equals(word)).findFirst();
  }
}
