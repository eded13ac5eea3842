-- Verifier: which nodes are proven, when they are looked at next, what the issuer is to be told.

CREATE TABLE verifier_node (
  node_id      TEXT    NOT NULL PRIMARY KEY,
  -- TRUSTED, UNTRUSTED or UNREACHABLE.
  state        TEXT    NOT NULL,
  -- JSON list of {"code", "detail"}.
  reasons      TEXT    NOT NULL,
  state_at     BIGINT  NOT NULL,
  -- The last accepted appraisal.
  proven_at    BIGINT  NOT NULL,
  -- JSON object: "bank:index" to the value then proven, in hex.
  proven_pcrs  TEXT    NOT NULL,
  -- Questions in a row that got no answer.
  failures     INTEGER NOT NULL,
  breaker      TEXT    NOT NULL,
  due_at       BIGINT  NOT NULL,
  -- Whoever looks at the node now, and until when nobody else does.
  lease_owner  TEXT,
  lease_until  BIGINT,
  -- Rises with each attestation: what was asked before one says nothing about the time after it.
  generation   BIGINT  NOT NULL,
  -- The registrar no longer knows the node; the row ends when the issuer has been told.
  gone         INTEGER NOT NULL,
  -- What the issuer last knows, and what it is still to be told (JSON), and when to try again.
  reported     TEXT    NOT NULL,
  report       TEXT,
  report_no    BIGINT  NOT NULL,
  report_due   BIGINT,
  report_tries INTEGER NOT NULL
);

CREATE INDEX verifier_node_due ON verifier_node (due_at);

-- What the next appraisal of a node compares with.
CREATE TABLE verifier_baseline (
  node_id  TEXT NOT NULL PRIMARY KEY,
  baseline TEXT NOT NULL
);
