-- What happened in one hour (UTC, hours since 1970) to one account, or, with the nil UUID as owner, to
-- the whole platform. Wide on purpose: an event is one upsert of two rows, whatever it changes.
-- Days, weeks and months are sums of hours, so no second rollup can disagree with this one.
CREATE TABLE hours (
    owner UUID NOT NULL,
    hour BIGINT NOT NULL,
    written BIGINT NOT NULL,        -- thoughts written in this hour, later deleted ones too
    living BIGINT NOT NULL,         -- those of them that exist still
    words BIGINT NOT NULL,          -- in the living ones
    characters BIGINT NOT NULL,     -- in the living ones
    edits BIGINT NOT NULL,
    deletions BIGINT NOT NULL,
    sign_ins BIGINT NOT NULL,
    registrations BIGINT NOT NULL,
    departures BIGINT NOT NULL,
    events BIGINT NOT NULL,
    PRIMARY KEY (owner, hour)
);
-- Finds who was active in a period.
CREATE INDEX hours_hour ON hours (hour, owner);

-- What a thought adds to the counts, so that its change or end takes away exactly that.
CREATE TABLE thoughts (
    owner UUID NOT NULL,
    thought UUID NOT NULL,
    hour BIGINT NOT NULL,
    words BIGINT NOT NULL,
    characters BIGINT NOT NULL,
    tags JSONB NOT NULL,
    PRIMARY KEY (owner, thought)
);

-- Living thoughts per tag.
CREATE TABLE tag_counts (
    owner UUID NOT NULL,
    tag TEXT NOT NULL,
    thoughts BIGINT NOT NULL,
    PRIMARY KEY (owner, tag)
);

-- What an account did, newest last by id (UUIDv7); kept for a bounded time.
CREATE TABLE activity (
    owner UUID NOT NULL,
    id UUID NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    PRIMARY KEY (owner, id)
);
-- Finds what is old enough to go.
CREATE INDEX activity_at ON activity (at);
