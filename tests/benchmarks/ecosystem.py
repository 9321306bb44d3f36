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
from datetime import timedelta
from pathlib import Path

from examples.manage_my_career.party import Party
from tests.benchmarks.plan import DIPLOMA, PLAN
from vault.app import open_vault
from vault.config import Settings, load_settings
from vault.datasluis.answer import Choice, approve_request
from vault.seed import read_plan, seed
from vault.values import Citizen, PodName, WebId

SERVER_CORE = 0
LOAD_CORE = 1


@dataclass(frozen=True, slots=True)
class Ecosystem:
    """A running vault with one owner, whose party can sign proofs."""

    base_url: str
    port: int
    owner: Party


@dataclass(frozen=True, slots=True)
class Shared:
    """A view that a grant opened, and the organisation that may read it."""

    view: str
    reader: Party


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
async def vault(folder: Path) -> AsyncIterator[tuple[Ecosystem, Shared]]:
    """A seeded vault with the account `alice`, one of whose diplomas the organisation `hr` may read."""
    port = free_port()
    environment = {"DATAKLUIS_DATA": str(folder / "data"), "DATAKLUIS_PORT": str(port), "DATAKLUIS_LOG_LEVEL": "error"}
    environment["DATAKLUIS_REQUESTS_PER_MINUTE"] = "0"
    view = await _prepare(load_settings(environment=environment), folder)
    async with process(["vault.cli", "serve"], port, environment):
        base = f"http://localhost:{port}/"
        async with Party(base, "bench", "bench-secret") as owner, Party(base, "hr", "hr-secret") as reader:
            yield Ecosystem(base, port, owner), Shared(view, reader)


async def _prepare(settings: Settings, folder: Path) -> str:
    """Accounts, a diploma and a grant, laid down by the use cases themselves; the address of the view."""
    plan = folder / "seed.json"
    plan.write_text(json.dumps(PLAN))
    (folder / "diploma.ttl").write_bytes(DIPLOMA)
    async with open_vault(settings) as machine:
        laid = await seed(machine, read_plan(plan), folder)
        webid = WebId(laid.accounts["alice"]["webId"])
        async with machine.writing() as work:
            account = await work.accounts.by_webid(webid)
            asked = (await work.requests.for_pod(PodName("alice")))[0]
            deposited = (await work.deposits.for_pod(PodName("alice")))[0]
            assert account is not None
            grant = await approve_request(
                work,
                citizen=Citizen(account.id, webid, account.pod, stepped_up=True),
                request_id=asked.id,
                choice=Choice(
                    ((deposited.url, ("title", "date")),), machine.clock() + timedelta(days=7), asked.version
                ),
                catalogue=machine.catalogue,
                now=machine.clock(),
            )
        return f"{machine.base_url}datasluis/view/{grant.id}/{grant.items[0].key}"


async def put(eco: Ecosystem, path: str, body: bytes, media_type: str = "text/turtle") -> None:
    answer = await eco.owner.call("PUT", f"{eco.base_url}{path}", body=body, headers={"Content-Type": media_type})
    if answer.status not in (201, 204):
        raise RuntimeError(f"PUT {path}: {answer.status} {answer.text[:200]}")
