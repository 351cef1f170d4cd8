-- Whom there is to tell: a projection of identity's events. seq counts the changes of a person's list.
CREATE TABLE people (
    user_id UUID PRIMARY KEY,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    known BOOLEAN NOT NULL,
    seq BIGINT NOT NULL
);

-- D-093, A-130
CREATE TABLE notification_preferences (
    user_id UUID PRIMARY KEY,
    preferences JSONB NOT NULL,
    version BIGINT NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

-- D-092, A-129. A hidden one (dismissed or revoked) stays for a while without its words, so that every
-- device hears that it is gone.
CREATE TABLE notifications (
    owner UUID NOT NULL,
    id UUID NOT NULL,
    seq BIGINT NOT NULL,
    type TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    link TEXT,
    cause TEXT,
    state TEXT NOT NULL,
    unread BOOLEAN NOT NULL,
    hidden BOOLEAN NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (owner, id)
);
CREATE INDEX notifications_newest ON notifications (owner, hidden, created_at, id);
CREATE INDEX notifications_unread ON notifications (owner, unread);
CREATE INDEX notifications_changes ON notifications (owner, seq);
CREATE INDEX notifications_hidden ON notifications (hidden, changed_at);
CREATE INDEX notifications_id ON notifications (id);

-- What went, or is to go, another way than the list. target tells apart several devices of one channel.
CREATE TABLE deliveries (
    owner UUID NOT NULL,
    notification UUID NOT NULL,
    channel TEXT NOT NULL,
    target UUID NOT NULL,
    type TEXT NOT NULL,
    title TEXT NOT NULL,
    sending UUID,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    cause TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (owner, notification, channel, target)
);
CREATE INDEX deliveries_waiting ON deliveries (owner, channel, state, created_at);
CREATE INDEX deliveries_sending ON deliveries (sending, state);
CREATE INDEX deliveries_old ON deliveries (changed_at);

-- Devices and systems that asked to be told.
CREATE TABLE targets (
    id UUID PRIMARY KEY,
    owner UUID NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    sealed TEXT NOT NULL,
    fingerprint BYTEA NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    UNIQUE (owner, fingerprint)
);

-- Addresses that nothing is sent to any more: they bounced or complained. Only hashes.
CREATE TABLE suppressions (
    address BYTEA PRIMARY KEY,
    cause TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

-- D-094, A-131. The newest version of a type and a locale counts; without one, the built-in.
CREATE TABLE notification_templates (
    type TEXT NOT NULL,
    locale TEXT NOT NULL,
    version BIGINT NOT NULL,
    template JSONB NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (type, locale, version)
);

-- What was asked to be sent to several people, later, or again and again.
CREATE TABLE sendings (
    id UUID PRIMARY KEY,
    author UUID NOT NULL,
    audience JSONB NOT NULL,
    message JSONB NOT NULL,
    state TEXT NOT NULL,
    run_at TIMESTAMPTZ NOT NULL,
    repeat JSONB,
    round BIGINT NOT NULL,
    place UUID NOT NULL,
    told BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);
