"""Passkeys: opening an account with one, adding one, signing in with one, proving once more who is there, giving one a
name, taking one away.

Each ceremony is two requests: the options, with a challenge of their own, and the browser's answer. What the answer is
worth is said by `ceremonies`; here it meets the store. A failed sign-in is counted and noted as one by password is.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from vault.audit import SERVER, AuditDraft, AuditEvent
from vault.config import Settings
from vault.errors import Conflict, Forbidden, Missing
from vault.identity.accounts import Account, Session
from vault.identity.ceremonies import (
    CHALLENGE_SECONDS,
    NewKey,
    Options,
    Proven,
    Purpose,
    Response,
    Site,
    authentication_options,
    challenge_ends,
    challenge_in,
    check_assertion,
    check_registration,
    counter_grows,
    new_challenge,
    presented,
    registration_options,
    site_of,
)
from vault.identity.credentials import Passkey
from vault.identity.ports import IdentityWork, Replays, Transact, Tries
from vault.identity.sign_in import (
    Opened,
    Visitor,
    check_tries,
    count_sign_up,
    open_session,
    standing_account,
    try_keys,
)
from vault.identity.tokens import digest
from vault.identity.warn import Change, warn
from vault.values import AccountId, PodName

MOST_PASSKEYS: Final = 20  # of one account
NAME_CHARACTERS: Final = 60


@dataclass(frozen=True, slots=True)
class Booth:
    """What a ceremony works with: the store, the limits, and who is at the browser. `browser` is a value that only that
    browser brings back; `language` is the one its person reads."""

    reading: Transact
    writing: Transact
    replays: Replays
    tries: Tries
    settings: Settings
    key: bytes = field(repr=False)
    now: datetime
    visitor: Visitor
    browser: str = field(repr=False)
    language: str = "nl"

    @property
    def site(self) -> Site:
        return site_of(self.settings.server.base_url)


@dataclass(frozen=True, slots=True)
class Opening:
    """An account that is to be opened with a passkey: the id it will have, for which the passkey is made, and what its
    owner said. It stands in the store with the challenge, so that the answer can alter none of it. `ground` is the hash
    of what lets them open one, where that is more than the page: a mailed link, or a sign-in elsewhere."""

    account: AccountId
    email: str
    name: str
    pod: PodName
    ground: str = ""


def new_opening(*, email: str, name: str, pod: PodName, ground: str = "") -> Opening:
    """One that begins now. `ground` is hashed: nobody who reads the store can follow a link."""
    return Opening(AccountId(secrets.token_hex(16)), email, name, pod, digest(ground) if ground else "")


def ask_to_sign_in(booth: Booth) -> Options:
    """The same for everybody: it names no account and no credential (ATK-29)."""
    return authentication_options(booth.site, _challenge(booth, Purpose.SIGN_IN, None))


async def ask_to_confirm(booth: Booth, session: Session) -> Options:
    """One of the passkeys of who is signed in already."""
    async with booth.reading() as work:
        known = await work.passkeys.of(session.account)
    return authentication_options(booth.site, _challenge(booth, Purpose.CONFIRM, session), known)


async def ask_to_add(booth: Booth, session: Session) -> Options:
    """A new passkey, on a device that holds none of this account yet."""
    async with booth.reading() as work:
        account = await standing_account(work, session)
        known = await work.passkeys.of(account.id)
    _require_room(known)
    challenge = _challenge(booth, Purpose.REGISTER, session)
    return registration_options(booth.site, challenge, account=account.id, email=account.email, known=known)


async def ask_to_open(booth: Booth, opening: Opening) -> Options:
    """The first passkey of an account that does not exist yet. Counted as a sign-up of this address is. Raises TooMany,
    and Conflict("sign-up-taken") for a pod that everybody can see is there; of the e-mail address nothing is said here
    (ATK-29)."""
    await count_sign_up(booth.tries, visitor=booth.visitor, settings=booth.settings, now=booth.now)
    challenge = _challenge(booth, Purpose.OPEN, None)
    said = {"account": opening.account, "email": opening.email, "name": opening.name, "pod": opening.pod}
    async with booth.writing() as work:
        if await work.accounts.by_pod(opening.pod) is not None:
            raise taken()
        expires = booth.now + timedelta(seconds=CHALLENGE_SECONDS)
        await work.pushed_requests.add(_place(challenge), {**said, "ground": opening.ground}, expires=expires)
    return registration_options(booth.site, challenge, account=opening.account, email=opening.email)


async def check_opening(booth: Booth, response: Response, *, ground: str = "") -> tuple[Opening, NewKey]:
    """What was begun with this challenge, and the passkey that was made for it; it counts once, whatever comes of it.
    Raises Forbidden("passkey-challenge") when nothing was, or on another ground; Unprocessable("passkey-unusable")."""
    challenge = await _claimed(booth, Purpose.OPEN, None, response)
    async with booth.writing() as work:
        said = await work.pushed_requests.get(_place(challenge), now=booth.now)
        await work.pushed_requests.remove(_place(challenge))
    if said is None or said["ground"] != (digest(ground) if ground else ""):
        raise Forbidden("passkey-challenge", "This was begun in another way. Try again.")
    opening = Opening(AccountId(said["account"]), said["email"], said["name"], PodName(said["pod"]), said["ground"])
    return opening, check_registration(response, site=booth.site, challenge=challenge)


async def keep_passkey(work: IdentityWork, account: Account, made: NewKey, *, name: str, now: datetime) -> None:
    """From now on it opens the account. Raises Conflict("passkey-known") when any account has it already."""
    passkey = Passkey(
        id=made.id,
        account=account.id,
        public_key=made.public_key,
        sign_count=made.sign_count,
        name=name[:NAME_CHARACTERS],
        created=now,
        transports=made.transports,
        backed_up=made.backed_up,
    )
    await work.passkeys.add(passkey)
    await _note(work, account, AuditEvent.PASSKEY_ADDED, now)


def taken() -> Conflict:
    """One answer for an e-mail address and a name that are taken: it does not say whose address is known here."""
    return Conflict("sign-up-taken", "This address or this name cannot be used.")


async def add_passkey(booth: Booth, session: Session, response: Response, *, name: str) -> None:
    """Registers what the authenticator made. Raises Forbidden("passkey-challenge"), Unprocessable("passkey-unusable"),
    Conflict("passkey-known") when any account has it already, Conflict("passkeys-full")."""
    challenge = await _claimed(booth, Purpose.REGISTER, session, response)
    made = check_registration(response, site=booth.site, challenge=challenge)
    async with booth.writing() as work:
        account = await standing_account(work, session)
        _require_room(await work.passkeys.of(account.id))
        await keep_passkey(work, account, made, name=name, now=booth.now)
        await warn(work, account, Change.PASSKEY_ADDED, settings=booth.settings, language=booth.language, now=booth.now)


async def sign_in_by_passkey(booth: Booth, response: Response, *, replaces: str | None = None) -> Opened:
    """Opens a session for whoever holds the key. Raises Forbidden("passkey-refused") for whatever is wrong,
    Forbidden("passkey-challenge") for a challenge that does not hold, TooMany beyond the tries of an address."""
    return await _opened(booth, Purpose.SIGN_IN, None, response, replaces)


async def confirm_by_passkey(booth: Booth, session: Session, response: Response) -> Opened:
    """Steps the session up, under a new value; a passkey of somebody else does not (ATK-30)."""
    return await _opened(booth, Purpose.CONFIRM, session, response, session.id_hash)


async def rename_passkey(work: IdentityWork, session: Session, passkey_id: str, *, name: str, now: datetime) -> None:
    """Raises Missing when the account has no such passkey. The log does not say the name: it is the owner's own."""
    account, passkey = await standing_account(work, session), await work.passkeys.get(passkey_id)
    if passkey is None or passkey.account != account.id:
        raise Missing("passkey", "There is no such passkey.")
    await work.passkeys.replace(replace(passkey, name=name[:NAME_CHARACTERS]))
    await _note(work, account, AuditEvent.PASSKEY_RENAMED, now)


