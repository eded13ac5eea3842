-- Issuer: what the appraisal of a node proved, for the certificates that are issued on it.

CREATE TABLE issuer_node_claims (
  spiffe_id TEXT PRIMARY KEY,
  claims    ${blob} NOT NULL,  -- extension content in the private form
  -- The same in the prototype's form, which names devices and places; empty unless
  -- serai.privacy=compat.
  sensitive ${blob} NOT NULL
);
