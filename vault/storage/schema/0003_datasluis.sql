-- The data lock: participants belong to no pod; requests, grants and deposits are the pod's own.

CREATE TABLE participants (
    id TEXT NOT NULL PRIMARY KEY,
    webid TEXT NOT NULL UNIQUE,
    record TEXT NOT NULL
);

CREATE TABLE requests (
    pod TEXT NOT NULL REFERENCES pods (name),
    id TEXT NOT NULL,
    data_user TEXT NOT NULL,
    state TEXT NOT NULL,
    version BIGINT NOT NULL,
    submitted BIGINT NOT NULL,
    lapses BIGINT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (pod, id)
);

-- A data user knows the request by its id alone, and its requests reach over many pods.
CREATE INDEX requests_by_id ON requests (id);
CREATE INDEX requests_by_time ON requests (pod, submitted);
CREATE INDEX requests_by_data_user ON requests (data_user, submitted);
CREATE INDEX requests_by_lapse ON requests (state, lapses);

-- `until` is spelled `ends` here: the other word is reserved in some dialects.
CREATE TABLE grants (
    pod TEXT NOT NULL REFERENCES pods (name),
    id TEXT NOT NULL,
    request TEXT NOT NULL,
    data_user TEXT NOT NULL,
    state TEXT NOT NULL,
    version BIGINT NOT NULL,
    since BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (pod, id)
);

CREATE INDEX grants_by_id ON grants (id);
CREATE INDEX grants_by_request ON grants (request);
CREATE INDEX grants_by_time ON grants (pod, since);
CREATE INDEX grants_by_data_user ON grants (data_user, since);
CREATE INDEX grants_by_end ON grants (state, ends);

CREATE TABLE deposits (
    pod TEXT NOT NULL REFERENCES pods (name),
    path TEXT NOT NULL,
    data_type TEXT NOT NULL,
    reference TEXT NOT NULL,
    delivered BIGINT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (pod, path)
);

CREATE INDEX deposits_by_reference ON deposits (pod, data_type, reference);
