-- What turns events into messages, as administrators write it. cause is the last one why it failed.
CREATE TABLE notification_rules (
    id UUID PRIMARY KEY,
    event TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    rule JSONB NOT NULL,
    version BIGINT NOT NULL,
    author UUID NOT NULL,
    fired BIGINT NOT NULL,
    throttled BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    cause TEXT,
    fired_at TIMESTAMPTZ,
    enabled_at TIMESTAMPTZ NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX notification_rules_event ON notification_rules (enabled, event);

-- Roles and groups of people, for rules that tell those: a projection of identity's events.
CREATE TABLE memberships (
    user_id UUID NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (user_id, kind, name)
);
CREATE INDEX memberships_name ON memberships (kind, name, user_id);
