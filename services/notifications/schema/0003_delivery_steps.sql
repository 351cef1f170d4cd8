-- Every try of a delivery, and every report of what became of it, in order.
CREATE TABLE delivery_steps (
    owner UUID NOT NULL,
    notification UUID NOT NULL,
    channel TEXT NOT NULL,
    target UUID NOT NULL,
    number BIGINT NOT NULL,
    state TEXT NOT NULL,
    cause TEXT,
    at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (owner, notification, channel, target, number)
);
CREATE INDEX delivery_steps_old ON delivery_steps (at);

-- Deliveries of a sending or a rule are read page by page.
DROP INDEX deliveries_sending;
CREATE INDEX deliveries_sending ON deliveries (sending, owner, notification, channel, target);
