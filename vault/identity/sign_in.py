"""Sign up, sign in, sign out, change the password: a browser session stands for a person, and for nobody else."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from vault.audit import SERVER, AuditDraft, AuditEvent
from vault.config import Settings
from vault.errors import Forbidden, TooLarge, TooMany
from vault.identity.accounts import (
    Account,
    HeldPod,
    Session,
    SessionKind,
    check_new_password,
    email_key,
    hash_password,
    needs_rehash,
    parse_email,
    password_matches,
)
from vault.identity.correspond import write_to_owner
from vault.identity.letters import LetterKind
from vault.identity.ports import CreatePod, IdentityWork, Transact, Tries
from vault.identity.stand import sign_everything_out
from vault.identity.tokens import digest
from vault.observe import truncated_address
from vault.values import AccountId, PodName, Secret, webid_of


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who knocks: the address that tries are counted for, and what the browser calls itself."""

    address: str
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """A session just opened, and the cookie value that only the browser keeps."""

    session: Session
    cookie: Secret


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """A password that was hashed before, so that no transaction has to wait for it."""

    value: str


async def hashed(password: Secret, *, settings: Settings) -> PasswordHash:
    """The password's hash, made in a thread."""
    if len(password.reveal()) > settings.limits.password_characters:  # LIM-19
        raise TooLarge("password-long", "This password is too long.")
    return PasswordHash(await asyncio.to_thread(hash_password, password))


async def provide_pod(
    create_pod: CreatePod, held: HeldPod, *, display_name: str, settings: Settings, now: datetime
) -> None:
    """A pod of this server for the WebID that owns it, with the room that every pod has. Raises Conflict."""
    await create_pod(
        name=held.pod,
        owner=held.webid,
        display_name=display_name,
        issuer=settings.server.base_url,
        base_url=settings.server.base_url,
        quota_bytes=settings.limits.quota_bytes,
        now=now,
    )


async def create_account(
    work: IdentityWork,
    *,
    email: str,
    password: Secret | PasswordHash | None,
    pod: PodName,
    display_name: str,
    create_pod: CreatePod,
    settings: Settings,
    now: datetime,
    national_numbers: Collection[str] = (),
    email_verified: bool = False,
    language: str = "nl",
    account_id: AccountId | None = None,
) -> Account:
    """An account with its pod and the entry of both, in the one transaction. `national_numbers` are keyed hashes;
    `language` is that of the letters to them.

    Raises Conflict when the address or the name is taken. A server hands in a `PasswordHash`, so that its writer does
    not stand still while argon2 works; None is for somebody who signs in by passkey or through another provider.
    """
    kept = await hashed(password, settings=settings) if isinstance(password, Secret) else password
    account = Account(
        id=account_id or AccountId(secrets.token_hex(16)),
        email=parse_email(email),
        password_hash=None if kept is None else kept.value,
        webid=webid_of(pod, base_url=settings.server.base_url),
        pod=pod,
        created=now,
        national_numbers=frozenset(national_numbers),
        email_verified=email_verified,
        language=language,
    )
    await work.accounts.add(account)
    held = HeldPod(pod, account.webid)
    await provide_pod(create_pod, held, display_name=display_name, settings=settings, now=now)
    await work.audit.append(AuditDraft(pod, now, AuditEvent.ACCOUNT_CREATED, account.webid, account.id))
    return account


async def sign_in(
    *,
    reading: Transact,
    writing: Transact,
    tries: Tries,
    email: str,
    password: Secret,
    visitor: Visitor,
    settings: Settings,
    now: datetime,
    replaces: str | None = None,
    kind: SessionKind = SessionKind.BROWSER,
) -> Opened:
    """Opens a session, or Forbidden("sign-in-refused") for a wrong password and an unknown address alike: same answer,
    same work (ATK-29). TooMany beyond the limit of tries per account and per address.

    `replaces` is the hash of the session that the browser had until now; it ends.
    """
    async with reading() as work:
        found = await work.accounts.by_email(email)
    account = await _proved(
        found, password, email=email, writing=writing, tries=tries, visitor=visitor, settings=settings, now=now
    )
    old = account.password_hash
    fresh = await hashed(password, settings=settings) if old is not None and needs_rehash(old) else None
    async with writing() as work:
        now_kept = await _unchanged(work, account)
        if fresh is not None:
            await work.accounts.replace(replace(now_kept, password_hash=fresh.value))
        return await open_session(work, account, visitor=visitor, now=now, replaces=replaces, kind=kind)