async def remove_passkey(
    work: IdentityWork, session: Session, passkey_id: str, *, settings: Settings, language: str, now: datetime
) -> None:
    """Takes a passkey away and signs every other browser out: it may be that of a device that was lost. Raises
    Conflict("last-way-in") when nothing else opens the account, Missing when it has no such passkey."""
    account = await standing_account(work, session)
    others = [one for one in await work.passkeys.of(account.id) if one.id != passkey_id]
    if not others and not await _opens_otherwise(work, account, settings):
        raise Conflict("last-way-in", "Nothing else would open this account any more.")
    if not await work.passkeys.remove(account.id, passkey_id):
        raise Missing("passkey", "There is no such passkey.")
    for other in await work.sessions.of(account.id):
        if other.id_hash != session.id_hash:
            await work.sessions.remove(other.id_hash)
    await _note(work, account, AuditEvent.PASSKEY_REMOVED, now)
    await warn(work, account, Change.PASSKEY_REMOVED, settings=settings, language=language, now=now)


def reference(passkey: Passkey) -> str:
    """A short name for addresses of pages: credential ids may be a thousand bytes long."""
    return sha256(passkey.id.encode()).hexdigest()[:32]


async def _opened(
    booth: Booth, purpose: Purpose, session: Session | None, response: Response, replaces: str | None
) -> Opened:
    _, address = try_keys("", booth.visitor)
    await check_tries(booth.tries, (address,), booth.settings, booth.now)
    try:
        challenge = await _claimed(booth, purpose, session, response)
        passkey, proven = await _proven(booth, session, response, challenge)
        # Tries that ran at the same time from one address get no further than its limit.
        await check_tries(booth.tries, (address,), booth.settings, booth.now)
        async with booth.writing() as work:
            account = await _used(work, passkey, proven, booth.now)
            return await open_session(
                work, account, visitor=booth.visitor, now=booth.now, replaces=replaces, methods=proven.methods
            )
    except Forbidden:
        await booth.tries.add(address, now=booth.now)
        await _note_refusal(booth, response)
        raise


