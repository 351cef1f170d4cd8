-- Event store, outbox and topic in one append-only table (architecture, section 4).
CREATE TABLE events (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id UUID NOT NULL,
    type TEXT NOT NULL,
    version BIGINT NOT NULL,
    subject TEXT NOT NULL,
    subject_version BIGINT NOT NULL,
    owner UUID,
    actor UUID,
    trace TEXT,
    time TIMESTAMPTZ NOT NULL,
    data JSONB,
    UNIQUE (subject, subject_version)
);
-- Finds what to blank when a user is erased.
CREATE INDEX events_owner ON events (owner, seq);

CREATE TABLE snapshots (
    subject TEXT NOT NULL,
    subject_version BIGINT NOT NULL,
    owner UUID,
    time TIMESTAMPTZ NOT NULL,
    data JSONB NOT NULL,
    PRIMARY KEY (subject, subject_version)
);
CREATE INDEX snapshots_owner ON snapshots (owner);

-- How far each subscription has come in each source; moves with the effects it stands for.
CREATE TABLE positions (
    subscription TEXT NOT NULL,
    source TEXT NOT NULL,
    seq BIGINT NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (subscription, source)
);

-- Events that failed, and later events of the same subject that wait behind them.
CREATE TABLE held_events (
    subscription TEXT NOT NULL,
    source TEXT NOT NULL,
    seq BIGINT NOT NULL,
    subject TEXT NOT NULL,
    type TEXT NOT NULL,
    owner UUID,
    attempts BIGINT NOT NULL,
    next_at TIMESTAMPTZ NOT NULL,
    dead BOOLEAN NOT NULL,
    cause TEXT NOT NULL,
    held_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (subscription, source, seq)
);
CREATE INDEX held_events_subject ON held_events (subscription, source, subject, seq);

-- Owners whose data was erased: events about them are skipped for ever, and none can be added.
CREATE TABLE erased_owners (
    owner UUID PRIMARY KEY,
    erased_at TIMESTAMPTZ NOT NULL
);
