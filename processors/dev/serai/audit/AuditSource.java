package dev.serai.audit;

/** Where a log is read from: a database or an export. */
public interface AuditSource extends AutoCloseable {

  /**
   * Hands out all of it, in order: segments, checkpoints, the head, records.
   *
   * @throws dev.serai.reason.RefusalException AUDIT_UNAVAILABLE when it cannot be read;
   *     AUDIT_TRUNCATED or AUDIT_CHAIN_BROKEN when its form shows that it was cut or changed
   */
  void read(Reader reader);

  @Override
  void close();

  /** Takes what comes. */
  interface Reader {
    void segment(ChainSegment segment);

    void checkpoint(Checkpoint checkpoint);

    /** Where the log ended, as kept outside it. May be behind the last record. */
    void head(HeadFile.Head head);

    void record(AuditRecord record);
  }
}
