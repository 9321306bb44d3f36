"""kill -9 in the midst of two hundred requests: all that was acknowledged is there and whole, and the log holds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from tests.people import TURTLE, Person, Visitor, read_cast
from tests.server_process import ServerProcess, run_command, server_process

WRITERS = 200
LARGE = 40_000  # above what stays in a row: such a body is a file of its own


@dataclass
class Kept:
    """What the server said it kept, and everything that was sent, by URL."""

    acknowledged: dict[str, list[bytes]] = field(default_factory=dict)
    sent: dict[str, list[bytes]] = field(default_factory=dict)
    inserted: set[int] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    puts: int = 0
    enough: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    def acknowledge(self, place: str, body: bytes) -> None:
        self.acknowledged.setdefault(place, []).append(body)
        self.puts += 1
        if self.puts >= self.enough:
            self.reached.set()


@asynccontextmanager
async def visiting(base_url: str) -> AsyncIterator[Visitor]:
    connector = aiohttp.TCPConnector(limit=WRITERS)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield Visitor(session, base_url)


def body_of(name: str, turn: int) -> tuple[bytes, str]:
    """A body that shows whether it is whole, and its type: every fifth is a large binary."""
    if name.endswith(("0", "5")):
        return (f"{name} {turn} ".encode() * LARGE)[:LARGE] + b"end", "application/octet-stream"
    return f'<#{name}> <#turn> {turn}; <#padding> "{name * 20}". <#the> <#very> <#end>.'.encode(), TURTLE


async def write_for_ever(http: Visitor, alice: Person, number: int, kept: Kept, first: int) -> None:
    """One client: new documents in new containers, replacements of a shared one, patches, a deletion now and then."""
    with_patch = f"{alice.pod}killed/patched"
    for turn in range(first, first + 1000):
        name = f"n{number}"
        place = f"{alice.pod}killed/{turn % 3}/{name}" if turn % 4 else f"{alice.pod}killed/shared"
        body, kind = body_of(name, turn)
        if place.endswith("shared"):
            kind = TURTLE
            body = f'<#{name}> <#turn> {turn}; <#padding> "{name * 50}". <#the> <#very> <#end>.'.encode()
        kept.sent.setdefault(place, []).append(body)
        answer = await http.put(place, body, by=alice, kind=kind)
        assert answer.status in (201, 204), answer.text
        kept.acknowledge(place, body)
        if turn % 5 == 0:
            mark = number * 10_000 + turn
            assert (await http.insert(with_patch, f"<#m{mark}> <#is> {mark}", by=alice)).status in (201, 204)
            kept.inserted.add(mark)
        if turn % 7 == 6:
            gone = f"{alice.pod}killed/gone-{number}-{turn}"
            await http.put(gone, b"<#a> <#b> <#c>.", by=alice)
            assert (await http.delete(gone, by=alice)).status == 204
            kept.deleted.add(gone)


async def write_until_killed(server: ServerProcess, kept: Kept, first: int, enough: int) -> None:
    async with visiting(server.base_url) as http:
        alice = read_cast(server.base_url)["alice"]
        await http.token_of(alice)
        writers = [asyncio.create_task(write_for_ever(http, alice, n, kept, first)) for n in range(WRITERS)]
        kept.enough, kept.reached = enough, asyncio.Event()
        async with asyncio.timeout(60):  # slower than that, and the test would not mean anything
            await kept.reached.wait()
        server.kill()
        outcomes = await asyncio.gather(*writers, return_exceptions=True)
        assert all(isinstance(outcome, (aiohttp.ClientError, OSError)) for outcome in outcomes), outcomes[:3]


async def check_everything(server: ServerProcess, kept: Kept) -> None:
    async with visiting(server.base_url) as http:
        alice = read_cast(server.base_url)["alice"]
        for place, bodies in kept.sent.items():
            answer = await http.get(place, by=alice)
            acknowledged = kept.acknowledged.get(place, [])
            if not acknowledged and answer.status == 404:
                continue
            assert answer.status == 200, place
            assert answer.body in bodies, f"torn: {place} {answer.body[:80]!r} {len(answer.body)}"
            if not place.endswith("shared"):  # one writer each: never older than the last one acknowledged
                last = bodies.index(acknowledged[-1]) if acknowledged else 0
                assert bodies.index(answer.body) >= last, f"lost: {place}"
            assert answer.headers["Content-Length"] == str(len(answer.body))
        await check_listings(http, alice, kept)
        patched = (await http.get(f"{alice.pod}killed/patched", by=alice, accept="application/n-triples")).text
        assert all(f"#m{mark}> " in patched for mark in kept.inserted)
        for gone in kept.deleted:
            assert (await http.get(gone, by=alice)).status == 404


async def check_listings(http: Visitor, alice: Person, kept: Kept) -> None:
    """Every member a listing names is there, and everything acknowledged is listed: no half resource."""
    contains = "<http://www.w3.org/ns/ldp#contains>"
    found: set[str] = set()
    for container in [f"{alice.pod}killed/", *(f"{alice.pod}killed/{n}/" for n in range(3))]:
        listing = await http.get(container, by=alice, accept="application/n-triples")
        if listing.status == 404 and not any(place.startswith(container) for place in kept.acknowledged):
            continue
        assert listing.status == 200, container
        members = [line.split(" ")[2].strip("<>") for line in listing.text.splitlines() if contains in line]
        for member in members:
            assert (await http.head(member, by=alice)).status == 200, member
        found.update(members)
    assert set(kept.acknowledged) <= found
    assert found.isdisjoint(kept.deleted)


@pytest.mark.slow
@pytest.mark.requirement("D17", "PR-30", "UX-21")
@pytest.mark.parametrize("workers", [1, 2])
async def test_nothing_acknowledged_is_missing_or_torn_after_a_kill(tmp_path: Path, workers: int) -> None:
    folder = tmp_path / "data"
    with server_process(folder, workers=workers) as server:
        kept = Kept()
        for first, enough in ((0, 300), (1000, 2500)):
            await write_until_killed(server, kept, first, enough)
            server.start()
            await check_everything(server, kept)
        assert server.stop() == 0
    verified = run_command("audit", "verify", folder=folder, port=server.port)
    chains = [json.loads(line) for line in verified.stdout.splitlines()]
    assert verified.returncode == 0, verified.stdout
    alices = next(chain for chain in chains if chain["pod"] == "alice")
    done = kept.puts + len(kept.inserted) + 2 * len(kept.deleted)
    assert alices["state"] == "intact"
    assert alices["entries"] >= done
