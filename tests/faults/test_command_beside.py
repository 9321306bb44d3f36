"""A command that comes and goes beside a running server takes nothing from it: what was answered stays, and is seen."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from tests.people import Visitor, read_cast
from tests.server_process import run_command, server_process


@pytest.mark.parametrize("workers", [1, 2])
async def test_what_is_written_after_a_command_survives_kill_9(tmp_path: Path, workers: int) -> None:
    with server_process(tmp_path / "data", workers=workers) as server:
        alice = read_cast(server.base_url)["alice"]
        connector = aiohttp.TCPConnector(force_close=True)  # either worker answers
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), connector=connector) as session:
            http = Visitor(session, server.base_url)
            for number in range(4):
                done = await asyncio.to_thread(run_command, "account", "list", folder=server.folder, port=server.port)
                assert done.returncode == 0, done.stderr
                put = await http.put(f"{alice.pod}n{number}", "<#a> <#b> <#c>.", by=alice)
                assert put.status == 201, put.text
                # The other worker, and a process that looks only now, find it too.
                assert {(await http.get(f"{alice.pod}n{number}", by=alice)).status for _ in range(4)} == {200}
            url = f"{alice.pod}n3"
            told = await asyncio.to_thread(
                run_command, "access", "explain", alice.webid, "GET", url, folder=server.folder, port=server.port
            )
            assert told.returncode == 0, told.stderr
            server.kill()
            server.start()
            assert {(await http.get(f"{alice.pod}n{n}", by=alice)).status for n in range(4)} == {200}
        assert run_command("audit", "verify", folder=server.folder, port=server.port).returncode == 0
