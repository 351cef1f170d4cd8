-- Answers already given, by Idempotency-Key. Only a hash of the key is kept, and the answer is sealed.
CREATE TABLE idempotency (
    principal UUID NOT NULL,
    operation TEXT NOT NULL,
    key_hash BYTEA NOT NULL,
    request_hash BYTEA NOT NULL,
    answer BYTEA,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (principal, operation, key_hash)
);
CREATE INDEX idempotency_age ON idempotency (created_at);
