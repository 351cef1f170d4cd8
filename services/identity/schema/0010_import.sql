-- Files of accounts that were imported, by their content. `records` moves with the accounts it counts.
CREATE TABLE user_imports (
    file BYTEA PRIMARY KEY,
    records BIGINT NOT NULL,
    made BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ
);

-- Records that were refused: where in the file, and why. Nothing of their content.
CREATE TABLE user_import_refusals (
    file BYTEA NOT NULL,
    record BIGINT NOT NULL,
    line BIGINT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (file, record)
);
