package dev.serai.app;

import dev.serai.audit.Audit;
import dev.serai.audit.AuditEvent;
import dev.serai.audit.AuditKind;
import dev.serai.audit.AuditUpkeep;
import dev.serai.audit.RefusedCallers;
import dev.serai.reason.Reason;
import dev.serai.reason.ReasonCode;
import dev.serai.reason.RefusalException;
import dev.serai.role.RoleContext;
import dev.serai.store.DatabaseException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.camel.Processor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The process's own part of the audit log: its start and stop, what it runs with, the callers it
 * refused. A process whose roles keep no log (an agent alone) has none.
 */
final class ProcessRecord implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ProcessRecord.class);

  private final RoleContext context;
  private final LayeredSettings settings;
  private final Optional<Audit> audit;
  private final Optional<AuditUpkeep> upkeep;

  private ProcessRecord(
      RoleContext context,
      LayeredSettings settings,
      Optional<Audit> audit,
      Optional<AuditUpkeep> upkeep) {
    this.context = context;
    this.settings = settings;
    this.audit = audit;
    this.upkeep = upkeep;
  }

  /** Once the roles are bound. Binds the step of route tend-audit. */
  static ProcessRecord bind(
      RoleContext context, LayeredSettings settings, RefuseProcessor refusals) {
    Optional<Audit> audit = Audit.find(context);
    RefusedCallers refused = new RefusedCallers(context.clock());
    Optional<AuditUpkeep> upkeep = audit.map(log -> AuditUpkeep.of(context, log, refused));
    if (upkeep.isPresent()) {
      refusals.alsoTell(refused::refused);
      context.bind(RefusedCallers.BEAN, refused);
    }
    context.bind("tendAudit", (Processor) exchange -> upkeep.ifPresent(AuditUpkeep::run));
    return new ProcessRecord(context, settings, audit, upkeep);
  }

  void started() {
    audit.ifPresent(log -> log.append(event(AuditKind.PROCESS_STARTED)));
  }

  /**
   * The configuration was read again and is taken over. All of it is on record or nothing.
   *
   * @param more what else there is to record of it
   * @throws RefusalException AUDIT_UNAVAILABLE
   */
  void reloaded(LayeredSettings fresh, List<Runnable> more) {
    if (audit.isEmpty()) {
      more.forEach(Runnable::run);
      return;
    }
    try {
      context
          .database()
          .write(
              connection -> {
                audit.get().append(connection, event(AuditKind.CONFIG_RELOADED, fresh));
                more.forEach(Runnable::run);
                return null;
              });
    } catch (DatabaseException e) {
      throw new RefusalException(ReasonCode.AUDIT_UNAVAILABLE, e.getMessage(), e);
    }
  }

  /** Everything goes on as it was, whether that can be recorded or not. */
  void reloadRefused(Reason why) {
    try {
      audit.ifPresent(
          log ->
              log.append(event(AuditKind.CONFIG_RELOAD_REFUSED, settings).because(List.of(why))));
    } catch (RuntimeException e) {
      LOG.warn("a refused reload could not be recorded: {}", e.getMessage());
    }
  }

  private AuditEvent event(AuditKind kind) {
    return event(kind, settings);
  }

  private AuditEvent event(AuditKind kind, LayeredSettings effective) {
    String version = ProcessRecord.class.getPackage().getImplementationVersion();
    return AuditEvent.of(kind, String.join(",", context.roles().stream().sorted().toList()))
        .with("version", version == null ? "(from classes)" : version)
        .with("pid", ProcessHandle.current().pid())
        .with("config", digest(effective.all()));
  }

  /** Of the effective configuration; the values themselves are nobody's business here. */
  static String digest(Map<String, String> values) {
    StringBuilder text = new StringBuilder();
    new TreeMap<>(values)
        .forEach((key, value) -> text.append(key).append('=').append(value).append('\n'));
    return AuditEvent.sha256(text.toString().getBytes(StandardCharsets.UTF_8));
  }

  /** Before the database is closed; a stop is not held up by a log that cannot be written. */
  @Override
  public void close() {
    try {
      upkeep.ifPresent(AuditUpkeep::recordRefused);
      audit.ifPresent(log -> log.append(event(AuditKind.PROCESS_STOPPED)));
    } catch (RuntimeException e) {
      LOG.warn("the stop could not be recorded: {}", e.getMessage());
    }
  }
}
