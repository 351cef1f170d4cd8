-- A-030, A-031. Tags stand in the row for reading, and in thought_tags for finding.
CREATE TABLE thoughts (
    id UUID PRIMARY KEY,
    owner UUID NOT NULL,
    text TEXT NOT NULL,
    tags JSONB NOT NULL,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX thoughts_newest ON thoughts (owner, created_at, id);

-- A thought tagged work/ideas is found under work/ideas (direct) and under work (not direct).
CREATE TABLE thought_tags (
    owner UUID NOT NULL,
    tag TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    thought_id UUID NOT NULL,
    direct BOOLEAN NOT NULL,
    PRIMARY KEY (owner, tag, created_at, thought_id)
);
CREATE INDEX thought_tags_thought ON thought_tags (thought_id);
