"""What identity keeps of protocols: clients and consents, sessions, codes, tokens, keys and secrets.

Each row holds the whole value as JSON, beside the columns it is found by. `used` is a column, because it is what a
claim turns, in one statement.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime
from typing import Any

from vault.identity.accounts import Code, Consent, RefreshToken, Session
from vault.identity.clients import Client
from vault.identity.ports import Jwk
from vault.storage.engines import Transaction
from vault.storage.records import from_json, to_json, to_micros
from vault.values import AccountId, ClientId

_PUT_CLIENT = """
    INSERT INTO clients (id, account, record) VALUES (?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET account = excluded.account, record = excluded.record
"""
_CLIENT = "SELECT record FROM clients WHERE id = ?"
_REMOVE_CLIENT = "DELETE FROM clients WHERE id = ?"
_REGISTERED = "SELECT record FROM clients WHERE id > ? AND account IS NULL ORDER BY id LIMIT ?"
_CONSENTED = "SELECT 1 FROM consents WHERE client = ? LIMIT 1"
_REFRESHED = "SELECT 1 FROM refresh_tokens WHERE client = ? AND expires > ? LIMIT 1"
_CLIENTS_OF = "SELECT record FROM clients WHERE account = ?"
_CONSENTS_OF = "SELECT record FROM consents WHERE account = ?"
_CONSENT = "SELECT record FROM consents WHERE account = ? AND client = ?"
_PUT_CONSENT = """
    INSERT INTO consents (account, client, record) VALUES (?, ?, ?)
    ON CONFLICT (account, client) DO UPDATE SET record = excluded.record
"""
_REMOVE_CONSENT = "DELETE FROM consents WHERE account = ? AND client = ?"

_ADD_SESSION = "INSERT INTO sessions (id_hash, account, created, last_seen, record) VALUES (?, ?, ?, ?, ?)"
_SESSION = "SELECT record FROM sessions WHERE id_hash = ?"
_REPLACE_SESSION = "UPDATE sessions SET last_seen = ?, record = ? WHERE id_hash = ?"
_REMOVE_SESSION = "DELETE FROM sessions WHERE id_hash = ?"
_REMOVE_SESSIONS = "DELETE FROM sessions WHERE account = ?"
_SESSIONS_OF = "SELECT record FROM sessions WHERE account = ? ORDER BY last_seen DESC, id_hash"

_ADD_CODE = "INSERT INTO codes (code_hash, account, expires, used, record) VALUES (?, ?, ?, 0, ?)"
_CLAIM_CODE = "UPDATE codes SET used = 1 WHERE code_hash = ? AND used = 0 RETURNING record"
_CODE = "SELECT record FROM codes WHERE code_hash = ?"

_ADD_REFRESH = """
    INSERT INTO refresh_tokens (token_hash, family, account, client, expires, used, record)
    VALUES (?, ?, ?, ?, ?, 0, ?)
"""
_CLAIM_REFRESH = "UPDATE refresh_tokens SET used = 1 WHERE token_hash = ? AND used = 0 RETURNING record"
_REFRESH = "SELECT record FROM refresh_tokens WHERE token_hash = ?"
_REFRESH_AS_IT_IS = "SELECT record, used FROM refresh_tokens WHERE token_hash = ?"
_END_FAMILY = "DELETE FROM refresh_tokens WHERE family = ?"
_END_ACCOUNT = "DELETE FROM refresh_tokens WHERE account = ?"
_END_CLIENT = "DELETE FROM refresh_tokens WHERE account = ? AND client = ?"

_PUSH = "INSERT INTO pushed_requests (uri_hash, expires, record) VALUES (?, ?, ?)"
_PUSHED = "SELECT record FROM pushed_requests WHERE uri_hash = ? AND expires > ?"
_UNPUSH = "DELETE FROM pushed_requests WHERE uri_hash = ?"

_END_TOKEN = "INSERT INTO ended_tokens (token_hash, expires) VALUES (?, ?) ON CONFLICT DO NOTHING"  # noqa: S105
_ENDED_TOKEN = "SELECT 1 FROM ended_tokens WHERE token_hash = ?"  # noqa: S105

_KEYS = "SELECT record FROM signing_keys WHERE purpose = ? ORDER BY created DESC, number DESC"
_ADD_KEY = """
    INSERT INTO signing_keys (purpose, number, created, record)
    VALUES (?, (SELECT coalesce(max(number), 0) + 1 FROM signing_keys WHERE purpose = ?), ?, ?)
"""
_NUMBERED_KEYS = "SELECT number, record FROM signing_keys WHERE purpose = ?"
_REMOVE_KEY = "DELETE FROM signing_keys WHERE purpose = ? AND number = ?"
_SECRET = "SELECT value FROM secrets WHERE name = ?"  # noqa: S105
_ADD_SECRET = "INSERT INTO secrets (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING"  # noqa: S105


class SqlClients:
    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def put(self, client: Client, /) -> None:
        await self._transaction.run(_PUT_CLIENT, (client.id, client.account, to_json(client)))

    async def get(self, client: ClientId, /) -> Client | None:
        row = await self._transaction.one(_CLIENT, (client,))
        return None if row is None else from_json(Client, row[0])

    async def remove(self, client: ClientId, /) -> None:
        await self._transaction.run(_REMOVE_CLIENT, (client,))

    async def registered(self, after: str, /, *, limit: int) -> list[Client]:
        return [from_json(Client, row[0]) for row in await self._transaction.all(_REGISTERED, (after, limit))]

    async def in_use(self, client: ClientId, /, *, now: datetime) -> bool:
        if await self._transaction.one(_CONSENTED, (client,)) is not None:
            return True
        return await self._transaction.one(_REFRESHED, (client, to_micros(now))) is not None

    async def of(self, account: AccountId, /) -> list[Client]:
        found = [from_json(Client, row[0]) for row in await self._transaction.all(_CLIENTS_OF, (account,))]
        return sorted(found, key=lambda client: (client.created, client.id))

    async def consents(self, account: AccountId, /) -> list[Consent]:
        found = [from_json(Consent, row[0]) for row in await self._transaction.all(_CONSENTS_OF, (account,))]
        return sorted(found, key=lambda consent: consent.given, reverse=True)

    async def consent(self, account: AccountId, client: ClientId, /) -> Consent | None:
        row = await self._transaction.one(_CONSENT, (account, client))
        return None if row is None else from_json(Consent, row[0])

    async def put_consent(self, consent: Consent, /) -> None:
        await self._transaction.run(_PUT_CONSENT, (consent.account, consent.client, to_json(consent)))

    async def remove_consent(self, account: AccountId, client: ClientId, /) -> None:
        await self._transaction.run(_REMOVE_CONSENT, (account, client))


class SqlSessions:
    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, session: Session, /) -> None:
        created, last_seen = to_micros(session.created), to_micros(session.last_seen)
        values = (session.id_hash, session.account, created, last_seen, to_json(session))
        await self._transaction.run(_ADD_SESSION, values)

    async def get(self, id_hash: str, /) -> Session | None:
        row = await self._transaction.one(_SESSION, (id_hash,))
        return None if row is None else from_json(Session, row[0])

    async def replace(self, session: Session, /) -> None:
        """A session that was removed meanwhile stays removed."""
        await self._transaction.run(_REPLACE_SESSION, (to_micros(session.last_seen), to_json(session), session.id_hash))

    async def remove(self, id_hash: str, /) -> None:
        await self._transaction.run(_REMOVE_SESSION, (id_hash,))

    async def remove_all(self, account: AccountId, /) -> int:
        return await self._transaction.run(_REMOVE_SESSIONS, (account,))

    async def of(self, account: AccountId, /) -> list[Session]:
        return [from_json(Session, row[0]) for row in await self._transaction.all(_SESSIONS_OF, (account,))]


class SqlCodes:
    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, code: Code, /) -> None:
        values = (code.code_hash, code.account, to_micros(code.expires), to_json(replace(code, used=False)))
        await self._transaction.run(_ADD_CODE, values)

    async def claim(self, code_hash: str, /) -> Code | None:
        if first := await self._transaction.returning(_CLAIM_CODE, (code_hash,)):
            return from_json(Code, first[0][0])
        row = await self._transaction.one(_CODE, (code_hash,))
        return None if row is None else replace(from_json(Code, row[0]), used=True)


class SqlRefreshTokens:
    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, token: RefreshToken, /) -> None:
        record = to_json(replace(token, used=False))
        values = (token.token_hash, token.family, token.account, token.client, to_micros(token.expires), record)
        await self._transaction.run(_ADD_REFRESH, values)

    async def get(self, token_hash: str, /) -> RefreshToken | None:
        row = await self._transaction.one(_REFRESH_AS_IT_IS, (token_hash,))
        return None if row is None else replace(from_json(RefreshToken, row[0]), used=bool(row[1]))

    async def claim(self, token_hash: str, /) -> RefreshToken | None:
        if first := await self._transaction.returning(_CLAIM_REFRESH, (token_hash,)):
            return from_json(RefreshToken, first[0][0])
        row = await self._transaction.one(_REFRESH, (token_hash,))
        return None if row is None else replace(from_json(RefreshToken, row[0]), used=True)

    async def end_family(self, family: str, /) -> None:
        await self._transaction.run(_END_FAMILY, (family,))

    async def end_for(self, account: AccountId, client: ClientId | None, /) -> None:
        if client is None:
            await self._transaction.run(_END_ACCOUNT, (account,))
        else:
            await self._transaction.run(_END_CLIENT, (account, client))


class SqlPushedRequests:
    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, uri_hash: str, parameters: dict[str, str], /, *, expires: datetime) -> None:
        await self._transaction.run(_PUSH, (uri_hash, to_micros(expires), to_json(parameters)))

    async def get(self, uri_hash: str, /, *, now: datetime) -> dict[str, str] | None:
        row = await self._transaction.one(_PUSHED, (uri_hash, to_micros(now)))
        return None if row is None else from_json(dict[str, str], row[0])

    async def remove(self, uri_hash: str, /) -> bool:
        return await self._transaction.run(_UNPUSH, (uri_hash,)) == 1


class SqlEndedTokens:
    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, token_hash: str, /, *, expires: datetime) -> None:
        await self._transaction.run(_END_TOKEN, (token_hash, to_micros(expires)))

    async def has(self, token_hash: str, /) -> bool:
        return await self._transaction.one(_ENDED_TOKEN, (token_hash,)) is not None


class SqlSigningKeys:
    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def all(self, use: str, /) -> list[Jwk]:
        return [from_json(dict[str, Any], row[0]) for row in await self._transaction.all(_KEYS, (use,))]

    async def add(self, use: str, key: Jwk, /, *, created: datetime) -> None:
        await self._transaction.run(_ADD_KEY, (use, use, to_micros(created), to_json(key)))

    async def remove(self, use: str, key_id: str, /) -> None:
        for row in await self._transaction.all(_NUMBERED_KEYS, (use,)):
            if from_json(dict[str, Any], row[1]).get("kid") == key_id:
                await self._transaction.run(_REMOVE_KEY, (use, int(row[0])))


class SqlSecrets:
    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def get_or_make(self, name: str, /) -> str:
        """Making one needs a transaction that writes; finding one does not."""
        row = await self._transaction.one(_SECRET, (name,))
        if row is None:
            # Of two processes that make it at once, the second takes what the first wrote.
            await self._transaction.run(_ADD_SECRET, (name, secrets.token_hex(32)))
            row = await self._transaction.one(_SECRET, (name,))
        return str(row[0]) if row else ""
