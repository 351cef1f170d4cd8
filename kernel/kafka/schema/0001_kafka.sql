-- The relay of the service that owns this database: how far its log has been published, and who may
-- publish (a lease; the epoch grows with every change of hands and fences the former holder).
CREATE TABLE kafka_relay (
    source TEXT PRIMARY KEY,
    seq BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    holder UUID,
    expires_at TIMESTAMPTZ NOT NULL
);
