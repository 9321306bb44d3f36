-- Pods and what stands in them. Times are whole microseconds since 1970 in UTC; text sorts by code point.

CREATE TABLE pods (
    name TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    created BIGINT NOT NULL,
    quota_bytes BIGINT NOT NULL,
    used_bytes BIGINT NOT NULL,
    version BIGINT NOT NULL -- the last version given out in this pod
);

-- `parent` is NULL for a storage and for auxiliaries: they are in no listing (PR-36).
-- A body stands in the row, or under `sha256` among the blobs; exactly one of the two is set.
CREATE TABLE resources (
    pod TEXT NOT NULL REFERENCES pods (name),
    path TEXT NOT NULL,
    parent TEXT,
    kind TEXT NOT NULL,
    media_type TEXT NOT NULL,
    version BIGINT NOT NULL,
    modified BIGINT NOT NULL,
    size BIGINT NOT NULL,
    sha256 TEXT,
    body BLOB,
    PRIMARY KEY (pod, path),
    CHECK ((sha256 IS NULL) <> (body IS NULL))
);

CREATE INDEX resources_by_parent ON resources (pod, parent, path);

-- Blobs are shared by all pods, so the sweep asks for them by their hash alone.
CREATE INDEX resources_by_blob ON resources (sha256) WHERE sha256 IS NOT NULL;
