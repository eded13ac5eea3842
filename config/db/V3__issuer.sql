-- Issuer: authorities, registration entries, attested nodes and their standing, one-time secrets.
-- Times are milliseconds since the epoch; digests and serial numbers are text.

CREATE TABLE issuer_authority (
  id TEXT PRIMARY KEY,
  state TEXT NOT NULL,             -- PREPARED, ACTIVE, OLD
  certificate ${blob} NOT NULL,    -- DER
  prepared_at BIGINT NOT NULL,
  activated_at BIGINT NOT NULL,    -- 0 while prepared
  not_after BIGINT NOT NULL
);

CREATE TABLE issuer_bundle (
  trust_domain TEXT PRIMARY KEY,
  sequence BIGINT NOT NULL         -- rises with every change of the authorities
);

CREATE TABLE issuer_entry (
  id TEXT PRIMARY KEY,
  similarity TEXT NOT NULL UNIQUE, -- digest of identity, parent and selectors
  parent_id TEXT NOT NULL,
  expires_at BIGINT NOT NULL,      -- 0 for never
  revision BIGINT NOT NULL,
  message ${blob} NOT NULL         -- spire.api.types.Entry
);

CREATE TABLE issuer_node (
  spiffe_id TEXT PRIMARY KEY,
  attestation_type TEXT NOT NULL,
  node_id TEXT NOT NULL,           -- empty when the node was not appraised
  ek_name TEXT NOT NULL,           -- hex; empty likewise
  ak_name TEXT NOT NULL,
  current_serial TEXT NOT NULL,
  current_expires_at BIGINT NOT NULL,
  new_serial TEXT NOT NULL,        -- issued, not used yet; empty when there is none
  new_expires_at BIGINT NOT NULL,
  selectors ${blob} NOT NULL,      -- spire.api.types.SelectorMatch
  banned INTEGER NOT NULL,
  can_reattest INTEGER NOT NULL,
  agent_version TEXT NOT NULL,
  attested_at BIGINT NOT NULL
);

CREATE INDEX issuer_node_by_node_id ON issuer_node (node_id);

CREATE TABLE issuer_standing (
  node_id TEXT PRIMARY KEY,
  state TEXT NOT NULL,             -- TRUSTED, UNTRUSTED, UNREACHABLE
  reasons TEXT NOT NULL,           -- one per line: code, space, detail
  reported_at BIGINT NOT NULL
);

CREATE TABLE issuer_ek_ban (
  ek_name TEXT PRIMARY KEY,
  banned_at BIGINT NOT NULL
);

CREATE TABLE issuer_join_token (
  digest TEXT PRIMARY KEY,         -- SHA-256 of the token
  expires_at BIGINT NOT NULL
);

CREATE TABLE issuer_challenge (
  nonce TEXT PRIMARY KEY,
  stream_id TEXT NOT NULL,
  node_id TEXT NOT NULL,
  expires_at BIGINT NOT NULL,
  used INTEGER NOT NULL
);
