-- What an account holds beside its password, and what is sent to people. These facts belong to no pod, but for the pods
-- themselves.

-- A WebID signs in through one account. It is that of a pod here, or one elsewhere whose document names this server.
CREATE TABLE webids (
    webid TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id)
);

CREATE INDEX webids_by_account ON webids (account);

-- The pods of an account, each with the WebID that owns it.
CREATE TABLE account_pods (
    pod TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id),
    webid TEXT NOT NULL
);

CREATE INDEX account_pods_by_account ON account_pods (account);

INSERT INTO webids (webid, account) SELECT webid, id FROM accounts;
INSERT INTO account_pods (pod, account, webid) SELECT pod, id, webid FROM accounts;

-- When an account that is being closed goes for good; NULL for all others.
ALTER TABLE accounts ADD COLUMN closes BIGINT;

CREATE INDEX accounts_by_closing ON accounts (closes);

-- Whose credentials a client is; NULL for an app. Account ids are random, so that finding one in a record is proof.
ALTER TABLE clients ADD COLUMN account TEXT;

UPDATE clients SET account = (
    SELECT a.id FROM accounts a WHERE clients.record LIKE '%"account":"' || a.id || '"%'
);

CREATE INDEX clients_by_account ON clients (account);

-- Whether anybody still has to do with a client that registered itself.
CREATE INDEX consents_by_client ON consents (client);
CREATE INDEX refresh_tokens_by_client ON refresh_tokens (client, expires);

CREATE TABLE passkeys (
    id TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id),
    record TEXT NOT NULL
);

CREATE INDEX passkeys_by_account ON passkeys (account);

CREATE TABLE recovery_codes (
    account TEXT NOT NULL REFERENCES accounts (id),
    code_hash TEXT NOT NULL,
    PRIMARY KEY (account, code_hash)
);

-- Who a person is at the provider that this server sends people to.
CREATE TABLE upstream_links (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    account TEXT NOT NULL REFERENCES accounts (id),
    record TEXT NOT NULL,
    PRIMARY KEY (issuer, subject)
);

CREATE INDEX upstream_links_by_account ON upstream_links (account);

-- Links that were mailed. The link itself is made from `id` under a secret of the server, and stored nowhere.
CREATE TABLE mail_links (
    id TEXT NOT NULL PRIMARY KEY,
    account TEXT,
    purpose TEXT NOT NULL,
    expires BIGINT NOT NULL,
    used INTEGER NOT NULL,
    record TEXT NOT NULL
);

CREATE INDEX mail_links_by_account ON mail_links (account, purpose);
CREATE INDEX mail_links_by_expiry ON mail_links (expires);

-- Letters to be sent: written in the transaction that gives reason for them. `due` is when a sender may take it, and
-- while one has it, when that sender's lease ends. `given_up`: nobody tries any more.
CREATE TABLE letters (
    id TEXT NOT NULL PRIMARY KEY,
    due BIGINT NOT NULL,
    given_up INTEGER NOT NULL,
    record TEXT NOT NULL
);

CREATE INDEX letters_by_due ON letters (given_up, due);

-- Authorization requests that clients pushed (RFC 9126), each for one use.
CREATE TABLE pushed_requests (
    uri_hash TEXT NOT NULL PRIMARY KEY,
    expires BIGINT NOT NULL,
    record TEXT NOT NULL
);

CREATE INDEX pushed_requests_by_expiry ON pushed_requests (expires);

-- Access tokens that ended before their time (RFC 7009), by the hash of their id.
CREATE TABLE ended_tokens (
    token_hash TEXT NOT NULL PRIMARY KEY,
    expires BIGINT NOT NULL
);

CREATE INDEX ended_tokens_by_expiry ON ended_tokens (expires);
