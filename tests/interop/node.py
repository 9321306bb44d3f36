"""Runs the clients of this folder: small node scripts that are told who is who and tell what they saw, as JSON."""

from __future__ import annotations

import asyncio
import json
import platform
import re
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.live import Live
from tests.people import Person

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
Visit = Callable[[str], Awaitable[str]]
_OLDEST = 22  # what Inrupt's library declares; on Node 20 Comunica's import fails


def require(package: str, modules: Path = MODULES) -> Path:
    """The folder of an installed npm package, or a skip that says what is missing."""
    folder = modules / package
    if not (folder / "package.json").is_file():
        missing = "npm is not on this machine" if shutil.which("npm") is None else "make test installs it"
        pytest.skip(f"{package} is not installed in {modules.parent.relative_to(HERE.parents[1])}: {missing}")
    return folder


@cache
def _node() -> str | None:
    """The Node that npm installed for this machine, else the machine's own when it is new enough."""
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    brought = MODULES / f"node-linux-{machine}" / "bin" / "node"
    if brought.is_file():
        return str(brought)
    own = shutil.which("node")
    if own is None:
        return None
    version = subprocess.run([own, "--version"], capture_output=True, text=True, check=True).stdout
    major = re.match(r"v(\d+)", version)
    return own if major and int(major[1]) >= _OLDEST else None


def node() -> str:
    """The path of a Node that can run the clients, or a skip."""
    found = _node()
    if found is None:
        pytest.skip(f"there is no Node {_OLDEST} or newer on this machine, and npm brought none")
    return found


@dataclass(frozen=True)
class Ended:
    """How a process ended, and what it said."""

    code: int
    out: str
    err: str


async def execute(*arguments: str, stdin: str = "", env: dict[str, str] | None = None, seconds: float = 90) -> Ended:
    """One process, to its end; killed when it takes longer than `seconds`."""
    process = await asyncio.create_subprocess_exec(
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=env,
    )
    try:
        async with asyncio.timeout(seconds):
            out, err = await process.communicate(stdin.encode())
    except TimeoutError:
        process.kill()
        await process.wait()
        pytest.fail(f"{arguments[-1]} took longer than {seconds:.0f} seconds")
    return Ended(process.returncode or 0, out.decode(errors="replace"), err.decode(errors="replace"))


async def client(script: str, server: Live, *, home: str = "", visit: Visit | None = None, **more: Any) -> Any:
    """What one of the scripts in clients/ saw. `more` is given to it beside the people; `visit` is what the person
    does with an address that the script wants her to open."""
    given = {
        "baseUrl": server.base_url,
        "home": home,
        "people": {name: told(person) for name, person in server.people.items()},
        **more,
    }
    command = (node(), str(HERE / "clients" / f"{script}.mjs"))
    if visit is None:
        ended = await execute(*command, stdin=json.dumps(given))
    else:
        ended = await _converse(*command, told_first=json.dumps(given), visit=visit)
    assert ended.code == 0, f"{ended.out}\n{ended.err}"
    return json.loads(ended.out.strip().splitlines()[-1])


async def _converse(*command: str, told_first: str, visit: Visit, seconds: float = 90) -> Ended:
    """Runs a script that asks in between, by a line `{"visit": URL}`, and waits for a line with where that led."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe, limit=2**20)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    errors = asyncio.create_task(process.stderr.read())
    said: list[str] = []
    try:
        async with asyncio.timeout(seconds):
            process.stdin.write(f"{told_first}\n".encode())
            while line := (await process.stdout.readline()).decode():
                said.append(line)
                if line.startswith('{"visit":'):
                    process.stdin.write(f"{await visit(json.loads(line)['visit'])}\n".encode())
            code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Ended(code, "".join(said), (await errors).decode(errors="replace"))


def told(person: Person) -> dict[str, str]:
    """A person as the scripts know one."""
    return {
        "name": person.name,
        "webId": person.webid,
        "pod": person.pod,
        "clientId": person.client_id,
        "clientSecret": person.client_secret,
    }
