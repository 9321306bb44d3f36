"""The commands that look after accounts, programs and mail, and what every command stands on: its settings and its
vault."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import click

from vault import observe
from vault.app import open_vault
from vault.config import Settings, SettingsError, load_settings
from vault.errors import Refusal
from vault.identity.letters import NotDeliveredError
from vault.identity.oversee import lock_account, overseen, overseen_programs, unlock_account
from vault.identity.programs import NAME_CHARACTERS, OVERLAPS, written_keys
from vault.identity.sign_up import invite
from vault.operate import (
    account_line,
    add_for,
    check_address,
    close_for,
    letter_line,
    program_line,
    replace_keys_for,
    revoke_for,
    rotate_for,
    send_test,
)
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


_BASE_URL: Final = click.option("--base-url", help="The address the vault is known by; the same as for serve.")
_OVERLAPS: Final = {str(overlap.days): overlap for overlap in OVERLAPS}
_KEYS: Final = click.option("--keys", help="A file with public keys as JWK Set, or the https address of one.")


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
            _print(account_line(one))

    looking(settings_of(file, options), show)


@account_group.command("invite")
@click.argument("email")
@click.option("--language", type=click.Choice(LANGUAGES), default=DEFAULT, help="Of the letter.")
@_BASE_URL
@DATA
@CONFIG
def account_invite_command(email: str, language: str, file: Path | None, **options: object) -> None:
    """Invite somebody, and print the link; it is mailed too where there is mail. One use, for EMAIL alone."""

    async def make(vault: Vault) -> str:
        async with vault.writing() as work:
            await check_address(work, vault.base_url)
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
@_BASE_URL
@DATA
@CONFIG
def account_close_command(email: str, at_once: bool, file: Path | None, **options: object) -> None:
    """Close EMAIL's account as its owner can: it is told, can be kept for a while, and then everything goes."""
    click.echo(looking(settings_of(file, options), lambda vault: close_for(vault, email, at_once=at_once)))


@click.group("client")
def client_group() -> None:
    """The programs of accounts: software that signs in by itself. Every act is in the audit log."""


@client_group.command("list")
@click.argument("email", required=False)
@DATA
@CONFIG
def client_list_command(email: str | None, file: Path | None, **options: object) -> None:
    """Print the programs of EMAIL's account, or of all accounts, a JSON object on each line."""

    async def show(vault: Vault) -> None:
        async for account, client in overseen_programs(vault.reading, email):
            _print(program_line(account, client))

    looking(settings_of(file, options), show)


@client_group.command("add")
@click.argument("email")
@click.option("--name", required=True, help=f"What the program is called; {NAME_CHARACTERS} characters at most.")
@click.option("--webid", help="As which WebID of the account it acts; its first without.")
@_KEYS
@DATA
@CONFIG
def client_add_command(
    email: str, name: str, webid: str | None, keys: str | None, file: Path | None, **options: object
) -> None:
    """Make a program for EMAIL's account and print it. It proves itself by a secret, which is printed this once; with
    --keys by private_key_jwt (RFC 7523)."""

    async def add(vault: Vault) -> dict[str, object]:
        return await add_for(vault, email, name=name, webid=webid, keys=_read_keys(keys))

    _print(looking(settings_of(file, options), add))


@client_group.command("rotate")
@click.argument("client")
@click.option("--overlap", type=click.Choice(list(_OVERLAPS)), help="Days that the former secret counts on.")
@_KEYS
@DATA
@CONFIG
def client_rotate_command(
    client: str, overlap: str | None, keys: str | None, file: Path | None, **options: object
) -> None:
    """Give the program CLIENT another secret, printed this once; or with --keys other keys, instead of all it had."""

    async def rotate(vault: Vault) -> dict[str, object]:
        if (found := _read_keys(keys)) is not None:
            return await replace_keys_for(vault, client, keys=found)
        return await rotate_for(vault, client, overlap=_OVERLAPS[overlap or ""])

    if (overlap is None) == (keys is None):
        fail("rotate needs --overlap for a program with a secret, or --keys for one with keys")
    _print(looking(settings_of(file, options), rotate))


@client_group.command("revoke")
@click.argument("client")
@DATA
@CONFIG
def client_revoke_command(client: str, file: Path | None, **options: object) -> None:
    """End the program CLIENT for good: it gets no token any more, and those it has stop in running servers too."""
    looking(settings_of(file, options), lambda vault: revoke_for(vault, client))
    click.echo("revoked")


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
                _print(letter_line(letter))

    looking(settings_of(file, options), show)


def _print(line: Mapping[str, object]) -> None:
    click.echo(json.dumps(line, ensure_ascii=False))


def _read_keys(place: str | None) -> Mapping[str, object] | None:
    """Client metadata from a file, or from an address, which is fetched whenever the program comes."""
    if place is None or place.startswith(("https://", "http://")):
        return None if place is None else written_keys(place)
    try:
        return written_keys(Path(place).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{place} cannot be read: {getattr(error, 'strerror', None) or 'it is not text'}")


def _within(settings: Settings, act: Callable[[Vault, Work], Coroutine[Any, Any, object]]) -> None:
    """One transaction."""

    async def run(vault: Vault) -> None:
        async with vault.writing() as work:
            await act(vault, work)

    looking(settings, run)
