-- No operation has ever written the first table of this name: it is made anew.
DROP TABLE passkeys;

CREATE TABLE passkeys (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL,
    -- The authenticator's own name for it: at most 1,023 bytes.
    credential_id BYTEA NOT NULL UNIQUE,
    -- A JSON Web Key.
    public_key TEXT NOT NULL,
    name TEXT NOT NULL,
    -- Between blanks: how browsers reach the authenticator.
    transports TEXT NOT NULL,
    -- Uses, as the authenticator counts them; 0 when it does not.
    counter BIGINT NOT NULL,
    -- May it be copied to other devices, and was it when it was last used?
    backup_eligible BOOLEAN NOT NULL,
    backed_up BOOLEAN NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    last_used_at TIMESTAMPTZ
);
CREATE INDEX passkeys_user ON passkeys (user_id);
