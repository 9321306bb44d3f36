"""A real server for tests: an event loop of its own in a thread, a real SQLite in a folder of its own, a free port."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
import uvloop

from tests.people import CAST, Person, read_cast
from vault import observe
from vault.app import Machine, prepare_process, running
from vault.config import Settings
from vault.ports import Vault
from vault.seed import read_plan, seed

_T = TypeVar("_T")


@dataclass(frozen=True)
class Live:
    """A server that answers at `base_url`. `machine` and `loop` are None when it runs elsewhere."""

    base_url: str
    people: Mapping[str, Person]
    machine: Machine | None = None
    loop: asyncio.AbstractEventLoop | None = None

    def within(self, act: Callable[[Vault], Awaitable[_T]]) -> _T:
        """Runs `act` on the server's own vault, in the server's own loop: for looking at what no URL shows."""
        if self.machine is None or self.loop is None:
            pytest.skip("This test looks inside the server, which runs elsewhere.")

        async def run(vault: Vault) -> _T:
            return await act(vault)

        return asyncio.run_coroutine_threadsafe(run(self.machine.vault), self.loop).result(60)


def settings_for(folder: Path, port: int, **changes: Any) -> Settings:
    """Settings of a test server; `changes` are whole sections or single limits: `limits={"rdf_bytes": 100}`."""
    settings = Settings()
    given: dict[str, dict[str, Any]] = {
        "server": {"base_url": f"http://localhost:{port}/", "port": port, "drain_seconds": 5.0},
        "storage": {"data": folder},
        "outbound": {"insecure_allow_loopback": True},
        "limits": {"requests_per_minute": 0, "sign_in_tries": 1000},
        "observe": {"log_level": "error"},
    }
    for section, values in changes.items():
        given.setdefault(section, {}).update(values)
    return replace(settings, **{name: replace(getattr(settings, name), **values) for name, values in given.items()})


@contextmanager
def serving(folder: Path, **changes: Any) -> Iterator[Live]:
    """A server with the cast in it, for as long as the block lasts."""
    prepare_process()
    observe.configure(level="error", form="json")
    sock = socket.create_server(("127.0.0.1", 0))
    settings = settings_for(folder, sock.getsockname()[1], **changes)
    ready = threading.Event()
    started: list[tuple[Machine, asyncio.AbstractEventLoop, asyncio.Event] | BaseException] = []

    async def run() -> None:
        stop = asyncio.Event()
        try:
            async with running(settings, sock) as machine:
                await seed(machine.vault, read_plan(CAST), CAST.parent)
                started.append((machine, asyncio.get_running_loop(), stop))
                ready.set()
                await stop.wait()
        except BaseException as error:
            started.append(error)
            ready.set()
            raise

    def turn() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run())

    thread = threading.Thread(target=turn, daemon=True)
    thread.start()
    ready.wait(60)
    outcome = started[0]
    if isinstance(outcome, BaseException):
        raise outcome
    machine, loop, stop = outcome
    try:
        yield Live(settings.server.base_url, read_cast(settings.server.base_url), machine, loop)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
