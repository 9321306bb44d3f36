"""What the operator sees of accounts and does to them: counts and states, never what stands in a vault."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime

from vault.audit import AuditDraft, AuditEvent
from vault.errors import Conflict, Missing
from vault.identity.accounts import Account
from vault.identity.clients import Client
from vault.identity.close import OPERATOR
from vault.identity.ports import IdentityWork, Transact
from vault.identity.programs import program_of, programs_of
from vault.identity.stand import sign_everything_out
from vault.values import ClientId

_PAGE = 200


@dataclass(frozen=True, slots=True)
class Overseen:
    """One account, in numbers."""

    account: Account
    pods: int
    sessions: int
    apps: int
    passkeys: int


async def overseen(reading: Transact) -> AsyncIterator[Overseen]:
    """Every account, by address; read in pages."""
    after = ""
    while True:
        async with reading() as work:
            found = await work.accounts.listed(after=after, limit=_PAGE)
            shown = [await _numbers(work, account) for account in found]
        for one in shown:
            yield one
        if len(found) < _PAGE:
            return
        after = found[-1].email


async def account_at(work: IdentityWork, email: str) -> Account:
    """Raises Missing when no account has this address."""
    account = await work.accounts.by_email(email)
    if account is None:
        raise Missing("no-such-account", "No account has this e-mail address.")
    return account


async def overseen_programs(reading: Transact, email: str | None) -> AsyncIterator[tuple[Account, Client]]:
    """The programs of one account, or of all of them, with whose they are. Raises Missing as `account_at` does."""
    if email is not None:
        async with reading() as work:
            account = await account_at(work, email)
            known = await programs_of(work, account)
        for client in known:
            yield account, client
        return
    async for one in overseen(reading):
        async with reading() as work:
            known = await programs_of(work, one.account)
        for client in known:
            yield one.account, client


async def program_at(work: IdentityWork, client_id: ClientId) -> tuple[Account, Client]:
    """Whose program this is, and the program. Raises Missing for an app, and for what is not known or revoked."""
    client = await work.clients.get(client_id)
    account = await work.accounts.get(client.account) if client is not None and client.account is not None else None
    if account is None:
        raise Missing("program", "There is no such program.")
    return account, await program_of(work, account, client_id)


async def lock_account(work: IdentityWork, email: str, *, now: datetime) -> Account:
    """Nobody signs in, and no token counts; what stands in the pods stays."""
    account = await account_at(work, email)
    locked = replace(account, locked=True)
    await work.accounts.replace(locked)
    await sign_everything_out(work, account.id)
    await work.audit.append(AuditDraft(account.pod, now, AuditEvent.ACCOUNT_LOCKED, OPERATOR, account.id))
    return locked


async def unlock_account(work: IdentityWork, email: str, *, now: datetime) -> Account:
    """Everything counts again. Raises Conflict for an account that is being removed."""
    account = await account_at(work, email)
    if account.cleared.begun:
        raise Conflict("account-going", "This account is being removed: there is no way back.")
    unlocked = replace(account, locked=False)
    await work.accounts.replace(unlocked)
    await work.audit.append(AuditDraft(account.pod, now, AuditEvent.ACCOUNT_UNLOCKED, OPERATOR, account.id))
    return unlocked


async def _numbers(work: IdentityWork, account: Account) -> Overseen:
    return Overseen(
        account,
        pods=len(await work.accounts.pods(account.id)),
        sessions=len(await work.sessions.of(account.id)),
        apps=len(await work.clients.consents(account.id)),
        passkeys=len(await work.passkeys.of(account.id)),
    )
