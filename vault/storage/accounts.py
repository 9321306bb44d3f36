"""Accounts, the WebIDs and pods they hold, and the national numbers that lead to them.

The columns beside a record are what it is found by. An account's first WebID and first pod stand in the tables of all
WebIDs and pods too, so that there is one place to look.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from vault.errors import Conflict, Missing
from vault.identity.accounts import Account, HeldPod, email_key
from vault.storage.engines import Row, Transaction
from vault.storage.records import from_json, to_json, to_micros
from vault.values import AccountId, PodName, WebId

_ADD_ACCOUNT = """
    INSERT INTO accounts (id, email_key, webid, pod, closes, record) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
_ACCOUNT_LIKE = """
    SELECT id FROM accounts WHERE email_key = ? AND id <> ?
    UNION SELECT account FROM webids WHERE webid = ? AND account <> ?
    UNION SELECT account FROM account_pods WHERE pod = ? AND account <> ?
"""
_REPLACE_ACCOUNT = "UPDATE accounts SET email_key = ?, webid = ?, pod = ?, closes = ?, record = ? WHERE id = ?"
_ACCOUNT = "SELECT record FROM accounts WHERE id = ?"
_ACCOUNT_BY_EMAIL = "SELECT record FROM accounts WHERE email_key = ?"
_ACCOUNT_BY_WEBID = "SELECT a.record FROM webids w JOIN accounts a ON a.id = w.account WHERE w.webid = ?"
_ACCOUNT_BY_POD = "SELECT a.record FROM account_pods p JOIN accounts a ON a.id = p.account WHERE p.pod = ?"
_ACCOUNT_BY_NUMBER = """
    SELECT a.record FROM national_numbers n JOIN accounts a ON a.id = n.account WHERE n.keyed_hash = ?
"""
_LISTED = "SELECT record FROM accounts WHERE email_key > ? ORDER BY email_key LIMIT ?"
_CLOSING = "SELECT record FROM accounts WHERE closes <= ? ORDER BY closes LIMIT ?"

_ADD_NUMBER = "INSERT INTO national_numbers (keyed_hash, account) VALUES (?, ?)"
_FORGET_NUMBERS = "DELETE FROM national_numbers WHERE account = ?"
_NUMBER_HOLDER = "SELECT account FROM national_numbers WHERE keyed_hash = ?"

_ADD_WEBID = "INSERT INTO webids (webid, account) VALUES (?, ?) ON CONFLICT DO NOTHING"
_WEBID_HOLDER = "SELECT account FROM webids WHERE webid = ?"
_WEBIDS = """
    SELECT w.webid FROM webids w JOIN accounts a ON a.id = w.account
    WHERE w.account = ? ORDER BY w.webid <> a.webid, w.webid
"""
_REMOVE_WEBID = "DELETE FROM webids WHERE account = ? AND webid = ?"

_ADD_POD = "INSERT INTO account_pods (pod, account, webid) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_PODS = """
    SELECT p.pod, p.webid FROM account_pods p JOIN accounts a ON a.id = p.account
    WHERE p.account = ? ORDER BY p.pod <> a.pod, p.pod
