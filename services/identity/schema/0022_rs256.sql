-- What signs a program's ID tokens: EdDSA, or RS256 for those that cannot verify that.
ALTER TABLE oauth_clients ADD COLUMN id_token_alg TEXT NOT NULL DEFAULT 'EdDSA';
-- The RSA key that goes with a signing key, sealed; made when the first program wants it.
ALTER TABLE signing_keys ADD COLUMN rsa BYTEA;