async def open_session(
    work: IdentityWork,
    account: Account,
    *,
    visitor: Visitor,
    now: datetime,
    replaces: str | None = None,
    methods: tuple[str, ...] = ("pwd",),
    kind: SessionKind = SessionKind.BROWSER,
    pod: PodName | None = None,
) -> Opened:
    """A session with a value never used before (ATK-02); the one it replaces ends. `methods`: how the person proved who
    they are (RFC 8176); `pod`: which of several is looked at, where no session that stands says so."""
    former = None if replaces is None else await work.sessions.get(replaces)
    if replaces is not None:
        await work.sessions.remove(replaces)
    cookie = Secret(secrets.token_urlsafe(32))
    browser, network = visitor.user_agent[:200], truncated_address(visitor.address)
    session = Session(digest(cookie.reveal()), account.id, now, now, now, browser, network, methods, pod=pod, kind=kind)
    if former is not None and former.account == account.id:
        # A proof once more leaves her at the pod she looks at, and signed in where she came from.
        session = replace(session, pod=former.pod, issuer=former.issuer)
    await work.sessions.add(session)
    await work.audit.append(AuditDraft(account.pod, now, AuditEvent.SIGNED_IN, account.webid, account.id))
    return Opened(session, cookie)


async def confirm_password(
    *,
    reading: Transact,
    writing: Transact,
    tries: Tries,
    session: Session,
    password: Secret,
    visitor: Visitor,
    settings: Settings,
    now: datetime,
) -> Opened:
    """The password once more, before something sensitive: the session goes on under a new value, stepped up."""
    account = await _account_of(reading, session)
    return await sign_in(
        reading=reading,
        writing=writing,
        tries=tries,
        email=account.email,
        password=password,
        visitor=visitor,
        settings=settings,
        now=now,
        replaces=session.id_hash,
    )


async def change_password(
    *,
    reading: Transact,
    writing: Transact,
    tries: Tries,
    session: Session,
    old: Secret,
    new: Secret,
    visitor: Visitor,
    settings: Settings,
    now: datetime,
) -> Opened:
    """A new password, given the old one. Every other browser and every app is signed out; this one goes on."""
    account = await _account_of(reading, session)
    check_new_password(new, email=account.email, pod=account.pod, limits=settings.limits)
    await _proved(
        account, old, email=account.email, writing=writing, tries=tries, visitor=visitor, settings=settings, now=now
    )
    kept = await hashed(new, settings=settings)
    async with writing() as work:
        now_kept = replace(await _unchanged(work, account), password_hash=kept.value)
        await work.accounts.replace(now_kept)
        await sign_everything_out(work, account.id)
        await work.audit.append(AuditDraft(account.pod, now, AuditEvent.PASSWORD_CHANGED, account.webid, account.id))
        await write_to_owner(work, now_kept, LetterKind.PASSWORD_CHANGED, settings=settings, now=now)
        return await open_session(work, account, visitor=visitor, now=now, kind=session.kind, pod=session.pod)


async def standing_account(work: IdentityWork, session: Session) -> Account:
    """The account of a session that still stands in this transaction: either may have ended since the request began.
    Raises Forbidden("signed-out")."""
    account = await work.accounts.get(session.account)
    if account is None or account.locked or await work.sessions.get(session.id_hash) is None:
        raise Forbidden("signed-out", "Nobody is signed in here any more.")
    return account


async def sign_out(work: IdentityWork, session: Session, *, now: datetime) -> None:
    """Ends one session."""
    account = await work.accounts.get(session.account)
    await work.sessions.remove(session.id_hash)
    if account is not None:
        await work.audit.append(AuditDraft(account.pod, now, AuditEvent.SIGNED_OUT, account.webid, account.id))


def session_handle(session: Session) -> str:
    """How a list of sessions names one: it says nothing of the cookie, nor of the row."""
    return digest(session.id_hash)[:22]


