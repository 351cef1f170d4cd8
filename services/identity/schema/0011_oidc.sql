-- Programs that sign people in here, or act by themselves. Lists are text between spaces.
CREATE TABLE oauth_clients (
    id UUID PRIMARY KEY,
    name TEXT NOT NULL,
    -- SHA-256 of the secret; none for programs that cannot keep one.
    secret BYTEA,
    grants TEXT NOT NULL,
    scope TEXT NOT NULL,
    redirect_uris TEXT NOT NULL,
    logout_uris TEXT NOT NULL,
    backchannel_uri TEXT,
    trusted BOOLEAN NOT NULL,
    -- The account that it acts as when it acts by itself.
    account_id UUID,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

-- Browsers in which somebody is signed in for the pages. The cookie holds what `hash` is made of.
CREATE TABLE browser_sessions (
    hash BYTEA PRIMARY KEY,
    session_id UUID NOT NULL
);

-- Authorization codes: good once, for a minute.
CREATE TABLE oauth_codes (
    hash BYTEA PRIMARY KEY,
    client_id UUID NOT NULL,
    -- The session of the browser that it was made in.
    browser UUID NOT NULL,
    redirect_uri TEXT NOT NULL,
    challenge TEXT NOT NULL,
    scope TEXT NOT NULL,
    nonce TEXT,
    expires_at TIMESTAMPTZ NOT NULL,
    -- The session that it was exchanged for.
    session_id UUID
);
CREATE INDEX oauth_codes_expiry ON oauth_codes (expires_at);

-- Sessions that belong to a program, and the session of the browser that they were granted in.
CREATE TABLE oauth_grants (
    session_id UUID PRIMARY KEY,
    client_id UUID NOT NULL,
    user_id UUID NOT NULL,
    browser UUID NOT NULL
);
CREATE INDEX oauth_grants_user ON oauth_grants (user_id, client_id);
CREATE INDEX oauth_grants_browser ON oauth_grants (browser);
CREATE INDEX oauth_grants_client ON oauth_grants (client_id);

-- What people have allowed programs.
CREATE TABLE oauth_consents (
    user_id UUID NOT NULL,
    client_id UUID NOT NULL,
    scope TEXT NOT NULL,
    granted_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, client_id)
);

-- Devices that wait to be let in (RFC 8628). `state` is waiting, allowed or denied; `browser` is the
-- session of whoever decided.
CREATE TABLE oauth_devices (
    hash BYTEA PRIMARY KEY,
    user_code TEXT NOT NULL UNIQUE,
    client_id UUID NOT NULL,
    scope TEXT NOT NULL,
    state TEXT NOT NULL,
    browser UUID,
    wait_seconds BIGINT NOT NULL,
    polled_at TIMESTAMPTZ,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX oauth_devices_expiry ON oauth_devices (expires_at);
