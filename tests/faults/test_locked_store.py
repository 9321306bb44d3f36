"""Other processes at the same database: they wait for one another, none starves, and a lock that stays is an error."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.contracts.stores import ALICE, a_pod, at, bytes_at, open_sqlite, put
from tests.faults.processes import begin, finish, started
from vault.audit import Intact, verify_chain
from vault.errors import Unavailable
from vault.storage import engines
from vault.storage.database import Database


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await open_sqlite(tmp_path, now)
    async with opened.writing() as work:
        await work.resources.add_pod(a_pod())
    yield opened
    await opened.close()


async def test_a_writer_waits_until_another_program_is_done(store: Database, tmp_path: Path) -> None:
    with started("hold-the-lock", tmp_path, "0.4") as other:
        began = time.monotonic()
        async with store.writing() as work:
            waited = time.monotonic() - began
            await put(work, "/a")
        assert 0.2 < waited < 5
        assert finish(other) == ["free"]


async def test_the_loop_and_its_readers_go_on_while_a_writer_waits(store: Database, tmp_path: Path) -> None:
    async def write() -> None:
        async with store.writing() as work:
            await put(work, "/a")

    looks, longest = 0, 0.0
    with started("hold-the-lock", tmp_path, "0.6"):
        writer = asyncio.create_task(write())
        while not writer.done():
            began = time.monotonic()
            async with store.reading() as work:
                assert await work.resources.pod(ALICE) is not None
            await asyncio.sleep(0.001)
            longest = max(longest, time.monotonic() - began)
            looks += 1
    await writer
    assert looks > 20
    assert longest < 0.2


async def test_a_lock_that_stays_is_unavailable_and_no_longer_than_it_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_PATIENCE", 0.2)
    store = await open_sqlite(tmp_path, now)
    async with store.writing() as work:
        await work.resources.add_pod(a_pod())

    async def write(path: str) -> None:
        async with store.writing() as work:
            await put(work, path)

    with started("hold-the-lock", tmp_path, "60"):
        results = await asyncio.gather(*(write(f"/{number}") for number in range(5)), return_exceptions=True)
    assert [type(result) for result in results] == [Unavailable] * 5
    await write("/after")  # a lock ends with its process
    async with store.reading() as work:
        assert [child.url.path async for child in work.resources.children(at("/"))] == ["/after"]
    await store.close()


@pytest.mark.slow
@pytest.mark.requirement("D19")
async def test_four_worker_processes_lose_no_update_and_none_starves(store: Database, tmp_path: Path) -> None:
    with ExitStack() as all_four:
        workers = [all_four.enter_context(started("count-up", tmp_path, "150")) for _ in range(4)]
        for worker in workers:
            begin(worker)
        slowest = [int(line.split()[1]) for worker in workers for line in await asyncio.to_thread(finish, worker)]
    async with store.reading() as work:
        entries = await work.audit.entries(ALICE)
        assert await bytes_at(work, "/count") == b"600"
    assert [entry.facts["number"] for entry in entries] == [str(number) for number in range(1, 601)]
    versions = [int(entry.facts["version"]) for entry in entries]
    assert versions == sorted(set(versions))
    assert isinstance(verify_chain(entries), Intact)
    assert max(slowest) < 2000, slowest
