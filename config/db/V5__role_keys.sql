-- Issuer: whose key an agent's certificate is for, so that a role process can come back by proving it.

-- SHA-256 of the SubjectPublicKeyInfo, hex; empty for what was issued before this column.
-- earlier_keys: of unused ones that another one has replaced, one space between them.
ALTER TABLE issuer_node ADD COLUMN current_key TEXT NOT NULL DEFAULT '';
ALTER TABLE issuer_node ADD COLUMN new_key TEXT NOT NULL DEFAULT '';
ALTER TABLE issuer_node ADD COLUMN earlier_keys TEXT NOT NULL DEFAULT '';
