-- Registrar: which TPM is which node.

-- A row that is not active has proven nothing. It holds its node id and its keys only as long as
-- its challenge can still be answered.
CREATE TABLE registrar_node (
  node_id            TEXT    NOT NULL PRIMARY KEY,
  -- Name of the EK, hex: the node's identity.
  ek_name            TEXT    NOT NULL UNIQUE,
  -- SHA-256 of the EK's SubjectPublicKeyInfo, hex: one key cannot come back under another Name.
  ek_key             TEXT    NOT NULL UNIQUE,
  -- TPM2B_PUBLIC.
  ek_tpm             ${blob} NOT NULL,
  -- DER, if the agent sent one.
  ek_certificate     ${blob},
  -- CERTIFICATE or ALLOW_LIST.
  ek_trust           TEXT    NOT NULL,
  ak_name            TEXT    NOT NULL,
  ak_tpm             ${blob} NOT NULL,
  active             INTEGER NOT NULL,
  registration_count INTEGER NOT NULL,
  -- Where the agent listens, as of the last activation.
  ip                 TEXT,
  port               INTEGER,
  mtls_certificate   TEXT,
  registered_at      BIGINT  NOT NULL,
  activated_at       BIGINT
);

-- The one open challenge of a node, and what takes effect once it is answered.
CREATE TABLE registrar_challenge (
  node_id          TEXT    NOT NULL PRIMARY KEY,
  secret           ${blob} NOT NULL,
  ip               TEXT,
  port             INTEGER,
  mtls_certificate TEXT,
  expires_at       BIGINT  NOT NULL
);

-- The Name under which a key was first proven to be in a TPM. It outlives the node's record: the rest
-- of a public area is only what the agent says, and with another one the key would have another Name
-- and pass by a ban of the first.
CREATE TABLE registrar_ek (
  ek_key  TEXT NOT NULL PRIMARY KEY,
  ek_name TEXT NOT NULL
);

-- A ban outlives the node's record.
CREATE TABLE registrar_ban (
  ek_key    TEXT   NOT NULL PRIMARY KEY,
  ek_name   TEXT   NOT NULL,
  banned_at BIGINT NOT NULL
);
