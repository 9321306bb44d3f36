"""A container of a hundred thousand members: its listing begins at once, takes no memory, and is whole and in order."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pyoxigraph
import pytest

from tests.server_process import ServerProcess, server_process
from vault.config import StorageSettings
from vault.solid.resource import Draft, Inline, Kind
from vault.storage.database import Database
from vault.values import TURTLE, PodName, ResourceUrl

MEMBERS = 100_000
SECONDS = 0.25  # to the first byte
MEGABYTES = 20  # PAIN-13: what the listings may add to the server's memory, all together
ALICE = PodName("alice")
OPEN = b"""@prefix acl: <http://www.w3.org/ns/auth/acl#>.
[] a acl:Authorization; acl:agentClass <http://xmlns.com/foaf/0.1/Agent>; acl:accessTo <./>; acl:mode acl:Read.
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server_process(tmp_path_factory.mktemp("long") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def filled(server: ServerProcess) -> ServerProcess:
    """Laid down through the store: by HTTP it would take minutes."""
    asyncio.run(fill(server.folder))
    return server


async def fill(place: Path) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    store = await Database.open(StorageSettings(data=place), clock=lambda: datetime.now(UTC))
    try:
        async with store.writing() as work:
            folder = Draft(ResourceUrl(ALICE, "/long/"), Kind.CONTAINER, TURTLE, now)
            await work.resources.put(folder, Inline(b""))
            acl = Draft(ResourceUrl(ALICE, "/long/.acl"), Kind.GRAPH, TURTLE, now)
            await work.resources.put(acl, Inline(OPEN))
        for start in range(0, MEMBERS, 5_000):
            async with store.writing() as work:
                for number in range(start, start + 5_000):
                    member = Draft(ResourceUrl(ALICE, f"/long/member-{number:06}.ttl"), Kind.GRAPH, TURTLE, now)
                    await work.resources.put(member, Inline(b"<#it> <#p> 1 ."))
    finally:
        await store.close()


async def write_much(place: Path) -> None:
    """Eighteen megabytes in three hundred commits."""
    store = await Database.open(StorageSettings(data=place), clock=lambda: datetime.now(UTC))
    try:
        now = datetime.now(UTC).replace(microsecond=0)
        for number in range(300):
            async with store.writing() as work:
                draft = Draft(ResourceUrl(ALICE, f"/other-{number}.ttl"), Kind.GRAPH, TURTLE, now)
                await work.resources.put(draft, Inline(b"#" * 60_000))
    finally:
        await store.close()


def listing(server: ServerProcess, accept: str) -> tuple[float, str, bytes]:
    """Seconds to the first byte, the head, and the body out of its chunks."""
    host = f"Host: localhost:{server.port}\r\nConnection: close\r\n"
    request = f"GET /alice/long/ HTTP/1.1\r\n{host}Accept: {accept}\r\n\r\n"
    with closing(socket.create_connection(("127.0.0.1", server.port), 60)) as connection:
        begun = time.perf_counter()
        connection.sendall(request.encode())
        received = [connection.recv(65_536)]
        seconds = time.perf_counter() - begun
        while received[-1]:
            received.append(connection.recv(1_000_000))
    head, _, sent = b"".join(received).partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head.lower()
    body, at = [], 0
    while (end := sent.index(b"\r\n", at)) and (size := int(sent[at:end], 16)):
        body.append(sent[end + 2 : end + 2 + size])
        at = end + 2 + size + 2
    assert sent[at:] == b"0\r\n\r\n"  # it came to its end
    return seconds, head.decode(), b"".join(body)


def kilobytes(server: ServerProcess, what: str) -> int:
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(rf"{what}:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1])


@pytest.mark.slow
@pytest.mark.requirement("PR-30", "PR-33", "PAIN-13")
@pytest.mark.parametrize(
    ("accept", "syntax"),
    [
        ("text/turtle", pyoxigraph.RdfFormat.TURTLE),
        ("application/ld+json", pyoxigraph.RdfFormat.JSON_LD),
        ("application/n-triples", pyoxigraph.RdfFormat.N_TRIPLES),
    ],
)
def test_a_hundred_thousand_members_come_at_once_in_order_and_without_memory(
    filled: ServerProcess, accept: str, syntax: pyoxigraph.RdfFormat
) -> None:
    listing(filled, accept)  # the first connection of all opens the store
    before = kilobytes(filled, "VmRSS")
    told = [listing(filled, accept) for _ in range(3)]
    assert min(seconds for seconds, _, _ in told) < SECONDS
    assert kilobytes(filled, "VmHWM") - before < MEGABYTES * 1024
    assert len({body for _, _, body in told}) == 1  # stable
    assert f"content-type: {accept}" in told[0][1].lower()
    place = f"{filled.base_url}alice/long/"
    contains = "http://www.w3.org/ns/ldp#contains"
    quads = pyoxigraph.parse(told[0][2], format=syntax, base_iri=place)
    found = [quad.object.value for quad in quads if quad.predicate.value == contains]
    assert found == [f"{place}member-{number:06}.ttl" for number in range(MEMBERS)]


@pytest.mark.slow
@pytest.mark.requirement("ATK-32", "PAIN-13")
def test_listings_that_nobody_takes_hold_up_neither_memory_nor_writers(filled: ServerProcess) -> None:
    """Whoever asks and then reads nothing: what was written for him waits on disk, and the transaction is over."""
    before = kilobytes(filled, "VmRSS")
    request = f"GET /alice/long/ HTTP/1.1\r\nHost: localhost:{filled.port}\r\n\r\n".encode()
    idle = [socket.create_connection(("127.0.0.1", filled.port), 60) for _ in range(8)]
    try:
        for connection in idle:
            connection.sendall(request)
        for connection in idle:
            assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        time.sleep(8)  # all of them are written by now
        assert kilobytes(filled, "VmRSS") - before < 5 * MEGABYTES * 1024
        asyncio.run(write_much(filled.folder))
        wal = filled.folder / "vault.db-wal"
        # Were a reader still in its snapshot, the log could not begin anew.
        assert not wal.exists() or wal.stat().st_size < 12_000_000
    finally:
        for connection in idle:
            connection.close()
