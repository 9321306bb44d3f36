"""What remains when a device or a password is lost: recovery codes, each for one sign-in, and what a person who came in
with one may do: choose a password without knowing the old one. Also an account without any password.

A code has 80 random bits in an alphabet without letters that look alike; the store holds its SHA-256 together with the
account's id. Guessing one is counted as guessing a password is, against the same account and the same address.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime
from typing import Final

from vault.audit import SERVER, AuditDraft, AuditEvent
from vault.config import Settings
from vault.errors import Conflict, Forbidden
from vault.identity.accounts import Account, Session, check_new_password, citizen
from vault.identity.ports import IdentityWork, Transact, Tries
from vault.identity.sign_in import Opened, Visitor, check_tries, hashed, open_session, standing_account, try_keys
from vault.identity.stand import sign_everything_out
from vault.identity.tokens import digest
from vault.identity.warn import Change, warn
from vault.values import AccountId, Secret

CODES: Final = 10
BY_CODE: Final = ("otp",)  # how a session says that a code opened it (RFC 8176)

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: five bits a letter, without i, l, o, u
_LETTERS: Final = 16
_ALIKE: Final = str.maketrans({"o": "0", "i": "1", "l": "1", " ": None, "-": None, "\u2010": None, "\u2011": None})
_LONGEST: Final = 64
_NOBODY: Final = AccountId("nobody")


async def make_codes(
    work: IdentityWork, session: Session, *, settings: Settings, language: str, now: datetime
) -> tuple[str, ...]:
    """Ten new codes, as they are to be shown once; those made before end."""
    account = await standing_account(work, session)
    codes = tuple(_new_code() for _ in range(CODES))
    await work.recovery_codes.replace_all(account.id, frozenset(_hash(account.id, code) for code in codes))
    await _note(work, account, AuditEvent.RECOVERY_CODES_MADE, now)
    await warn(work, account, Change.CODES_MADE, settings=settings, language=language, now=now)
    return codes


async def sign_in_by_code(
    *,
    reading: Transact,
    writing: Transact,
    tries: Tries,
    email: str,
    code: Secret,
    visitor: Visitor,
    settings: Settings,
    language: str,
    now: datetime,
    replaces: str | None = None,
) -> Opened:
    """Uses a code up and opens a session. Forbidden("recovery-refused") for an unknown address, a wrong code and one
    that was used alike: same answer, same work (ATK-29). TooMany beyond the tries of the account or the address."""
    mine, theirs = try_keys(email, visitor)
    await check_tries(tries, (mine, theirs), settings, now)
    await tries.add(mine, now=now)  # before the work, so that tries at the same time count each other
    async with reading() as work:
        found = await work.accounts.by_email(email)
    async with writing() as work:
        account = await work.accounts.get(found.id if found is not None else _NOBODY)
        owner = account.id if account is not None and not account.locked else _NOBODY
        good = await work.recovery_codes.claim(owner, _hash(owner, code.reveal()))
        if good and account is not None:
            opened: Opened | None = await open_session(
                work, account, visitor=visitor, now=now, replaces=replaces, methods=BY_CODE
            )
            await _note(work, account, AuditEvent.RECOVERY_CODE_USED, now)
            await warn(work, account, Change.CODE_USED, settings=settings, language=language, now=now)
        else:
            opened = None
            pod, subject = (account.pod, account.id) if account is not None else (SERVER, "unknown")
            await work.audit.append(AuditDraft(pod, now, AuditEvent.SIGN_IN_REFUSED, "unknown", subject))
    if opened is None:
        await tries.add(theirs, now=now)
        raise Forbidden("recovery-refused", "This e-mail address and code do not belong together.")
    await tries.clear(mine)
    return opened


def may_choose_password(account: Account, session: Session, *, settings: Settings, now: datetime) -> bool:
    """Without the old one: whoever came in by a code a moment ago, or just proved who they are and has none."""
    fresh = citizen(account, session, settings.identity, now).stepped_up
    return fresh and (account.password_hash is None or session.methods == BY_CODE)


async def choose_password(
    *,
    reading: Transact,
    writing: Transact,
    session: Session,
    new: Secret,
    visitor: Visitor,
    settings: Settings,
    language: str,
    now: datetime,
) -> Opened:
    """A password where there was none, or where it is forgotten. Every other browser and every app is signed out; this
    one goes on. Raises Unprocessable for a password that will not do, Forbidden("step-up") where the old one, or a
    proof of who is there, is wanted first."""
    async with reading() as work:
        account = await _may_choose(work, session, settings, now)
    check_new_password(new, email=account.email, pod=account.pod, limits=settings.limits)
    kept = await hashed(new, settings=settings)
    async with writing() as work:
        account = await _may_choose(work, session, settings, now)
        account = replace(account, password_hash=kept.value)
        await work.accounts.replace(account)
        await sign_everything_out(work, account.id)
        await _note(work, account, AuditEvent.PASSWORD_RESET, now)
        await warn(work, account, Change.PASSWORD_CHOSEN, settings=settings, language=language, now=now)
        return await open_session(work, account, visitor=visitor, now=now, pod=session.pod)


async def remove_password(
    work: IdentityWork, session: Session, *, settings: Settings, language: str, now: datetime
) -> None:
    """An account without a password, that nobody can guess or be talked out of. Raises Conflict("password-needed")
    unless a passkey opens it and recovery codes are there for the day that the passkey is lost."""
    account = await standing_account(work, session)
    if not await password_can_go(work, account):
        raise Conflict("password-needed", "A passkey and recovery codes have to be there first.")
    await work.accounts.replace(replace(account, password_hash=None))
    await _note(work, account, AuditEvent.PASSWORD_CHANGED, now)
    await warn(work, account, Change.PASSWORD_REMOVED, settings=settings, language=language, now=now)


async def password_can_go(work: IdentityWork, account: Account) -> bool:
    """Whether everything is there that an account without a password needs."""
    has_passkey = bool(await work.passkeys.of(account.id))
    return account.password_hash is not None and has_passkey and await work.recovery_codes.count(account.id) > 0


async def _may_choose(work: IdentityWork, session: Session, settings: Settings, now: datetime) -> Account:
    account = await standing_account(work, session)
    if not may_choose_password(account, session, settings=settings, now=now):
        raise Forbidden("step-up", "Prove once more who you are.")
    return account


async def _note(work: IdentityWork, account: Account, event: AuditEvent, now: datetime) -> None:
    await work.audit.append(AuditDraft(account.pod, now, event, account.webid, account.id))


def _new_code() -> str:
    text = "".join(secrets.choice(_ALPHABET) for _ in range(_LETTERS))
    return "-".join(text[start : start + 4] for start in range(0, _LETTERS, 4))


def _hash(account: AccountId, code: str) -> str:
    """However it is typed: capitals, spaces, and letters that look like a digit."""
    return digest(f"{account}\0{code[:_LONGEST].casefold().translate(_ALIKE)}")
