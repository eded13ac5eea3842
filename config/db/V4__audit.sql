-- Audit: what was decided, appended and never changed. Each record's hash covers the record before
-- it; what refuses UPDATE and DELETE here is a seat belt, the chain is what shows a change.

-- A chain begins with a segment. A restored database, or one whose log was found cut, goes on in a
-- new one that names where the old one ended.
CREATE TABLE audit_segment (
  chain_id          TEXT    NOT NULL PRIMARY KEY, -- random
  first_sequence    BIGINT  NOT NULL UNIQUE,
  trust_domain      TEXT    NOT NULL,
  started_at        BIGINT  NOT NULL,
  cause             TEXT    NOT NULL,             -- NEW, RESTORED, BROKEN
  previous_chain    TEXT    NOT NULL,             -- empty for the first
  previous_sequence BIGINT  NOT NULL,
  previous_hash     ${blob} NOT NULL              -- of that record
);

CREATE TABLE audit_record (
  sequence BIGINT  NOT NULL PRIMARY KEY,
  at       BIGINT  NOT NULL,                      -- milliseconds since the epoch
  kind     TEXT    NOT NULL,
  subject  TEXT    NOT NULL,
  actor    TEXT    NOT NULL,
  trace    TEXT    NOT NULL,
  reasons  TEXT    NOT NULL,                      -- codes, comma separated
  detail   TEXT    NOT NULL,                      -- a JSON object, hashed as it stands here
  hash     ${blob} NOT NULL                       -- SHA-256
);

-- Verdicts of continuous appraisal are nearly all there is, and are read in order.
CREATE INDEX audit_record_by_kind ON audit_record (kind, sequence) WHERE kind <> 'watch.verdict';

-- Where the chain stood at a time. A signed one carries a TPM's quote over it. Records up to a
-- pruned one may be gone; it stays.
CREATE TABLE audit_checkpoint (
  sequence  BIGINT  NOT NULL PRIMARY KEY,
  chain_id  TEXT    NOT NULL,
  hash      ${blob} NOT NULL,                     -- of the record with this sequence
  at        BIGINT  NOT NULL,
  pruned    INTEGER NOT NULL,
  statement ${blob},                              -- TPMS_ATTEST
  signature ${blob},                              -- TPMT_SIGNATURE
  ak        ${blob}                               -- TPM2B_PUBLIC of the key that signed
);

CREATE TRIGGER audit_record_kept BEFORE UPDATE ON audit_record ${refuse_audit_change};
CREATE TRIGGER audit_record_stays BEFORE DELETE ON audit_record ${refuse_audit_deletion};
CREATE TRIGGER audit_segment_kept BEFORE UPDATE ON audit_segment ${refuse_audit_change};
CREATE TRIGGER audit_segment_stays BEFORE DELETE ON audit_segment ${refuse_audit_change};
CREATE TRIGGER audit_checkpoint_stays BEFORE DELETE ON audit_checkpoint ${refuse_audit_change};
