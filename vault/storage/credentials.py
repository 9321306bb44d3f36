"""What people sign in with beside a password, and the mail that goes to them: passkeys, recovery codes, sign-ins
elsewhere, links and letters."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from vault.errors import Conflict
from vault.identity.credentials import Passkey, UpstreamLink
from vault.identity.letters import Letter, LinkPurpose, MailLink
from vault.storage.engines import Transaction
from vault.storage.records import from_json, to_json, to_micros
from vault.values import AccountId

_ADD_PASSKEY = "INSERT INTO passkeys (id, account, record) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_PASSKEY = "SELECT record FROM passkeys WHERE id = ?"
_PASSKEYS_OF = "SELECT record FROM passkeys WHERE account = ?"
_REPLACE_PASSKEY = "UPDATE passkeys SET record = ? WHERE id = ? AND account = ?"
_REMOVE_PASSKEY = "DELETE FROM passkeys WHERE account = ? AND id = ?"

_FORGET_CODES = "DELETE FROM recovery_codes WHERE account = ?"
_ADD_CODE = "INSERT INTO recovery_codes (account, code_hash) VALUES (?, ?)"
_COUNT_CODES = "SELECT count(*) FROM recovery_codes WHERE account = ?"
_CLAIM_CODE = "DELETE FROM recovery_codes WHERE account = ? AND code_hash = ?"

_UPSTREAM = "SELECT record FROM upstream_links WHERE issuer = ? AND subject = ?"
_PUT_UPSTREAM = """
    INSERT INTO upstream_links (issuer, subject, account, record) VALUES (?, ?, ?, ?)
    ON CONFLICT (issuer, subject) DO UPDATE SET record = excluded.record
    WHERE upstream_links.account = excluded.account
"""
_UPSTREAMS_OF = "SELECT record FROM upstream_links WHERE account = ? ORDER BY issuer, subject"
_REMOVE_UPSTREAM = "DELETE FROM upstream_links WHERE account = ? AND issuer = ? AND subject = ?"

_ADD_LINK = "INSERT INTO mail_links (id, account, purpose, expires, used, record) VALUES (?, ?, ?, ?, 0, ?)"
_LINK = "SELECT record, used FROM mail_links WHERE id = ?"
_CLAIM_LINK = "UPDATE mail_links SET used = 1 WHERE id = ? AND used = 0 RETURNING record"
_END_LINKS = "UPDATE mail_links SET used = 1 WHERE account = ? AND purpose = ?"

_ADD_LETTER = "INSERT INTO letters (id, due, given_up, record) VALUES (?, ?, ?, ?)"
_DUE = "SELECT record FROM letters WHERE given_up = 0 AND due <= ? ORDER BY due, id LIMIT ?"
_CLAIM_LETTER = """
    UPDATE letters SET due = ? WHERE id = (
        SELECT id FROM letters WHERE given_up = 0 AND due <= ? ORDER BY due, id LIMIT 1) RETURNING record
