-- The append-only tables: what happened, and what others are to be told of it.

-- One chain per pod; the chain of the empty pod name holds the acts that concern no pod.
CREATE TABLE audit (
    pod TEXT NOT NULL,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    event TEXT NOT NULL,
    actor TEXT NOT NULL,
    subject TEXT NOT NULL,
    facts TEXT NOT NULL,
    previous TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (pod, number)
);

-- Numbers only grow within a pod, so a reader's place stays true when old notices are deleted.
CREATE TABLE outbox (
    pod TEXT NOT NULL,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    topic TEXT NOT NULL,
    kind TEXT NOT NULL,
    target TEXT,
    state TEXT,
    PRIMARY KEY (pod, number)
);

CREATE INDEX outbox_by_time ON outbox (at);

-- One row that /readyz writes, to know that the store takes writes.
CREATE TABLE heartbeat (
    id INTEGER NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL
);
