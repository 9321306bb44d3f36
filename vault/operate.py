"""What an operator asks for at the command line, beside what a use case does already."""

from __future__ import annotations

import secrets

from vault.app import utc_now
from vault.closing import close_accounts
from vault.config import Settings
from vault.datasluis.leave import check_may_leave
from vault.identity.close import OPERATOR, begin_closing
from vault.identity.correspond import has_mail
from vault.identity.letters import Letter, LetterKind, NotDeliveredError
from vault.identity.oversee import Overseen, account_at
from vault.outbound.mail import SmtpCarrier
from vault.ports import Vault
from vault.web.letters import compose


async def close_for(vault: Vault, email: str, *, at_once: bool) -> str:
    """Closes an account as its owner could, or at once; says what became of it."""
    async with vault.writing() as work:
        account = await account_at(work, email)
        await check_may_leave(work, account)
        closing = await begin_closing(
            work, account, actor=OPERATOR, settings=vault.settings, now=vault.clock(), at_once=at_once
        )
    if at_once:
        await close_accounts(vault)
        return "closed"
    return f"closes on {closing.closes.isoformat() if closing.closes else ''}"


async def send_test(settings: Settings, address: str, language: str) -> None:
    """A letter that goes now, past the pile. Raises NotDeliveredError."""
    if not has_mail(settings):
        raise NotDeliveredError("smtp_host is not set")
    now = utc_now()
    letter = Letter(secrets.token_hex(16), LetterKind.TEST, address, language, now, now)
    await SmtpCarrier(settings).carry(letter, compose(letter, None, settings=settings, key=b""))


def account_line(one: Overseen) -> dict[str, object]:
    """One account as a line of a list."""
    account = one.account
    return {
        "email": account.email,
        "verified": account.email_verified,
        "created": account.created.isoformat(),
        "locked": account.locked,
        "closes": account.closes.isoformat() if account.closes else None,
        "pods": one.pods,
        "sessions": one.sessions,
        "apps": one.apps,
        "passkeys": one.passkeys,
        "password": account.password_hash is not None,
    }


def letter_line(letter: Letter) -> dict[str, object]:
    """One letter that was given up."""
    return {
        "to": letter.to,
        "kind": letter.kind.value,
        "written": letter.written.isoformat(),
        "tries": letter.tries,
        "reason": letter.reason,
    }