async def end_session_of(work: IdentityWork, account_id: AccountId, handle: str, *, now: datetime) -> None:
    """Ends one session of this account; one that is gone already, or somebody else's, is no error and no hint."""
    for session in await work.sessions.of(account_id):
        if hmac.compare_digest(session_handle(session).encode(), handle.encode()):
            await sign_out(work, session, now=now)


async def sign_out_everywhere(work: IdentityWork, account_id: AccountId, *, now: datetime) -> int:
    """Ends every session of the account and what every app holds (ATK-02); how many sessions that were. This browser is
    among them: whoever fears that a cookie was taken cannot know from which."""
    account = await work.accounts.get(account_id)
    if account is None:
        return 0
    ended = await sign_everything_out(work, account.id)
    event, facts = AuditEvent.SESSIONS_ENDED, {"count": str(ended)}
    await work.audit.append(AuditDraft(account.pod, now, event, account.webid, account.id, facts))
    return ended


async def count_sign_up(tries: Tries, *, visitor: Visitor, settings: Settings, now: datetime) -> None:
    """Sign-ups are counted per address too, since each one tells whether an address or a name is taken."""
    key = f"sign-up:{digest(visitor.address)}"
    await check_tries(tries, (key,), settings, now)
    await tries.add(key, now=now)


async def _account_of(reading: Transact, session: Session) -> Account:
    async with reading() as work:
        account = await work.accounts.get(session.account)
    if account is None:
        raise Forbidden("sign-in-refused", "This account is gone.")
    return account


async def _proved(
    account: Account | None,
    password: Secret,
    *,
    email: str,
    writing: Transact,
    tries: Tries,
    visitor: Visitor,
    settings: Settings,
    now: datetime,
) -> Account:
    """The account found under this address, if it has this password. The same answer and the same work where there is
    none (ATK-29); counted for the account and for the network address. Raises Forbidden("sign-in-refused"), TooMany."""
    mine, theirs = try_keys(email, visitor)
    await check_tries(tries, (mine, theirs), settings, now)
    await tries.add(mine, now=now)  # before the work, so that tries at the same time count each other
    good = await asyncio.to_thread(
        password_matches, password, account.password_hash if account else None, limits=settings.limits
    )
    if not good or account is None or account.locked:
        await tries.add(theirs, now=now)
        await note_refusal(writing, account, now)
        raise Forbidden("sign-in-refused", "This e-mail address and password do not belong together.")
    # Guesses that ran at the same time from one address learn nothing beyond its limit.
    await check_tries(tries, (theirs,), settings, now)
    await tries.clear(mine)
    return account


async def _unchanged(work: IdentityWork, seen: Account) -> Account:
    """The account as it is inside this transaction; refused when it was locked or its password changed meanwhile."""
    account = await work.accounts.get(seen.id)
    if account is None or account.locked or account.password_hash != seen.password_hash:
        raise Forbidden("sign-in-refused", "This e-mail address and password do not belong together.")
    return account


def try_keys(email: str, visitor: Visitor) -> tuple[str, str]:
    """What tries are counted by: the account and the address."""
    # Hashed: neither e-mail nor network addresses stand in the table of tries.
    return account_key(email), f"address:{digest(visitor.address)}"


def account_key(email: str) -> str:
    """What failed sign-ins of an account are counted under."""
    return f"account:{digest(email_key(email))}"


async def check_tries(tries: Tries, keys: Collection[str], settings: Settings, now: datetime) -> None:
    """Raises TooMany when one of these has used its tries up."""
    window = settings.limits.sign_in_window_seconds
    for key in keys:
        if await tries.count(key, window_seconds=window, now=now) >= settings.limits.sign_in_tries:
            raise TooMany("sign-in-tries", "Too many tries. Wait a few minutes.", retry_after=window)


async def note_refusal(writing: Transact, account: Account | None, now: datetime) -> None:
    """Refused tries are entries too; for an unknown address in the server's own chain, without it, so that the store
    has the same work to do either way."""
    draft = (
        AuditDraft(account.pod, now, AuditEvent.SIGN_IN_REFUSED, "unknown", account.id)
        if account
        else AuditDraft(SERVER, now, AuditEvent.SIGN_IN_REFUSED, "unknown", "unknown")
    )
    async with writing() as work:
        await work.audit.append(draft)
