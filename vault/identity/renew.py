"""A forgotten password, and another address: by a link that was mailed.

Whoever asks for a password is told the same, whether or not the address has an account (ATK-29)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from vault.audit import AuditDraft, AuditEvent
from vault.config import Settings
from vault.errors import Conflict, Forbidden, Gone
from vault.identity.accounts import Account, check_new_password, email_key, parse_email
from vault.identity.correspond import (
    find_link,
    link_expiry,
    make_link,
    use_link,
    write_letter,
    write_to_owner,
)
from vault.identity.letters import LetterKind, LinkPurpose
from vault.identity.limit import count_letter, first_of_day
from vault.identity.ports import IdentityWork, Transact, Tries
from vault.identity.sign_in import Visitor, account_key, hashed
from vault.identity.stand import sign_everything_out
from vault.values import Citizen, Secret


async def ask_for_password(
    *,
    writing: Transact,
    tries: Tries,
    email: str,
    visitor: Visitor,
    language: str,
    settings: Settings,
    now: datetime,
) -> None:
    """A letter to this address: with a link to a new password, or, once a day at most, that it has no account here, so
    that somebody with several addresses is not left waiting. Raises Malformed, or TooMany beyond the limits."""
    email = parse_email(email)
    await count_letter(tries, email=email, visitor=visitor, settings=settings, now=now)
    first = await first_of_day(tries, email=email, now=now)
    async with writing() as work:
        account = await work.accounts.by_email(email)
        known = None if account is None or account.locked else account
        # A link is made either way, so that both take as long; where it is not mailed, nobody can follow it.
        holder = known.id if known is not None else None
        link = await make_link(
            work, LinkPurpose.NEW_PASSWORD, email=email, expires=link_expiry(settings, now), account=holder
        )
        if known is not None:
            await write_to_owner(work, known, LetterKind.NEW_PASSWORD, settings=settings, now=now, link=link)
        elif first and account is None:
            kind = LetterKind.NOBODY_HERE
            await write_letter(work, kind, to=email, language=language, settings=settings, now=now)


async def set_password_by_link(
    *,
    reading: Transact,
    writing: Transact,
    tries: Tries,
    token: str,
    key: bytes,
    password: Secret,
    settings: Settings,
    now: datetime,
) -> None:
    """A new password for whoever the link was mailed to; every browser and every app is signed out. Raises
    Gone("link-over"), or Unprocessable for a password that will not do: the link is not used up then."""
    async with reading() as work:
        account = await owner_of_link(work, token, key=key, now=now)
    check_new_password(password, email=account.email, pod=account.pod, limits=settings.limits)
    kept = await hashed(password, settings=settings)
    async with writing() as work:
        account = await owner_of_link(work, token, key=key, now=now)
        await use_link(work, token, LinkPurpose.NEW_PASSWORD, key=key, now=now)
        account = replace(account, password_hash=kept.value, email_verified=True)
        await work.accounts.replace(account)
        await sign_everything_out(work, account.id)
        await work.mail_links.end_for(account.id, LinkPurpose.NEW_PASSWORD)
        await work.audit.append(AuditDraft(account.pod, now, AuditEvent.PASSWORD_RESET, account.webid, account.id))
        await write_to_owner(work, account, LetterKind.PASSWORD_CHANGED, settings=settings, now=now)
    await tries.clear(account_key(account.email))  # they are who they say: guesses of others need not keep them out


async def owner_of_link(work: IdentityWork, token: str, *, key: bytes, now: datetime) -> Account:
    """Whose password a link renews; for looking at. Raises Gone("link-over") when it leads nowhere, or the account is
    gone, locked, or has another address by now."""
    link = await find_link(work, token, LinkPurpose.NEW_PASSWORD, key=key, now=now)
    account = await work.accounts.get(link.account) if link.account is not None else None
    if account is None or account.locked or email_key(account.email) != email_key(link.email):
        raise Gone("link-over", "This link was used already or is too old. Ask for a new one.")
    return account


async def ask_for_address(
    *,
    writing: Transact,
    tries: Tries,
    citizen: Citizen,
    email: str,
    visitor: Visitor,
    language: str,
    settings: Settings,
    now: datetime,
) -> None:
    """A link to the new address, which shows that it is theirs. The same is said when somebody else has it: that one
    gets a letter. Raises Malformed, Forbidden without a fresh proof of who asks, TooMany."""
    if not citizen.stepped_up:
        raise Forbidden("step-up", "Give your password again before you change your address.")
    email = parse_email(email)
    await count_letter(tries, email=email, visitor=visitor, settings=settings, now=now)
    async with writing() as work:
        known = await work.accounts.by_email(email)
        link = await make_link(
            work, LinkPurpose.NEW_ADDRESS, email=email, expires=link_expiry(settings, now), account=citizen.account
        )
        if known is not None and known.id != citizen.account:
            await write_to_owner(work, known, LetterKind.KNOWN_ALREADY, settings=settings, now=now)
            return
        kind = LetterKind.NEW_ADDRESS
        await write_letter(work, kind, to=email, language=language, settings=settings, now=now, link=link)


async def change_address_by_link(
    work: IdentityWork, *, citizen: Citizen, token: str, key: bytes, language: str, settings: Settings, now: datetime
) -> Account:
    """The address that was shown to be theirs, by the very account that asked. The old one is told, and links that
    went there lead nowhere any more. Raises Gone("link-over"), Conflict when somebody else has it by now."""
    link = await use_link(work, token, LinkPurpose.NEW_ADDRESS, key=key, now=now)
    account = await work.accounts.get(citizen.account)
    if account is None or link.account != account.id:
        raise Gone("link-over", "This link was used already or is too old. Ask for a new one.")
    if await work.accounts.by_email(link.email) not in (None, account):
        raise Conflict("address-taken", "This address cannot be used.")
    await write_to_owner(work, account, LetterKind.ADDRESS_CHANGED, settings=settings, now=now)
    changed = replace(account, email=link.email, email_verified=True, language=language)
    await work.accounts.replace(changed)
    await work.mail_links.end_for(account.id, LinkPurpose.NEW_PASSWORD)
    await work.audit.append(AuditDraft(account.pod, now, AuditEvent.ADDRESS_CHANGED, account.webid, account.id))
    return changed
