-- Everything searchable, written exactly once by event subscriptions. The index is computed from
-- it. Every row change takes the next number of `changes`, so that reading by number misses none.
-- A removed document stays for a while without its words (deleted), so that the index hears of it;
-- an erased owner is one such row with an empty kind and the owner as its key (A-112).
CREATE TABLE documents (
    key UUID PRIMARY KEY,
    change BIGINT NOT NULL,
    owner UUID NOT NULL,
    kind TEXT NOT NULL,
    deleted BOOLEAN NOT NULL,
    time TIMESTAMPTZ NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL,
    title TEXT NOT NULL,
    tags JSONB NOT NULL,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX documents_change ON documents (change);
CREATE INDEX documents_owner ON documents (owner);

-- One row. Whoever changes documents locks it first, so commits come in the order of numbers.
--   last      the newest number taken
--   floor     rows up to this number may be gone: an index that has not come so far starts anew
--   whole_at  sum of the positions from which on the table holds everything again, after a replay
CREATE TABLE changes (
    id BIGINT PRIMARY KEY,
    last BIGINT NOT NULL,
    floor BIGINT NOT NULL,
    whole_at BIGINT NOT NULL
);
INSERT INTO changes (id, last, floor, whole_at) VALUES (1, 0, 0, 0);

-- What people searched for, one row per question (A-110, A-113).
CREATE TABLE search_history (
    owner UUID NOT NULL,
    query TEXT NOT NULL,
    times BIGINT NOT NULL,
    results BIGINT NOT NULL,
    searched_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (owner, query)
);
CREATE INDEX search_history_recent ON search_history (owner, searched_at, query);
CREATE INDEX search_history_age ON search_history (searched_at);

-- A-114
CREATE TABLE search_preferences (
    owner UUID PRIMARY KEY,
    record_history BOOLEAN NOT NULL,
    default_types JSONB NOT NULL,
    version BIGINT NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
