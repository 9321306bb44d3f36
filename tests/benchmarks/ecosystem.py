"""Ours and the baseline: started for the occasion, on the server's core, filled through HTTP like by anybody."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from examples.manage_my_career.party import Party
from tests.benchmarks.places import SERVER_CORE, Place, free_port, on_core
from tests.benchmarks.plan import DIPLOMA, PLAN
from vault.app import open_vault
from vault.config import Settings, load_settings
from vault.datasluis.answer import Choice, approve_request
from vault.seed import read_plan, seed
from vault.values import Citizen, PodName, WebId


@dataclass(frozen=True, slots=True)
class Shared:
    """A view that a grant opened, and the organisation that may read it."""

    view: str
    reader: Party


@dataclass(frozen=True, slots=True)
class Baseline:
    """The bare handler: its port and its process."""

    port: int
    process: int


@asynccontextmanager
async def process(arguments: list[str], port: int, environment: dict[str, str]) -> AsyncIterator[int]:
    """A server process on its core, waited for until it answers, and ended in order; its id."""
    with on_core(SERVER_CORE):
        child = await asyncio.create_subprocess_exec(
            *arguments, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    try:
        await _answers(port)
        yield child.pid
    finally:
        child.send_signal(signal.SIGTERM)
        await child.wait()


async def _answers(port: int) -> None:
    for _ in range(600):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise TimeoutError("the server did not start")


@asynccontextmanager
async def bare() -> AsyncIterator[Baseline]:
    """The baseline."""
    port = free_port()
    async with process([sys.executable, "-m", "tests.benchmarks.bare", str(port)], port, {}) as running:
        yield Baseline(port, running)


@asynccontextmanager
async def vault(folder: Path) -> AsyncIterator[tuple[Place, Shared]]:
    """A seeded vault with the account `alice`, one of whose diplomas the organisation `hr` may read."""
    port = free_port()
    environment = {"DATAKLUIS_DATA": str(folder / "data"), "DATAKLUIS_PORT": str(port), "DATAKLUIS_LOG_LEVEL": "error"}
    environment["DATAKLUIS_REQUESTS_PER_MINUTE"] = "0"
    view = await _prepare(load_settings(environment=environment), folder)
    async with process([sys.executable, "-m", "vault.cli", "serve"], port, environment) as running:
        base = f"http://localhost:{port}/"
        async with Party(base, "bench", "bench-secret") as owner, Party(base, "hr", "hr-secret") as reader:
            yield Place("Datakluis", base, port, running, "alice/", owner), Shared(view, reader)


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