"""
_REMOVE_POD = "DELETE FROM account_pods WHERE account = ? AND pod = ?"

# Everything that names an account, the account itself last.
_FORGET: Final = tuple(
    f"DELETE FROM {table} WHERE account = ?"  # noqa: S608 - names of our own tables
    for table in ("national_numbers", "webids", "account_pods", "clients", "consents", "sessions", "codes")
    + ("refresh_tokens", "passkeys", "recovery_codes", "upstream_links", "mail_links")
) + ("DELETE FROM accounts WHERE id = ?",)


class SqlAccounts:
    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, account: Account, /) -> None:
        await self._check_free(account)
        values = (account.id, email_key(account.email), account.webid, account.pod, _closes(account), to_json(account))
        if not await self._transaction.run(_ADD_ACCOUNT, values):
            raise _account_exists()
        await self._hold(account)

    async def replace(self, account: Account, /) -> None:
        await self._check_free(account)
        values = (email_key(account.email), account.webid, account.pod, _closes(account), to_json(account), account.id)
        if not await self._transaction.run(_REPLACE_ACCOUNT, values):
            raise Missing("no-such-account", "There is no such account.")
        await self._transaction.run(_FORGET_NUMBERS, (account.id,))
        await self._hold(account)

    async def get(self, account: AccountId, /) -> Account | None:
        return _account(await self._transaction.one(_ACCOUNT, (account,)))

    async def by_email(self, email: str, /) -> Account | None:
        return _account(await self._transaction.one(_ACCOUNT_BY_EMAIL, (email_key(email),)))

    async def by_webid(self, webid: WebId, /) -> Account | None:
        return _account(await self._transaction.one(_ACCOUNT_BY_WEBID, (webid,)))

    async def by_pod(self, pod: PodName, /) -> Account | None:
        return _account(await self._transaction.one(_ACCOUNT_BY_POD, (pod,)))

    async def by_national_number(self, keyed_hash: str, /) -> Account | None:
        return _account(await self._transaction.one(_ACCOUNT_BY_NUMBER, (keyed_hash,)))

    async def listed(self, *, after: str, limit: int) -> list[Account]:
        rows = await self._transaction.all(_LISTED, (email_key(after), limit))
        return [from_json(Account, row[0]) for row in rows]

    async def closing(self, now: datetime, /, *, limit: int) -> list[Account]:
        rows = await self._transaction.all(_CLOSING, (to_micros(now), limit))
        return [from_json(Account, row[0]) for row in rows]

    async def remove(self, account: AccountId, /) -> None:
        for statement in _FORGET:
            await self._transaction.run(statement, (account,))

    async def webids(self, account: AccountId, /) -> list[WebId]:
        return [WebId(row[0]) for row in await self._transaction.all(_WEBIDS, (account,))]

    async def add_webid(self, account: AccountId, webid: WebId, /) -> None:
        await self._transaction.run(_ADD_WEBID, (webid, account))
        holder = await self._transaction.one(_WEBID_HOLDER, (webid,))
        if holder is None or holder[0] != account:
            raise Conflict("webid-taken", "Another account signs in with this WebID.")

    async def remove_webid(self, account: AccountId, webid: WebId, /) -> None:
        await self._transaction.run(_REMOVE_WEBID, (account, webid))

    async def pods(self, account: AccountId, /) -> list[HeldPod]:
        return [HeldPod(PodName(row[0]), WebId(row[1])) for row in await self._transaction.all(_PODS, (account,))]

    async def add_pod(self, account: AccountId, held: HeldPod, /) -> None:
        if not await self._transaction.run(_ADD_POD, (held.pod, account, held.webid)):
            raise Conflict("pod-taken", "There is such a pod already.")

    async def remove_pod(self, account: AccountId, pod: PodName, /) -> None:
        await self._transaction.run(_REMOVE_POD, (account, pod))

    async def _check_free(self, account: Account) -> None:
        """Before anything is written: whoever catches the refusal finds nothing half done."""
        mine = account.id
        values = (email_key(account.email), mine, account.webid, mine, account.pod, mine)
        if await self._transaction.one(_ACCOUNT_LIKE, values):
            raise _account_exists()
        for number in sorted(account.national_numbers):
            holder = await self._transaction.one(_NUMBER_HOLDER, (number,))
            if holder is not None and holder[0] != mine:
                raise Conflict("national-number-taken", "Another account holds this national number.")

    async def _hold(self, account: Account) -> None:
        await self._transaction.run(_ADD_WEBID, (account.webid, account.id))
        await self._transaction.run(_ADD_POD, (account.pod, account.id, account.webid))
        for number in sorted(account.national_numbers):
            await self._transaction.run(_ADD_NUMBER, (number, account.id))


def _account(row: Row | None) -> Account | None:
    return None if row is None else from_json(Account, row[0])


def _closes(account: Account) -> int | None:
    return None if account.closes is None else to_micros(account.closes)


def _account_exists() -> Conflict:
    return Conflict("account-exists", "There is such an account already.")