"""
_GIVE_BACK_LETTER = "UPDATE letters SET due = ?, given_up = ?, record = ? WHERE id = ? AND due = ?"
_REMOVE_LETTER = "DELETE FROM letters WHERE id = ?"
_GIVEN_UP = "SELECT record FROM letters WHERE given_up = 1 ORDER BY due DESC, id LIMIT ?"


class SqlPasskeys:
    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, passkey: Passkey, /) -> None:
        if not await self._transaction.run(_ADD_PASSKEY, (passkey.id, passkey.account, to_json(passkey))):
            raise Conflict("passkey-known", "This passkey is registered already.")

    async def get(self, credential_id: str, /) -> Passkey | None:
        row = await self._transaction.one(_PASSKEY, (credential_id,))
        return None if row is None else from_json(Passkey, row[0])

    async def of(self, account: AccountId, /) -> list[Passkey]:
        found = [from_json(Passkey, row[0]) for row in await self._transaction.all(_PASSKEYS_OF, (account,))]
        return sorted(found, key=lambda passkey: (passkey.created, passkey.id))

    async def replace(self, passkey: Passkey, /) -> None:
        await self._transaction.run(_REPLACE_PASSKEY, (to_json(passkey), passkey.id, passkey.account))

    async def remove(self, account: AccountId, credential_id: str, /) -> bool:
        return await self._transaction.run(_REMOVE_PASSKEY, (account, credential_id)) == 1


class SqlRecoveryCodes:
    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def replace_all(self, account: AccountId, code_hashes: frozenset[str], /) -> None:
        await self._transaction.run(_FORGET_CODES, (account,))
        for code_hash in sorted(code_hashes):
            await self._transaction.run(_ADD_CODE, (account, code_hash))

    async def count(self, account: AccountId, /) -> int:
        row = await self._transaction.one(_COUNT_CODES, (account,))
        return int(row[0]) if row else 0

    async def claim(self, account: AccountId, code_hash: str, /) -> bool:
        return await self._transaction.run(_CLAIM_CODE, (account, code_hash)) == 1


class SqlUpstreamLinks:
    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def get(self, issuer: str, subject: str, /) -> UpstreamLink | None:
        row = await self._transaction.one(_UPSTREAM, (issuer, subject))
        return None if row is None else from_json(UpstreamLink, row[0])

    async def put(self, link: UpstreamLink, /) -> None:
        if not await self._transaction.run(_PUT_UPSTREAM, (link.issuer, link.subject, link.account, to_json(link))):
            raise Conflict("upstream-taken", "Another account signs in this way.")

    async def of(self, account: AccountId, /) -> list[UpstreamLink]:
        return [from_json(UpstreamLink, row[0]) for row in await self._transaction.all(_UPSTREAMS_OF, (account,))]

    async def remove(self, account: AccountId, issuer: str, subject: str, /) -> bool:
        return await self._transaction.run(_REMOVE_UPSTREAM, (account, issuer, subject)) == 1


class SqlMailLinks:
    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, link: MailLink, /) -> None:
        record = to_json(replace(link, used=False))
        values = (link.id, link.account, link.purpose.value, to_micros(link.expires), record)
        await self._transaction.run(_ADD_LINK, values)

    async def get(self, link_id: str, /) -> MailLink | None:
        row = await self._transaction.one(_LINK, (link_id,))
        return None if row is None else replace(from_json(MailLink, row[0]), used=bool(row[1]))

    async def claim(self, link_id: str, /) -> MailLink | None:
        if first := await self._transaction.returning(_CLAIM_LINK, (link_id,)):
            return from_json(MailLink, first[0][0])
        return await self.get(link_id)

    async def end_for(self, account: AccountId, purpose: LinkPurpose, /) -> None:
        await self._transaction.run(_END_LINKS, (account, purpose.value))


class SqlLetters:
    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, letter: Letter, /) -> None:
        values = (letter.id, to_micros(letter.due), int(letter.given_up), to_json(letter))
        await self._transaction.run(_ADD_LETTER, values)

    async def due(self, now: datetime, /, *, limit: int) -> list[Letter]:
        return [from_json(Letter, row[0]) for row in await self._transaction.all(_DUE, (to_micros(now), limit))]

    async def claim(self, now: datetime, /, *, until: datetime) -> Letter | None:
        rows = await self._transaction.returning(_CLAIM_LETTER, (to_micros(until), to_micros(now)))
        return replace(from_json(Letter, rows[0][0]), due=until) if rows else None

    async def give_back(self, letter: Letter, /, *, lease: datetime) -> None:
        values = (to_micros(letter.due), int(letter.given_up), to_json(letter), letter.id, to_micros(lease))
        await self._transaction.run(_GIVE_BACK_LETTER, values)

    async def remove(self, letter_id: str, /) -> None:
        await self._transaction.run(_REMOVE_LETTER, (letter_id,))

    async def given_up(self, /, *, limit: int) -> list[Letter]:
        return [from_json(Letter, row[0]) for row in await self._transaction.all(_GIVEN_UP, (limit,))]
