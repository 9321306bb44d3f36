"""The server under load: started for the occasion, pinned to one core, filled through HTTP like by anybody."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from examples.manage_my_career.party import Party

SERVER_CORE = 0
LOAD_CORE = 1
TURTLE = {"Content-Type": "text/turtle"}


@dataclass(frozen=True, slots=True)
class Ecosystem:
    """A running vault with one owner, whose party can sign proofs."""

    base_url: str
    port: int
    owner: Party


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pin(core: int, process_id: int = 0) -> None:
    """That process (0: this one) runs on one core from now on, where the machine has that many."""
    cores = range(os.cpu_count() or 1)
    os.sched_setaffinity(process_id, {cores[core % len(cores)]})


@asynccontextmanager
async def process(arguments: list[str], port: int, environment: dict[str, str]) -> AsyncIterator[None]:
    """A server process on its core, waited for until it answers, and ended in order."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *arguments,
        env={**os.environ, **environment},
        stderr=subprocess.DEVNULL,
    )
    pin(SERVER_CORE, child.pid)
    try:
        await _answers(port)
        yield
    finally:
        child.send_signal(signal.SIGTERM)
        await child.wait()


async def _answers(port: int) -> None:
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise TimeoutError("the server did not start")


@asynccontextmanager
async def bare() -> AsyncIterator[int]:
    """The baseline: its port."""
    port = free_port()
    async with process(["tests.benchmarks.bare", str(port)], port, {}):
        yield port


@asynccontextmanager
async def vault(folder: Path) -> AsyncIterator[Ecosystem]:
    """A seeded vault with one account, `alice`."""
    port = free_port()
    plan = folder / "seed.json"
    plan.write_text(
        json.dumps(
            {
                "accounts": [
                    {
                        "email": "alice@example.org",
                        "password": "correct-horse-battery",
                        "pod": "alice",
                        "credentials": {"id": "bench", "secret": "bench-secret"},
                    }
                ]
            }
        )
    )
    environment = {"DATAKLUIS_DATA": str(folder / "data"), "DATAKLUIS_PORT": str(port), "DATAKLUIS_LOG_LEVEL": "error"}
    environment["DATAKLUIS_REQUESTS_PER_MINUTE"] = "0"
    seeding = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "vault.cli",
        "seed",
        str(plan),
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
    )
    if await seeding.wait() != 0:
        raise RuntimeError("the store could not be seeded")
    async with process(["vault.cli", "serve"], port, environment):
        base = f"http://localhost:{port}/"
        async with Party(base, "bench", "bench-secret") as owner:
            yield Ecosystem(base, port, owner)


async def put(eco: Ecosystem, path: str, body: bytes, media_type: str = "text/turtle") -> None:
    answer = await eco.owner.call("PUT", f"{eco.base_url}{path}", body=body, headers={"Content-Type": media_type})
    if answer.status not in (201, 204):
        raise RuntimeError(f"PUT {path}: {answer.status} {answer.text[:200]}")


async def fetch(url: str) -> tuple[int, bytes]:
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        return answer.status, await answer.read()
