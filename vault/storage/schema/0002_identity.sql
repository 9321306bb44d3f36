-- Who can sign in, and through which clients. These facts belong to no pod; `record` is the whole value as JSON, and
-- the columns beside it are what it is found by.

CREATE TABLE accounts (
    id TEXT NOT NULL PRIMARY KEY,
    email_key TEXT NOT NULL UNIQUE,
    webid TEXT NOT NULL UNIQUE,
    pod TEXT NOT NULL UNIQUE,
    record TEXT NOT NULL
);

CREATE TABLE national_numbers (
    keyed_hash TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id)
);

CREATE INDEX national_numbers_by_account ON national_numbers (account);

CREATE TABLE clients (
    id TEXT NOT NULL PRIMARY KEY,
    record TEXT NOT NULL
);

CREATE TABLE consents (
    account TEXT NOT NULL REFERENCES accounts (id),
    client TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (account, client)
);

CREATE TABLE sessions (
    id_hash TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id),
    created BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    record TEXT NOT NULL
);

CREATE INDEX sessions_by_account ON sessions (account);
CREATE INDEX sessions_by_last_seen ON sessions (last_seen);
CREATE INDEX sessions_by_created ON sessions (created);

CREATE TABLE codes (
    code_hash TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id),
    expires BIGINT NOT NULL,
    used INTEGER NOT NULL,
    record TEXT NOT NULL
);

CREATE INDEX codes_by_account ON codes (account);
CREATE INDEX codes_by_expiry ON codes (expires);

CREATE TABLE refresh_tokens (
    token_hash TEXT NOT NULL PRIMARY KEY,
    family TEXT NOT NULL,
    account TEXT NOT NULL REFERENCES accounts (id),
    client TEXT NOT NULL,
    expires BIGINT NOT NULL,
    used INTEGER NOT NULL,
    record TEXT NOT NULL
);

CREATE INDEX refresh_tokens_by_family ON refresh_tokens (family);
CREATE INDEX refresh_tokens_by_account ON refresh_tokens (account, client);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires);

CREATE TABLE signing_keys (
    purpose TEXT NOT NULL,
    number INTEGER NOT NULL,
    created BIGINT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (purpose, number)
);

CREATE TABLE secrets (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
