-- Issuer: authorities sign certificates or tokens. Of one for tokens the column certificate holds
-- the public key, as DER of its SubjectPublicKeyInfo.

ALTER TABLE issuer_authority ADD COLUMN kind TEXT NOT NULL DEFAULT 'X509'; -- X509, JWT
