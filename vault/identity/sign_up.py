"""Sign up by a mailed link: first the address is shown to be theirs, then the account is made.

Whoever asks is told the same, whether or not the address has an account: the letter says which (ATK-29)."""

from __future__ import annotations

from datetime import datetime, timedelta

from vault.audit import SERVER, AuditDraft, AuditEvent
from vault.config import Settings
from vault.errors import Conflict, Forbidden
from vault.identity.accounts import Account, parse_email
from vault.identity.correspond import link_expiry, make_link, use_link, write_letter, write_to_owner
from vault.identity.letters import LetterKind, LinkPurpose, MailLink
from vault.identity.limit import count_letter
from vault.identity.ports import CreatePod, IdentityWork, Transact, Tries
from vault.identity.sign_in import PasswordHash, Visitor, create_account
from vault.values import AccountId, PodName

OPEN, INVITATION, CLOSED = "open", "invitation", "closed"


async def ask_to_sign_up(
    *,
    writing: Transact,
    tries: Tries,
    email: str,
    onward: str,
    visitor: Visitor,
    language: str,
    settings: Settings,
    now: datetime,
) -> None:
    """A letter to this address: with a link to go on, or saying that it has an account already. `onward`: the page of
    ours that the account will lead on to, such as the question of an app. Raises Malformed for what is no address,
    TooMany beyond the limits."""
    email = parse_email(email)
    await count_letter(tries, email=email, visitor=visitor, settings=settings, now=now)
    async with writing() as work:
        known = await work.accounts.by_email(email)
        # A link is made either way, so that both take as long; where it is not mailed, nobody can follow it.
        expires = link_expiry(settings, now)
        link = await make_link(work, LinkPurpose.SIGN_UP, email=email, expires=expires, onward=onward)
        if known is not None:
            await write_to_owner(work, known, LetterKind.KNOWN_ALREADY, settings=settings, now=now)
            return
        await write_letter(work, LetterKind.SIGN_UP, to=email, language=language, settings=settings, now=now, link=link)


def purposes_open(settings: Settings) -> tuple[LinkPurpose, ...]:
    """The links that lead to a new account, as the operator lets people in."""
    if settings.identity.sign_up == OPEN:
        return (LinkPurpose.SIGN_UP, LinkPurpose.INVITATION)
    return (LinkPurpose.INVITATION,) if settings.identity.sign_up == INVITATION else ()


async def sign_up_by_link(
    work: IdentityWork,
    *,
    token: str,
    key: bytes,
    password: PasswordHash | None,
    pod: PodName,
    display_name: str,
    create_pod: CreatePod,
    settings: Settings,
    language: str,
    now: datetime,
    account_id: AccountId | None = None,
) -> Account:
    """The account that a link stands for, under the address it was mailed to; without a password for somebody who
    brings a passkey. Raises Gone("link-over"), or Conflict when the name or the address is taken: the link is not used
    up then."""
    link = await use_link(work, token, *purposes_open(settings), key=key, now=now)
    return await create_account(
        work,
        email=link.email,
        password=password,
        pod=pod,
        display_name=display_name,
        create_pod=create_pod,
        settings=settings,
        now=now,
        email_verified=True,
        language=language,
        account_id=account_id,
    )


async def invite(work: IdentityWork, *, email: str, language: str, settings: Settings, now: datetime) -> MailLink:
    """An invitation for one person, made by the operator; mailed where there is mail. Raises Forbidden where nobody is
    taken, Conflict when the address has an account."""
    if settings.identity.sign_up == CLOSED:
        raise Forbidden("sign-up-closed", "This server does not take new accounts.")
    email = parse_email(email)
    if await work.accounts.by_email(email) is not None:
        raise Conflict("account-exists", "This address has an account already.")
    expires = now + timedelta(days=settings.identity.invitation_days)
    link = await make_link(work, LinkPurpose.INVITATION, email=email, expires=expires)
    await write_letter(work, LetterKind.INVITATION, to=email, language=language, settings=settings, now=now, link=link)
    facts = {"until": expires.isoformat()}
    await work.audit.append(AuditDraft(SERVER, now, AuditEvent.INVITATION_MADE, "operator", "", facts))
    return link
