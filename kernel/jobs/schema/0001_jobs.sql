-- Work with effects outside the database, and durable timers. A finished job's row is gone.
CREATE TABLE jobs (
    id UUID PRIMARY KEY,
    kind TEXT NOT NULL,
    key TEXT,
    payload JSONB NOT NULL,
    owner UUID,
    run_at TIMESTAMPTZ NOT NULL,
    deadline TIMESTAMPTZ,
    attempts BIGINT NOT NULL,
    lease UUID,
    lease_until TIMESTAMPTZ,
    dead BOOLEAN NOT NULL,
    cause TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    UNIQUE (kind, key)
);
CREATE INDEX jobs_due ON jobs (dead, run_at);
CREATE INDEX jobs_owner ON jobs (owner);
