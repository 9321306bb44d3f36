"""The sign-in of the account API: tools hold a token as browsers hold a cookie, and newcomers open an account in steps.

A token is a session of its own kind. What a newcomer has said so far is kept by the hash of the token, for an hour,
and becomes an account with the first pod: an account without a pod does not exist here.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from vault.audit import AuditDraft, AuditEvent
from vault.config import Settings
from vault.errors import Conflict, Forbidden, Unauthenticated, Unprocessable
from vault.identity.accounts import (
    Account,
    Session,
    SessionKind,
    check_new_password,
    parse_email,
    session_holds,
)
from vault.identity.ports import CreatePod, IdentityWork, Transact, Tries
from vault.identity.sign_in import PasswordHash, Visitor, count_sign_up, create_account, hashed
from vault.identity.tokens import digest
from vault.values import AccountId, PodName, Secret

_LASTS: Final = timedelta(hours=1)
_NOTED_EVERY: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a token: somebody with an account."""

    account: Account
    session: Session


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Who holds a token but has no account yet: its id to be, and what was said so far."""

    id: AccountId
    token: Secret
    email: str = ""
    password_hash: str = ""


def may_join(settings: Settings) -> bool:
    """Whether accounts are opened by this API: where everybody may, and no address has to be verified first."""
    return settings.identity.sign_up == "open" and not settings.mail.smtp_host


async def holder_of(
    token: Secret, *, reading: Transact, writing: Transact, settings: Settings, now: datetime
) -> Holder:
    """Who holds this token. Raises Unauthenticated; a browser's cookie is no token (CO-10)."""
    async with reading() as work:
        session = await work.sessions.get(digest(token.reveal()))
        if session is None or session.kind is not SessionKind.TOOL:
            raise _signed_out()
        account = await work.accounts.get(session.account)
    if account is None or account.locked or not session_holds(session, settings.identity, now):
        raise _signed_out()
    if now - session.last_seen > _NOTED_EVERY:
        async with writing() as work:
            kept = await work.sessions.get(session.id_hash)
            if kept is not None:  # it may have been ended meanwhile
                await work.sessions.replace(replace(kept, last_seen=now))
    return Holder(account, session)


async def newcomer_of(token: Secret, *, reading: Transact, now: datetime) -> Newcomer | None:
    """The newcomer with this token; None when there is none."""
    async with reading() as work:
        said = await work.pushed_requests.get(_place(token), now=now)
    if said is None:
        return None
    return Newcomer(AccountId(said["account"]), token, said.get("email", ""), said.get("password", ""))


async def join(*, writing: Transact, tries: Tries, visitor: Visitor, settings: Settings, now: datetime) -> Newcomer:
    """The first step: a token, and nothing else. Raises Forbidden("sign-up-closed"), and TooMany as sign-up does."""
    if not may_join(settings):
        raise Forbidden("sign-up-closed", "Accounts are opened on the page for it, if at all.")
    await count_sign_up(tries, visitor=visitor, settings=settings, now=now)
    newcomer = Newcomer(AccountId(secrets.token_hex(16)), Secret(secrets.token_urlsafe(32)))
    async with writing() as work:
        await _keep(work, newcomer, now)
    return newcomer


async def choose_password(
    newcomer: Newcomer, *, email: str, password: Secret, writing: Transact, settings: Settings, now: datetime
) -> Newcomer:
    """The second step; once. Nothing here says whether the address is known (ATK-29). Raises Malformed, Unprocessable
    as sign-up does, and Conflict("password-known")."""
    if newcomer.password_hash:
        raise Conflict("password-known", "This account has a password already.")
    address = parse_email(email)
    check_new_password(password, email=address, pod="", limits=settings.limits)
    kept = await hashed(password, settings=settings)
    said = replace(newcomer, email=address, password_hash=kept.value)
    async with writing() as work:
        if not await work.pushed_requests.remove(_place(newcomer.token)):
            raise _signed_out()
        await _keep(work, said, now)
    return said


async def spend(newcomer: Newcomer, *, writing: Transact) -> None:
    """Before the last step: the token is good for one try at it, since its answer tells whether an address or a name is
    taken (ATK-29). Raises Unprocessable("password-missing"), Unauthenticated."""
    if not newcomer.password_hash:
        raise Unprocessable("password-missing", "First choose an e-mail address and a password.")
    async with writing() as work:
        if not await work.pushed_requests.remove(_place(newcomer.token)):
            raise _signed_out()


async def settle(
    work: IdentityWork,
    newcomer: Newcomer,
    *,
    pod: PodName,
    create_pod: CreatePod,
    visitor: Visitor,
    settings: Settings,
    now: datetime,
) -> Holder:
    """The last step, after `spend`: the account with its pod, and the token stands for it from now on. Raises Conflict
    as `create_account` does."""
    account = await create_account(
        work,
        email=newcomer.email,
        password=PasswordHash(newcomer.password_hash),
        pod=pod,
        display_name=pod,
        create_pod=create_pod,
        settings=settings,
        now=now,
        account_id=newcomer.id,
    )
    id_hash, agent = digest(newcomer.token.reveal()), visitor.user_agent[:200]
    session = Session(id_hash, account.id, now, now, now, agent, kind=SessionKind.TOOL)
    await work.sessions.add(session)
    await work.audit.append(AuditDraft(account.pod, now, AuditEvent.SIGNED_IN, account.webid, account.id))
    return Holder(account, session)


async def _keep(work: IdentityWork, newcomer: Newcomer, now: datetime) -> None:
    said = {"account": newcomer.id, "email": newcomer.email, "password": newcomer.password_hash}
    await work.pushed_requests.add(_place(newcomer.token), dict(said), expires=now + _LASTS)


def _place(token: Secret) -> str:
    return digest(f"newcomer:{token.reveal()}")


def _signed_out() -> Unauthenticated:
    return Unauthenticated("account-token", "This needs the token of somebody who is signed in.")
