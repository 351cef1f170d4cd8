-- Keys of programs. `hash` is a keyed hash of the whole key.
CREATE TABLE api_keys (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL,
    name TEXT NOT NULL,
    hash BYTEA NOT NULL,
    scope TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    last_used_at TIMESTAMPTZ,
    revoked_at TIMESTAMPTZ
);
CREATE INDEX api_keys_user ON api_keys (user_id, id);
CREATE INDEX api_keys_revoked ON api_keys (revoked_at) WHERE revoked_at IS NOT NULL;

-- What people prefer: a JSON object that only their programs understand.
CREATE TABLE user_preferences (
    user_id UUID PRIMARY KEY,
    preferences JSONB NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

-- Finds whose tokens count no more.
CREATE INDEX users_disabled ON users (disabled_at) WHERE disabled_at IS NOT NULL;
-- Finds the link that somebody follows.
CREATE INDEX challenges_hash ON challenges (hash);
