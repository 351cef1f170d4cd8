-- Accounts: a machine has no password (an empty one fits nothing) and no address that mail reaches.
ALTER TABLE users ADD COLUMN kind TEXT NOT NULL DEFAULT 'person';
ALTER TABLE users ADD COLUMN email_verified_at TIMESTAMPTZ;
ALTER TABLE users ADD COLUMN password_changed_at TIMESTAMPTZ;

-- How a session was begun: names of factors, when they were proven, for which program, within which
-- limits, and who acts in it when that is not its owner.
ALTER TABLE sessions ADD COLUMN factors TEXT NOT NULL DEFAULT 'password';
ALTER TABLE sessions ADD COLUMN authenticated_at TIMESTAMPTZ;
ALTER TABLE sessions ADD COLUMN client_id TEXT;
ALTER TABLE sessions ADD COLUMN scope TEXT;
ALTER TABLE sessions ADD COLUMN actor TEXT;

-- Second factors of which an account has one each. `secret` is sealed: the key of a TOTP, the number
-- of a telephone, nothing for e-mail. `last_step` is the newest TOTP step that was used.
CREATE TABLE factors (
    user_id UUID NOT NULL,
    kind TEXT NOT NULL,
    secret BYTEA NOT NULL,
    last_step BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    confirmed_at TIMESTAMPTZ,
    last_used_at TIMESTAMPTZ,
    PRIMARY KEY (user_id, kind)
);

-- Codes for the day the telephone is lost. Keyed hashes; a used one is removed.
CREATE TABLE recovery_codes (
    user_id UUID NOT NULL,
    hash BYTEA NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, hash)
);

-- Passkeys. `credential` is the public part as the library keeps it.
CREATE TABLE passkeys (
    id BYTEA PRIMARY KEY,
    user_id UUID NOT NULL,
    name TEXT NOT NULL,
    credential TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    last_used_at TIMESTAMPTZ
);
CREATE INDEX passkeys_user ON passkeys (user_id);

-- What was asked of somebody and is good for one answer: codes and links (keyed hashes of the
-- secret), and the state of a passkey ceremony (sealed).
CREATE TABLE challenges (
    id UUID PRIMARY KEY,
    kind TEXT NOT NULL,
    user_id UUID,
    hash BYTEA NOT NULL,
    state BYTEA NOT NULL,
    tries BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX challenges_expiry ON challenges (expires_at);
CREATE INDEX challenges_user ON challenges (user_id, kind);
