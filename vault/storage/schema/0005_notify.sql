-- Who wants to be told of what, and what is still to be sent to whom.

-- `agent` is the WebID that subscribed, empty for nobody in particular. `since` is the newest notice of the pod when the
-- subscription was made, `position` the last one that was told; `due` is when a webhook may be called again.
CREATE TABLE subscriptions (
    pod TEXT NOT NULL REFERENCES pods (name),
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    topic TEXT NOT NULL,
    agent TEXT NOT NULL,
    ends BIGINT NOT NULL,
    position BIGINT NOT NULL,
    due BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (pod, id)
);

-- A channel is known by its id alone; notices look for it by their topic.
CREATE UNIQUE INDEX subscriptions_by_id ON subscriptions (id);
CREATE INDEX subscriptions_by_topic ON subscriptions (kind, pod, topic);
CREATE INDEX subscriptions_by_agent ON subscriptions (agent, ends);
CREATE INDEX subscriptions_by_end ON subscriptions (ends);

-- One row for each notice that a webhook has not taken yet; `dead`: nobody tries any more.
CREATE TABLE deliveries (
    pod TEXT NOT NULL,
    subscription TEXT NOT NULL,
    number BIGINT NOT NULL,
    dead INTEGER NOT NULL,
    PRIMARY KEY (pod, subscription, number)
);

CREATE INDEX deliveries_by_state ON deliveries (dead, pod, subscription, number);

-- How far the outbox has been shared out among the webhooks: one row.
CREATE TABLE sharing_out (
    id INTEGER NOT NULL PRIMARY KEY,
    place BIGINT NOT NULL
);
