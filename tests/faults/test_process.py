"""The process as an operator sees it: it says who it is, ends in order, and workers that die are replaced."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.people import TURTLE, Visitor, read_cast
from tests.server_process import ROOT, ServerProcess, run_command, server_process


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as opened:
        yield opened


def lines_of(server: ServerProcess) -> list[dict[str, object]]:
    return [json.loads(line) for line in server.log.read_text().splitlines()]


def workers_of(server: ServerProcess) -> set[int]:
    assert server.process is not None
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(server.process.pid)], capture_output=True, text=True, check=False
    )
    return {int(word) for word in listed.stdout.split()}


@pytest.mark.slow
@pytest.mark.requirement("ATK-34")
@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
async def test_it_says_who_it_is_and_ends_with_zero(tmp_path: Path, told: signal.Signals) -> None:
    with server_process(tmp_path / "data", log_level="info", insecure_allow_loopback="true") as server:
        assert server.stop(told) == 0
        lines = lines_of(server)
        serving = next(line for line in lines if line["event"] == "serving")
        assert (serving["base_url"], serving["port"]) == (server.base_url, server.port)
        warned = next(line for line in lines if line["event"] == "insecure-setting")
        assert (warned["setting"], warned["level"]) == ("insecure_allow_loopback", "warning")
        assert lines[-1]["event"] == "stopped"


@pytest.mark.slow
@pytest.mark.requirement("ATK-34")
async def test_the_log_names_nobody(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    with server_process(tmp_path / "data", log_level="info") as server:
        http = Visitor(session, server.base_url)
        alice = read_cast(server.base_url)["alice"]
        canaries = ["canary-path", "canary-value", "alice-machine", alice.client_secret, "Alice", "card#me", "alice/"]
        await http.put(f"{alice.pod}canary-path", '<#a> <#b> "canary-value".', by=alice)
        await http.get(f"{alice.pod}canary-path?canary-value", by=alice)
        await http.get(f"{alice.pod}canary-path", Authorization="DPoP canary-value", DPoP="canary-value")
        await http.put(f"{alice.pod}x", "canary-value nonsense", by=alice)
        await http.get(f"{server.base_url}canary-path", Origin="https://canary-value.example", Cookie="a=canary-value")
        assert server.stop() == 0
        text = server.log.read_text()
        assert [canary for canary in [*canaries, alice.token] if canary in text] == []
        requests = [line for line in lines_of(server) if line["event"] == "request"]
        assert {line["route"] for line in requests} >= {"/{path:.*}"}
        assert all(line["address"] == "127.0.0.0" for line in requests)
        assert all(len(str(line["request"])) == 16 for line in requests)


async def refused(port: int) -> None:
    """Returns when nobody listens there any more."""
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionError:
                return
            writer.close()
            await asyncio.sleep(0.1)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
async def test_what_runs_is_finished_before_the_end(
    tmp_path: Path, session: aiohttp.ClientSession, workers: int
) -> None:
    """An upload that has begun is answered; a new connection is not taken any more."""
    with server_process(tmp_path / "data", workers=workers) as server:
        http = Visitor(session, server.base_url)
        alice = read_cast(server.base_url)["alice"]
        url = f"{alice.pod}slow"
        headers = {"Authorization": f"DPoP {await http.token_of(alice)}", "Content-Type": TURTLE}
        begun, told = asyncio.Event(), asyncio.Event()

        async def drip() -> AsyncIterator[bytes]:
            yield b"<#a> <#b> "
            begun.set()
            await told.wait()
            yield b"<#c>."

        async def upload() -> int:
            async with session.put(url, data=drip(), headers={**headers, "DPoP": alice.proof("PUT", url)}) as answer:
                return answer.status

        running = asyncio.create_task(upload())
        await begun.wait()
        await asyncio.sleep(0.3)
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        await refused(server.port)
        told.set()
        assert await running == 201
        assert await asyncio.to_thread(server.process.wait, 30) == 0
        server.start()
        assert (await http.get(url, by=alice)).text == "<#a> <#b> <#c>."


@pytest.mark.slow
async def test_a_worker_that_dies_is_replaced_and_the_others_go_on(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    with server_process(tmp_path / "data", workers=2) as server:
        before = workers_of(server)
        assert len(before) == 2
        victim = min(before)
        os.kill(victim, signal.SIGKILL)
        for _ in range(20):
            async with session.get(f"{server.base_url}healthz", headers={"Connection": "close"}) as answer:
                assert answer.status == 200
        end = time.monotonic() + 10
        while len(workers_of(server) - {victim}) < 2:
            assert time.monotonic() < end
            await asyncio.sleep(0.1)
        died = next(line for line in lines_of(server) if line["event"] == "worker-died")
        assert died["code"] == -signal.SIGKILL
        assert server.stop() == 0


@pytest.mark.slow
async def test_workers_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    with server_process(tmp_path / "data", workers=2) as server:
        workers = workers_of(server)
        assert server.process is not None
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
        end = time.monotonic() + 15
        while workers & set(map(int, filter(str.isdigit, os.listdir("/proc")))):
            assert time.monotonic() < end
            await asyncio.sleep(0.1)


@pytest.mark.slow
@pytest.mark.requirement("WA-18", "RS-6", "D19")
async def test_what_one_worker_writes_the_other_knows(tmp_path: Path) -> None:
    """Each request on a connection of its own, so that both workers answer: ACL changes bite at once everywhere, and a
    proof that one of them saw is used up for the other."""
    with server_process(tmp_path / "data", workers=2) as server:
        cast = read_cast(server.base_url)
        alice, bob = cast["alice"], cast["bob"]
        connector = aiohttp.TCPConnector(force_close=True)
        async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
            http = Visitor(session, server.base_url)
            url = f"{alice.pod}shared"
            await http.put(url, "<#a> <#b> <#c>.", by=alice)
            head = "@prefix acl: <http://www.w3.org/ns/auth/acl#>."
            his = f"[] a acl:Authorization; acl:agent <{bob.webid}>; acl:accessTo <{url}>; acl:mode acl:Read."
            for _ in range(10):
                assert (await http.put(f"{url}.acl", head + his, by=alice)).status in (201, 204)
                assert {(await http.get(url, by=bob)).status for _ in range(3)} == {200}
                assert (await http.put(f"{url}.acl", head, by=alice)).status == 204
                assert {(await http.get(url, by=bob)).status for _ in range(3)} == {403}
            token, proof = await http.token_of(alice), alice.proof("GET", alice.pod)
            headers = {"Authorization": f"DPoP {token}", "DPoP": proof}
            answers = await asyncio.gather(*(http.send("GET", alice.pod, headers=headers) for _ in range(8)))
            assert sorted(answer.status for answer in answers) == [200] + [401] * 7
        assert server.stop() == 0


def test_a_port_that_is_taken_is_said_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        outcome = run_command("serve", folder=tmp_path / "data", port=taken.getsockname()[1])
    assert outcome.returncode == 1
    assert "cannot listen" in outcome.stderr


@pytest.mark.requirement("LIM-01")
def test_a_stack_too_small_for_the_parsers_is_refused(tmp_path: Path) -> None:
    """The limit is lowered for a child shell only, soft and hard, so that it cannot raise it again."""
    script = (
        "import resource; resource.setrlimit(resource.RLIMIT_STACK, (1048576, 1048576));"
        "import sys; sys.argv = ['datakluis', 'serve', '--port', '0', '--data', sys.argv[1]];"
        "from vault.cli import main; main()"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "data")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert outcome.returncode == 1
    assert "stack" in outcome.stderr


@pytest.mark.requirement("LIM-01")
def test_every_thread_that_parses_has_the_stack_it_needs(tmp_path: Path) -> None:
    import threading

    from vault.app import STACK_BYTES, prepare_process

    prepare_process()
    assert threading.stack_size() == STACK_BYTES == 8 * 1024 * 1024
