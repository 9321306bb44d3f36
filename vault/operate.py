"""What an operator asks for at the command line, beside what a use case does already."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta

from vault.app import utc_now
from vault.closing import close_accounts
from vault.config import Settings
from vault.datasluis.leave import check_may_leave
from vault.errors import Conflict
from vault.identity.accounts import Account
from vault.identity.clients import Client
from vault.identity.close import OPERATOR, begin_closing
from vault.identity.correspond import has_mail
from vault.identity.letters import Letter, LetterKind, NotDeliveredError
from vault.identity.oversee import Overseen, account_at, program_at
from vault.identity.programs import add_program, replace_keys, revoke_program, rotate_secret
from vault.identity.register import Registered
from vault.outbound.mail import SmtpCarrier
from vault.ports import Vault, Work
from vault.values import ClientId, WebId, webid_of
from vault.web.letters import compose


async def check_address(work: Work, base_url: str) -> None:
    """What a command mails or announces begins with the address of the vault, and a store stays at the one it was made
    for. Raises Conflict("other-address") when the accounts here know another."""
    for account in await work.accounts.listed(after="", limit=1):
        if account.webid != webid_of(account.pod, base_url=base_url):
            raise Conflict("other-address", f"this store was not made for {base_url}: name its own with --base-url")


async def close_for(vault: Vault, email: str, *, at_once: bool) -> str:
    """Closes an account as its owner could, or at once; says what became of it."""
    async with vault.writing() as work:
        await check_address(work, vault.base_url)
        account = await account_at(work, email)
        await check_may_leave(work, account)
        closing = await begin_closing(
            work, account, actor=OPERATOR, settings=vault.settings, now=vault.clock(), at_once=at_once
        )
    if at_once:
        await close_accounts(vault)
        async with vault.reading() as work:
            gone = await work.accounts.get(account.id) is None
        return "closed" if gone else "closing: a running server tells those who listen first, for ten minutes at most"
    return f"closes on {closing.closes.isoformat() if closing.closes else ''}"


async def add_for(
    vault: Vault, email: str, *, name: str, webid: str | None, keys: Mapping[str, object] | None
) -> dict[str, object]:
    """A program of this account, as its owner could make one; its line, with a secret that is not told again."""
    async with vault.writing() as work:
        account = await account_at(work, email)
        as_whom = WebId(webid) if webid is not None else account.webid
        made = await add_program(work, account, name=name, webid=as_whom, keys=keys, now=vault.clock(), actor=OPERATOR)
    return _with_secret(account, made)


async def rotate_for(vault: Vault, client_id: str, *, overlap: timedelta) -> dict[str, object]:
    """Another secret for a program."""
    async with vault.writing() as work:
        account, client = await program_at(work, ClientId(client_id))
        made = await rotate_secret(work, account, client.id, overlap=overlap, now=vault.clock(), actor=OPERATOR)
    return _with_secret(account, made)


async def replace_keys_for(vault: Vault, client_id: str, *, keys: Mapping[str, object]) -> dict[str, object]:
    """Other keys for a program."""
    async with vault.writing() as work:
        account, client = await program_at(work, ClientId(client_id))
        changed = await replace_keys(work, account, client.id, keys=keys, now=vault.clock(), actor=OPERATOR)
    return program_line(account, changed)


async def revoke_for(vault: Vault, client_id: str) -> None:
    """Ends a program, and its tokens with it."""
    async with vault.writing() as work:
        account, client = await program_at(work, ClientId(client_id))
        await revoke_program(work, account, client.id, now=vault.clock(), actor=OPERATOR)


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


def program_line(account: Account, client: Client) -> dict[str, object]:
    """One program as a line of a list; nothing that it proves itself with."""
    return {
        "client": client.id,
        "name": client.name,
        "account": account.email,
        "webId": client.webid or account.webid,
        "auth": client.auth.value,
        "keys": client.jwks_uri or [key.get("kid") for key in client.jwks],
        "created": client.created.isoformat(),
        "lastUsed": client.last_used.isoformat() if client.last_used else None,
        "formerSecretUntil": client.former_until.isoformat() if client.former_until else None,
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


def _with_secret(account: Account, made: Registered) -> dict[str, object]:
    line = program_line(account, made.client)
    return line if made.secret is None else {**line, "secret": made.secret.reveal()}
