"""A process of its own that uses a store, for tests that kill it, starve it or let several of them meet.

`python -m tests.faults.store_process COMMAND FOLDER …`; what it has to say goes to standard output, a line each, and
each line is out before the next step is taken.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import resource
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from tests.contracts.stores import ALICE, a_draft, an_act, at, bytes_at, open_sqlite, put
from vault.errors import Unavailable
from vault.solid.resource import Inline
from vault.storage.database import Database
from vault.values import Notice

LARGE = 40_000  # bytes: every fifth body is a blob of this size


def say(*words: object) -> None:
    os.write(1, (" ".join(str(word) for word in words) + "\n").encode())


def content(path: str, round_: str) -> bytes:
    """A body that shows on its own whether it is whole: its length and every line follow from its name."""
    line = f"{path} {round_}\n".encode()
    large = int(path.rsplit("-", 1)[-1]) % 5 == 0
    return (line * (LARGE // len(line) + 1))[:LARGE] if large else line * 20


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def put_for_ever(store: Database, round_: str) -> None:
    """200 writers at once: new resources and old ones written anew, each with its audit entry and its notice."""
    numbers = itertools.count()

    async def write() -> None:
        for number in numbers:
            path = f"/{round_}-{number}" if number % 3 else f"/again-{number % 60}"
            data = content(path, f"{round_}-{number}")
            body = await store.blobs.save(_once(data), limit=LARGE) if len(data) >= LARGE else Inline(data)
            async with store.writing() as work:
                stored = await work.resources.put(a_draft(path), body)
                await work.resources.touch(at("/"), modified=None)
                await work.audit.append(an_act(path, version=str(stored.version), round=f"{round_}-{number}"))
                await work.outbox.append(ALICE, Notice(path, "Update", store._clock()))
            say("kept", path, stored.version, f"{round_}-{number}")

    await asyncio.gather(*(write() for _ in range(200)))


async def count_up(store: Database, times: str) -> None:
    """Adds one to a number, so many times, from eight writers; says how long the slowest waited, in milliseconds.

    Begins when a line comes on standard input, so that several begin together.
    """
    await asyncio.to_thread(sys.stdin.readline)
    slowest = 0.0
    left = iter(range(int(times)))

    async def write() -> None:
        nonlocal slowest
        for _ in left:
            began = time.monotonic()
            async with store.writing() as work:
                number = int(await bytes_at(work, "/count") or b"0") + 1
                stored = await put(work, "/count", str(number).encode())
                await work.audit.append(an_act("/count", number=str(number), version=str(stored.version)))
            slowest = max(slowest, time.monotonic() - began)

    await asyncio.gather(*(write() for _ in range(8)))
    say("slowest", round(slowest * 1000))


def _files(folder: str) -> list[Path]:
    return [path for path in Path(folder).rglob("*") if path.is_file()]


async def fill_the_disk(store: Database, folder: str) -> None:
    """Writes with a limit on the size of files until nothing goes any more, then without it."""
    say("ready", await store.ready())
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    written = max(path.stat().st_size for path in _files(folder))
    resource.setrlimit(resource.RLIMIT_FSIZE, (written + 200_000, hard))

    async def write(number: int) -> None:
        async with store.writing() as work:
            stored = await put(work, f"/fill-{number}", b"x" * 3000)
            await work.audit.append(an_act(f"/fill-{number}", version=str(stored.version)))
        say("kept", f"/fill-{number}", stored.version)

    for first in range(0, 400, 20):
        results = await asyncio.gather(*(write(first + number) for number in range(20)), return_exceptions=True)
        for result in results:
            if result is not None:
                say("refused", type(result).__name__)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))  # until now, something small might still have found room
    await asyncio.sleep(1.1)
    say("ready", await store.ready())
    try:
        await store.blobs.save(_once(b"y" * 10_000_000), limit=10**9)
    except Unavailable:
        say("blob refused", len([path for path in _files(folder) if "blobs" in path.parts]))
    async with store.reading() as work:
        say("pod", (await work.resources.pod(ALICE)) is not None)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    await asyncio.sleep(1.1)
    say("ready", await store.ready())
    await write(1000)


def hold_the_lock(folder: str, seconds: str) -> None:
    """Somebody else's program writes in our database and takes its time."""
    connection = sqlite3.connect(Path(folder, "vault.db"), isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    say("locked")
    time.sleep(float(seconds))
    connection.execute("ROLLBACK")
    say("free")


COMMANDS: dict[str, Callable[[Database, str], Awaitable[None]]] = {
    "put-for-ever": put_for_ever,
    "count-up": count_up,
    "fill-the-disk": fill_the_disk,
}


async def main(command: str, folder: str, word: str) -> None:
    store = await open_sqlite(Path(folder), lambda: datetime.now(UTC))
    say("open")
    await COMMANDS[command](store, word)
    await store.close()


if __name__ == "__main__":
    if sys.argv[1] == "hold-the-lock":
        hold_the_lock(*sys.argv[2:4])
    else:
        asyncio.run(main(*sys.argv[1:4]))
