"""What `make demo` starts: the demo command, the flow played against it, its end by Ctrl-C, and a second start."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest

from examples.manage_my_career import flow
from examples.manage_my_career.browser import Browser
from examples.manage_my_career.party import Party
from tests.benchmarks.places import free_port
from tests.house.tree import ROOT

SEED = ROOT / "examples/manage_my_career/seed.json"


@contextmanager
def demo(data: Path, port: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The demo in a process of its own, and what it says before it serves."""
    command = [sys.executable, "-m", "vault.cli", "demo", str(SEED), "--data", str(data), "--port", str(port)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DATAKLUIS_")}
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert child.stdout is not None
        said = ""
        for line in child.stdout:
            said += line
            if "make flow" in line:
                break
        asyncio.run(_ready(port))
        yield child, said
    finally:
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=60)


async def _ready(port: int) -> None:
    async with aiohttp.ClientSession() as http:
        for _ in range(200):
            with contextlib.suppress(aiohttp.ClientError):
                async with http.get(f"http://localhost:{port}/readyz") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.05)
    raise TimeoutError("the demo did not start")


def _play(port: int) -> str:
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        asyncio.run(flow.main(f"http://localhost:{port}/"))
    return told.getvalue()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, str]]:
    port = free_port()
    with demo(tmp_path_factory.mktemp("demo") / "data", port) as (_, said):
        yield port, said


def test_the_demo_says_where_to_look_and_how_to_sign_in(running: tuple[int, str]) -> None:
    port, said = running
    assert f"http://localhost:{port}/my/" in said
    for word in ("lotte@example.org", "wandelen-langs-de-leie", "hr-company", "demo-only-hr-company"):
        assert word in said
    assert f"make flow PORT={port}" in said  # as it has to be typed
    assert len(said.splitlines()) <= 20


def test_a_demo_that_finds_its_port_taken_does_not_say_that_it_serves(running: tuple[int, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vault.cli", "demo", str(SEED), "--data", str(tmp_path), "--port", str(running[0])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "serves on" not in done.stdout
    assert "Address already in use" in done.stderr


def test_the_flow_plays_from_the_first_deposit_to_the_last_refusal(running: tuple[int, str]) -> None:
    told = _play(running[0])
    assert "The end." in told
    assert "toegepaste informatica" in told  # the title arrived
    assert "grote onderscheiding" not in told  # the grade did not
    assert "2023/970" in told  # the recruiter heard the article of the law
    landlord, payroll = told.split("The landlord reads")[1].split("The payroll reads")
    assert "2414.46" in landlord  # net, for the rent
    assert "2414.46" not in payroll
    assert "brutoloon" in payroll  # gross, for the payroll


def test_the_flow_can_be_played_again(running: tuple[int, str]) -> None:
    assert "The end." in _play(running[0])


def test_the_snippet_of_the_readme_reads_a_diploma_in_20_lines(running: tuple[int, str]) -> None:
    port, _ = running
    told = _play(port)
    assert told
    _approve_once_more(port)
    found = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    assert found
    snippet = found[1]
    assert len([line for line in snippet.splitlines() if line.strip()]) <= 20
    script = snippet.replace("http://localhost:3000/", f"http://localhost:{port}/")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert "toegepaste informatica" in done.stdout


def _approve_once_more(port: int) -> None:
    """A grant that stays: the request of the seed file, still waiting in the inbox."""

    async def approve() -> None:
        base = f"http://localhost:{port}/"
        async with Party(base, "hr-company", "demo-only-hr-company") as recruiter, Browser() as browser:
            lock = await flow.find_data_lock(recruiter, f"{base}lotte/profile/card#me")
            asked = await flow.ask_for_diploma(recruiter, lock, f"{base}lotte/profile/card#me")
            await flow.sign_in(browser, base)
            await flow.approve_without_the_grade(browser, base, asked)

    asyncio.run(approve())


def test_ctrl_c_ends_it_cleanly_and_a_second_start_keeps_the_data(tmp_path: Path) -> None:
    port = free_port()
    with demo(tmp_path / "data", port) as (child, _):
        child.send_signal(signal.SIGINT)
        assert child.wait(30) == 0
    began = time.monotonic()
    with demo(tmp_path / "data", port):
        assert time.monotonic() - began < 20  # seconds, not minutes: nothing is laid down twice
        verdict = subprocess.run(
            [sys.executable, "-m", "vault.cli", "audit", "verify", "--data", str(tmp_path / "data")],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    chains = [json.loads(line) for line in verdict.stdout.splitlines()]
    assert {chain["state"] for chain in chains} == {"intact"}
    lotte = next(chain for chain in chains if chain["pod"] == "lotte")
    assert lotte["entries"] > 5
