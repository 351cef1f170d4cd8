-- Accounts. `email` is normalised (NFC, lower case); `password` is a PHC string.
CREATE TABLE users (
    id UUID PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password TEXT NOT NULL,
    version BIGINT NOT NULL,
    disabled_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    signed_in_at TIMESTAMPTZ
);

CREATE TABLE user_roles (
    user_id UUID NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (user_id, role)
);
-- Finds whether there is an administrator.
CREATE INDEX user_roles_role ON user_roles (role);

-- Sessions. The refresh token is derived from the row and the master key, and is not stored.
CREATE TABLE sessions (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL,
    nonce BYTEA NOT NULL,
    generation BIGINT NOT NULL,
    rotated_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    revoked_at TIMESTAMPTZ,
    user_agent TEXT NOT NULL,
    address TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    last_used_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id, id);
-- Finds what every verifier has to refuse.
CREATE INDEX sessions_revoked ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- Keys that sign access tokens, numbered so that two processes cannot both make the next one.
CREATE TABLE signing_keys (
    number BIGINT PRIMARY KEY,
    seed BYTEA NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    active_at TIMESTAMPTZ NOT NULL,
    retire_at TIMESTAMPTZ
);

-- Failed sign-ins per account, per address, and per both. Keys are keyed hashes.
CREATE TABLE sign_in_attempts (
    account BYTEA NOT NULL,
    address BYTEA NOT NULL,
    failures BIGINT NOT NULL,
    busy_until TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account, address)
);
CREATE INDEX sign_in_attempts_age ON sign_in_attempts (updated_at);

-- One-time links that make the first administrator.
CREATE TABLE setup_tokens (
    hash BYTEA PRIMARY KEY,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);
