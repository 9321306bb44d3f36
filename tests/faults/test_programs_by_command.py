"""The programs of an account under a running server, by the command: made, renewed, ended, and what comes of it."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.browser import Browser
from tests.conformance.solid_oidc.test_programs import asserted, refused
from tests.forge import new_key, public
from tests.people import Person, Visitor, read_cast
from tests.server_process import ServerProcess, run_command, server_process
from vault.app import open_vault
from vault.audit import AuditEntry, AuditEvent
from vault.config import load_settings
from vault.identity.clients import Client
from vault.identity.oversee import overseen_programs
from vault.values import PodName


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with server_process(tmp_path_factory.mktemp("programs") / "data", workers=2) as running:
        yield running


@pytest.fixture
async def http(server: ServerProcess) -> AsyncIterator[Visitor]:
    """A connection for each request, so that either worker answers."""
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), connector=connector) as session:
        yield Visitor(session, server.base_url)


@pytest.fixture
def alice(server: ServerProcess) -> Person:
    return read_cast(server.base_url)["alice"]


def command(server: ServerProcess, *words: str) -> subprocess.CompletedProcess[str]:
    return run_command("client", *words, folder=server.folder, port=server.port)


def line(server: ServerProcess, *words: str) -> dict[str, Any]:
    """The one JSON object that a command prints."""
    done = command(server, *words)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def listed(server: ServerProcess, *words: str) -> dict[str, dict[str, Any]]:
    done = command(server, "list", *words)
    assert done.returncode == 0, done.stderr
    return {found["client"]: found for found in map(json.loads, done.stdout.splitlines())}


def robot(person: Person, printed: dict[str, Any]) -> Person:
    """Whoever holds what was printed."""
    return replace(person, client_id=printed["client"], client_secret=printed["secret"], token="", token_ends=0.0)


def log_of(server: ServerProcess, client_id: str) -> list[AuditEntry]:
    async def entries() -> list[AuditEntry]:
        options = {"data": server.folder, "port": server.port}
        async with open_vault(load_settings(file=None, options=options)) as vault, vault.reading() as work:
            found = await work.audit.entries(PodName("alice"), newest_first=True, limit=50)
            return [entry for entry in found if entry.subject == client_id]

    return asyncio.run(entries())


def kept(server: ServerProcess) -> list[Client]:
    """Every program in the store."""

    async def look() -> list[Client]:
        options = {"data": server.folder, "port": server.port}
        async with open_vault(load_settings(file=None, options=options)) as vault:
            return [client async for _, client in overseen_programs(vault.reading, None)]

    return asyncio.run(look())


@pytest.mark.requirement("VEC-T28", "VEC-K03")
async def test_program_is_made_renewed_and_ended_beside_a_running_server(
    server: ServerProcess, http: Visitor, alice: Person
) -> None:
    made = await asyncio.to_thread(line, server, "add", alice.email, "--name", "Payroll")
    assert (made["account"], made["webId"], made["auth"]) == (alice.email, alice.webid, "client_secret_basic")
    first = robot(alice, made)
    assert (await http.get(alice.pod, by=first)).status == 200
    again = await asyncio.to_thread(listed, server, alice.email)
    assert again[first.client_id]["name"] == "Payroll"
    assert again[first.client_id]["lastUsed"] is not None
    assert first.client_secret not in json.dumps(again)
    # A day in which both secrets count; and then the first of them and the second end at once.
    second = robot(alice, await asyncio.to_thread(line, server, "rotate", first.client_id, "--overlap", "1"))
    assert not await refused(http, second)
    assert not await refused(http, first)
    third = robot(alice, await asyncio.to_thread(line, server, "rotate", first.client_id, "--overlap", "0"))
    assert not await refused(http, third)
    assert await refused(http, first)
    assert await refused(http, second)
    assert len({first.client_secret, second.client_secret, third.client_secret}) == 3
    # Ended: neither worker takes the token that it still holds.
    assert {(await http.get(alice.pod, by=third)).status for _ in range(8)} == {200}
    done = await asyncio.to_thread(command, server, "revoke", first.client_id)
    assert (done.returncode, done.stdout) == (0, "revoked\n")
    await asyncio.sleep(1.05)
    assert {(await http.get(alice.pod, by=third)).status for _ in range(8)} == {401}
    assert await refused(http, third)
    assert first.client_id not in await asyncio.to_thread(listed, server)
    entries = await asyncio.to_thread(log_of, server, first.client_id)
    happened = [(entry.event, entry.actor) for entry in reversed(entries)]
    assert happened == [
        (AuditEvent.CLIENT_REGISTERED, "operator"),
        (AuditEvent.CLIENT_CHANGED, "operator"),
        (AuditEvent.CLIENT_CHANGED, "operator"),
        (AuditEvent.CLIENT_REVOKED, "operator"),
    ]


@pytest.mark.requirement("VEC-K04")
async def test_program_with_a_key_set_proves_itself_by_it_and_gets_another(
    server: ServerProcess, http: Visitor, alice: Person, tmp_path: Path
) -> None:
    first, second, file = new_key(), new_key(), tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": [{**public(first), "kid": "one"}]}))
    made = await asyncio.to_thread(line, server, "add", alice.email, "--name", "By key", "--keys", str(file))
    assert "secret" not in made
    assert (made["auth"], made["keys"]) == ("private_key_jwt", ["one"])
    assert await asserted(http, made["client"], first) == 200
    file.write_text(json.dumps({**public(second), "kid": "one"}))  # a single key will do
    changed = await asyncio.to_thread(line, server, "rotate", made["client"], "--keys", str(file))
    assert "secret" not in changed
    assert await asserted(http, made["client"], first) == 401
    assert await asserted(http, made["client"], second) == 200
    assert (await asyncio.to_thread(command, server, "rotate", made["client"], "--overlap", "0")).returncode == 2
    assert await asserted(http, made["client"], second) == 200


async def test_what_the_command_made_is_on_the_owners_page(server: ServerProcess, http: Visitor, alice: Person) -> None:
    made = await asyncio.to_thread(line, server, "add", alice.email, "--name", "Shown")
    browser = Browser(http)
    await browser.sign_in(alice)
    page = await browser.open("/my/account/programs")
    assert "Shown" in page.text
    assert made["secret"] not in page.text


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("add", "nobody@people.example", "--name", "x"), "no-such-account"),
        (("list", "nobody@people.example"), "no-such-account"),
        (("add", "{alice}", "--name", "x", "--webid", "{bob}"), "webid-not-held"),
        (("add", "{alice}", "--name", "x", "--keys", "nowhere.json"), "cannot be read"),
        (("add", "{alice}", "--name", "x", "--keys", "http://10.0.0.1/jwks"), "invalid_client_metadata"),
        (("add", "{alice}"), "--name"),
        (("rotate", "never-made", "--overlap", "1"), "program"),
        (("rotate", "alice-machine"), "--overlap"),
        (("rotate", "alice-machine", "--overlap", "365"), "--overlap"),
        (("rotate", "alice-machine", "--overlap", "1", "--keys", "https://keys.example/jwks"), "--keys"),
        (("rotate", "alice-machine", "--keys", "https://keys.example/jwks"), "program-has-secret"),
        (("revoke", "never-made"), "program"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_changed(
    server: ServerProcess, words: tuple[str, ...], reason: str
) -> None:
    people = read_cast(server.base_url)
    named = {"{alice}": people["alice"].email, "{bob}": people["bob"].webid, "alice-machine": people["alice"].client_id}
    before = kept(server)
    done = command(server, *(named.get(word, word) for word in words))
    assert done.returncode == 2
    assert reason in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert kept(server) == before
