"""Letters and the links in them: written in the transaction that gives reason for them, and followed once.

Without mail no letter is written: what depends on one is not offered then.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from vault.config import Settings
from vault.errors import Gone
from vault.identity.accounts import Account
from vault.identity.letters import Letter, LetterKind, LinkPurpose, MailLink, can_follow, read_link_token
from vault.identity.ports import IdentityWork
from vault.values import AccountId


def has_mail(settings: Settings) -> bool:
    """Whether letters leave from here."""
    return bool(settings.mail.smtp_host)


async def write_letter(
    work: IdentityWork,
    kind: LetterKind,
    *,
    to: str,
    language: str,
    settings: Settings,
    now: datetime,
    link: MailLink | None = None,
    facts: Mapping[str, str] | None = None,
) -> None:
    """Puts a letter on the pile; the chore sends it after the commit. Nothing where there is no mail."""
    if has_mail(settings):
        carried = None if link is None else link.id
        await work.letters.add(
            Letter(secrets.token_hex(16), kind, to, language, now, now, link=carried, facts=facts or {})
        )


async def write_to_owner(
    work: IdentityWork,
    account: Account,
    kind: LetterKind,
    *,
    settings: Settings,
    now: datetime,
    link: MailLink | None = None,
    facts: Mapping[str, str] | None = None,
) -> None:
    """A letter about an account to the address it has, in its language."""
    await write_letter(
        work, kind, to=account.email, language=account.language, settings=settings, now=now, link=link, facts=facts
    )


async def make_link(
    work: IdentityWork,
    purpose: LinkPurpose,
    *,
    email: str,
    expires: datetime,
    account: AccountId | None = None,
    onward: str = "",
) -> MailLink:
    """A link for one use. Those made for the same account and purpose before lead nowhere any more."""
    if account is not None:
        await work.mail_links.end_for(account, purpose)
    link = MailLink(secrets.token_urlsafe(18), purpose, email, expires, account, onward=onward)
    await work.mail_links.add(link)
    return link


async def find_link(work: IdentityWork, token: str, *purposes: LinkPurpose, key: bytes, now: datetime) -> MailLink:
    """The link behind a token, for looking at: GET uses nothing up. Raises Gone("link-over") for one that is used,
    expired, altered, unknown or made for something else, all alike."""
    link_id = read_link_token(token, key=key)
    link = await work.mail_links.get(link_id) if link_id is not None else None
    if link is None or not any(can_follow(link, purpose, now) for purpose in purposes):
        raise _over()
    return link


async def use_link(work: IdentityWork, token: str, *purposes: LinkPurpose, key: bytes, now: datetime) -> MailLink:
    """Follows a link: exactly one of two who try at once gets it. Raises Gone("link-over") as `find_link` does."""
    found = await find_link(work, token, *purposes, key=key, now=now)
    claimed = await work.mail_links.claim(found.id)
    if claimed is None or claimed.used:
        raise _over()
    return claimed


def link_expiry(settings: Settings, now: datetime) -> datetime:
    """When a link that is mailed now stops leading anywhere."""
    return now + timedelta(seconds=settings.identity.link_seconds)


def _over() -> Gone:
    return Gone("link-over", "This link was used already or is too old. Ask for a new one.")
