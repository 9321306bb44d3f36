"""The commands that look after accounts and mail, and what every command stands on: its settings and its vault."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import click

from vault import observe
from vault.app import open_vault
from vault.config import Settings, SettingsError, load_settings
from vault.errors import Refusal
from vault.identity.letters import NotDeliveredError
from vault.identity.oversee import lock_account, overseen, unlock_account
from vault.identity.sign_up import invite
from vault.operate import account_line, close_for, letter_line, send_test
from vault.ports import Vault, Work
from vault.storage.database import Database
from vault.storage.engines import CannotOpen
from vault.web.letters import link_url
from vault.web.locales import DEFAULT, LANGUAGES

_T = TypeVar("_T")
_LETTERS: Final = 1000

DATA: Final = click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), help="Folder of the embedded store."
)
CONFIG: Final = click.option("--config", "file", type=click.Path(dir_okay=False, path_type=Path), help="A TOML file.")


def settings_of(file: Path | None, options: dict[str, object]) -> Settings:
    """The settings of this command; ends it with every mistake in them."""
    try:
        return load_settings(file=file, options=options)
    except SettingsError as error:
        fail(*error.mistakes)


def fail(*lines: str) -> NoReturn:
    """Ends the command: what it was asked cannot be done."""
    for line in lines:
        click.echo(f"datakluis: {line}", err=True)
    sys.exit(2)


def with_vault(settings: Settings, act: Callable[[Vault], Coroutine[Any, Any, _T]]) -> _T:
    """Opens the vault for one act; a refusal ends the command."""

    async def run() -> _T:
        async with open_vault(settings) as vault:
            return await act(vault)

    # What is logged on the way goes to standard error, beside what the command prints.
    observe.configure(level=settings.observe.log_level, form=settings.observe.log_format)
    try:
        return asyncio.run(run())
    except Refusal as refusal:
        fail(f"{refusal.reason}: {refusal.detail}")
    except CannotOpen as error:
        fail(str(error))


def looking(settings: Settings, act: Callable[[Vault], Coroutine[Any, Any, _T]]) -> _T:
    """`act` is about what is there already: a folder without a store is a mistake, and no new store is made there to
    find in order."""
    if not Database.stands(settings.storage):
        fail(f"there is no store in {settings.storage.data}")
    return with_vault(settings, act)


@click.group("account")
def account_group() -> None:
    """Accounts: counts and states, never what stands in a vault. Every act is in the audit log."""


@account_group.command("list")
@DATA
@CONFIG
def account_list_command(file: Path | None, **options: object) -> None:
    """Print every account, a JSON object on each line."""

    async def show(vault: Vault) -> None:
        async for one in overseen(vault.reading):
            click.echo(json.dumps(account_line(one), ensure_ascii=False))

    looking(settings_of(file, options), show)


@account_group.command("invite")
@click.argument("email")
@click.option("--language", type=click.Choice(LANGUAGES), default=DEFAULT, help="Of the letter.")
@click.option("--base-url", help="The address the vault is known by; the same as for serve.")
@DATA
@CONFIG
def account_invite_command(email: str, language: str, file: Path | None, **options: object) -> None:
    """Invite somebody, and print the link; it is mailed too where there is mail. One use, for EMAIL alone."""

    async def make(vault: Vault) -> str:
        async with vault.writing() as work:
            link = await invite(work, email=email, language=language, settings=vault.settings, now=vault.clock())
        return link_url(link, base_url=vault.base_url, key=vault.secrets.links)

    click.echo(looking(settings_of(file, options), make))


@account_group.command("lock")
@click.argument("email")
@DATA
@CONFIG
def account_lock_command(email: str, file: Path | None, **options: object) -> None:
    """Sign EMAIL out everywhere and let nobody in; what stands in the vault stays."""
    _within(settings_of(file, options), lambda vault, work: lock_account(work, email, now=vault.clock()))
    click.echo("locked")


@account_group.command("unlock")
@click.argument("email")
@DATA
@CONFIG
def account_unlock_command(email: str, file: Path | None, **options: object) -> None:
    """Let EMAIL sign in again."""
    _within(settings_of(file, options), lambda vault, work: unlock_account(work, email, now=vault.clock()))
    click.echo("unlocked")


@account_group.command("close")
@click.argument("email")
@click.option("--at-once", is_flag=True, help="Without the time in which it can be kept. There is no way back.")
@DATA
@CONFIG
def account_close_command(email: str, at_once: bool, file: Path | None, **options: object) -> None:
    """Close EMAIL's account as its owner can: it is told, can be kept for a while, and then everything goes."""
    click.echo(looking(settings_of(file, options), lambda vault: close_for(vault, email, at_once=at_once)))


@click.group("mail")
def mail_group() -> None:
    """The mail this server sends."""


@mail_group.command("test")
@click.argument("address")
@click.option("--language", type=click.Choice(LANGUAGES), default=DEFAULT, help="Of the letter.")
@CONFIG
def mail_test_command(address: str, language: str, file: Path | None) -> None:
    """Send a letter to ADDRESS now, and say what became of it; exit code 1 when it did not leave."""
    settings = settings_of(file, {})
    try:
        asyncio.run(send_test(settings, address, language))
    except NotDeliveredError as failed:
        click.echo(f"not sent: {failed.reason}", err=True)
        sys.exit(1)
    click.echo("sent")


@mail_group.command("undelivered")
@DATA
@CONFIG
def mail_undelivered_command(file: Path | None, **options: object) -> None:
    """Print the letters that were given up in the last thirty days, a JSON object on each line."""

    async def show(vault: Vault) -> None:
        async with vault.reading() as work:
            for letter in await work.letters.given_up(limit=_LETTERS):
                click.echo(json.dumps(letter_line(letter), ensure_ascii=False))

    looking(settings_of(file, options), show)


def _within(settings: Settings, act: Callable[[Vault, Work], Coroutine[Any, Any, object]]) -> None:
    """One transaction."""

    async def run(vault: Vault) -> None:
        async with vault.writing() as work:
            await act(vault, work)

    looking(settings, run)
