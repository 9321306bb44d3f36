"""Signing keys change under a running server: by the command, in all workers, and without one refused token."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from tests.browser import App, Browser, ask, register
from tests.forge import Holder, read
from tests.live import Live, serving
from tests.people import Person, Visitor, read_cast, visiting
from tests.server_process import run_command, server_process
from vault.audit import SERVER, AuditEvent
from vault.identity.rotate import KeyState, KeyStatus, reload_keys, retire_keys, rotate_keys
from vault.ports import Vault


async def token_of(http: Visitor, person: Person, nonce: str | None = None) -> Holder:
    """A fresh token of the person's machine; each over a connection of its own, so that any worker may answer."""
    app = App(http, person.client_id, "", person.client_secret, Holder())
    proof = app.holder.proof("POST", app.token_url, nonce=nonce)
    answer = await app.post_token(grant_type="client_credentials", proof=proof, **app.credentials)
    assert answer.status == 200, answer.text
    return replace(app.holder, token=answer.json["access_token"])


def key_of(holder: Holder) -> str:
    return str(read(holder.token)[0]["kid"])


async def published(http: Visitor) -> list[str]:
    return [key["kid"] for key in (await http.get(f"{http.base_url}idp/jwks")).json["keys"]]


@pytest.mark.requirement("OP-10")
async def test_a_new_key_is_public_first_signs_later_and_the_old_one_goes_last(tmp_path: Path) -> None:
    with serving(tmp_path) as live:
        async with visiting(live.base_url) as http:
            alice = live.people["alice"]
            old = await token_of(http, alice)
            app = await register(http, id_token_signed_response_alg="RS256")
            first = (await app.redeem(await app.code_for(Browser(http), alice))).json["id_token"]
            before = await published(http)
            assert {key_of(old), read(first)[0]["kid"]} == set(before)
            statuses = live.within(lambda vault: rotate(vault, overlap=600))
            assert [status.state for status in statuses] == [KeyState.WAITING] * 2 + [KeyState.SIGNING] * 2
            follow(live)
            assert len(await published(http)) == 4
            assert key_of(await token_of(http, alice)) == key_of(old)
            live.within(lambda vault: rotate(vault, overlap=0))
            follow(live)
            new = await token_of(http, alice)
            assert key_of(new) not in before
            second = (await app.redeem(await app.code_for(Browser(http), alice))).json["id_token"]
            assert read(second)[0]["kid"] not in before
            for holder in (old, new):
                assert (await ask(http, holder, alice.pod)).status == 200
            assert live.within(lambda vault: retire(vault, 700)) == []
            assert set(before) <= set(live.within(lambda vault: retire(vault, 2000)))
            follow(live)
            assert set(await published(http)) == {key_of(new), read(second)[0]["kid"]}
            assert (await ask(http, new, alice.pod)).status == 200


async def rotate(vault: Vault, *, overlap: int) -> list[KeyStatus]:
    settings = replace(vault.settings.identity, key_overlap_seconds=overlap)
    async with vault.writing() as work:
        statuses = await rotate_keys(work, settings=settings, now=vault.clock())
    async with vault.reading() as work:
        entries = await work.audit.entries(SERVER, after=0)
    written = [entry.facts["key"] for entry in entries if entry.event is AuditEvent.KEY_ROTATED]
    assert written[-2:] == [status.key_id for status in statuses[:2]][::-1]
    return statuses


async def retire(vault: Vault, seconds: int) -> list[str]:
    now = vault.clock() + timedelta(seconds=seconds)
    return await retire_keys(vault.reading, vault.writing, settings=vault.settings.identity, now=now)


def follow(live: Live) -> None:
    """What the server does by itself every few seconds."""
    live.within(lambda vault: reload_keys(vault.keys, vault.reading, now=vault.clock()))


@pytest.mark.requirement("VEC-P38", "VEC-P39", "VEC-P43", "OP-10", "RFC9449-8", "RFC9449-9")
async def test_workers_share_keys_nonces_and_the_proofs_they_have_seen(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with server_process(folder, workers=2, require_nonce="true") as server:
        alice = read_cast(server.base_url)["alice"]
        connector = aiohttp.TCPConnector(force_close=True)  # every request may reach another worker
        async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
            http = Visitor(session, server.base_url)
            nonce = (await http.get(alice.pod)).headers["DPoP-Nonce"]
            old = await token_of(http, alice, nonce)
            for _ in range(3):
                proof = old.proof("GET", alice.pod, nonce=nonce)
                answers = await asyncio.gather(*(ask(http, old, alice.pod, proof=proof) for _ in range(6)))
                assert sorted(answer.status for answer in answers) == [200, *[401] * 5]
            config = tmp_path / "datakluis.toml"
            config.write_text("[identity]\nkey_overlap_seconds = 0\n")
            done = run_command("keys", "rotate", "--config", str(config), folder=folder, port=server.port)
            assert done.returncode == 0, done.stderr
            fresh = [line["key"] for line in map(json.loads, done.stdout.splitlines()) if line["algorithm"] == "ES256"]
            end = time.monotonic() + 20
            found: set[str] = set()
            while found != {fresh[0]}:  # the old key until each worker has looked, and never one that is refused
                assert time.monotonic() < end
                holders = await asyncio.gather(*(token_of(http, alice, nonce) for _ in range(6)))
                found = {key_of(holder) for holder in holders}
                await asyncio.sleep(0.2)
            for holder in (old, *holders):
                answer = await ask(http, holder, alice.pod, proof=holder.proof("GET", alice.pod, nonce=nonce))
                assert answer.status == 200