async def _proven(
    booth: Booth, session: Session | None, response: Response, challenge: bytes
) -> tuple[Passkey, Proven]:
    """Whose key it is, and that it signed. §7.2: the user handle names the account; where nobody is known yet it has to
    be there."""
    said = presented(response)
    async with booth.reading() as work:
        passkey = await work.passkeys.get(said.id)
    if passkey is None:
        raise _refused()
    named = said.account if session is None else (said.account or session.account)
    if named != passkey.account or (session is not None and session.account != passkey.account):
        raise _refused()
    return passkey, check_assertion(response, passkey, site=booth.site, challenge=challenge)


async def _used(work: IdentityWork, seen: Passkey, proven: Proven, now: datetime) -> Account:
    """Notes the use, inside the transaction that opens the session: of two uses at once with one count, one stands."""
    passkey, account = await work.passkeys.get(seen.id), await work.accounts.get(seen.account)
    if passkey is None or account is None or account.locked:
        raise _refused()
    if not counter_grows(passkey.sign_count, proven.sign_count):
        raise _refused()
    await work.passkeys.replace(
        replace(passkey, sign_count=proven.sign_count, backed_up=proven.backed_up, last_used=now)
    )
    return account


async def _claimed(booth: Booth, purpose: Purpose, session: Session | None, response: Response) -> bytes:
    """The challenge of this answer, if it is ours, for this, for this browser, and was never answered before."""
    challenge = challenge_in(response)
    ends = challenge_ends(challenge, purpose, _holder(booth, session), key=booth.key, now=booth.now)
    if not await booth.replays.claim(f"webauthn:{challenge.hex()}", until=ends):
        raise Forbidden("passkey-challenge", "This was answered already. Try again.")
    return challenge


def _place(challenge: bytes) -> str:
    """Where an opening stands, beside what else is kept for minutes."""
    return digest(f"opening:{challenge.hex()}")


def _challenge(booth: Booth, purpose: Purpose, session: Session | None) -> bytes:
    return new_challenge(purpose, _holder(booth, session), key=booth.key, now=booth.now)


def _holder(booth: Booth, session: Session | None) -> str:
    return booth.browser if session is None else f"{booth.browser}.{session.id_hash}"


async def _opens_otherwise(work: IdentityWork, account: Account, settings: Settings) -> bool:
    """A password, or a sign-in at the provider that is set up. Recovery codes do not count: they run out."""
    if account.password_hash is not None:
        return True
    issuer = settings.upstream.upstream_issuer
    return bool(issuer) and any(link.issuer == issuer for link in await work.upstream_links.of(account.id))


def _require_room(known: list[Passkey]) -> None:
    if len(known) >= MOST_PASSKEYS:
        raise Conflict("passkeys-full", f"An account has at most {MOST_PASSKEYS} passkeys.")


def _refused() -> Forbidden:
    return Forbidden("passkey-refused", "This passkey does not open anything here.")


async def _note(work: IdentityWork, account: Account, event: AuditEvent, now: datetime) -> None:
    await work.audit.append(AuditDraft(account.pod, now, event, account.webid, account.id))


async def _note_refusal(booth: Booth, response: Response) -> None:
    """In the log of the account whose passkey was named; in the server's own for one that nobody has."""
    try:
        said = presented(response)
    except Forbidden:
        said = None
    async with booth.writing() as work:
        passkey = await work.passkeys.get(said.id) if said is not None else None
        account = await work.accounts.get(passkey.account) if passkey is not None else None
        draft = (
            AuditDraft(account.pod, booth.now, AuditEvent.SIGN_IN_REFUSED, "unknown", account.id)
            if account is not None
            else AuditDraft(SERVER, booth.now, AuditEvent.SIGN_IN_REFUSED, "unknown", "unknown")
        )
        await work.audit.append(draft)
