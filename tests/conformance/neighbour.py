"""The same tests against the Community Solid Server, to see that the tests themselves are right.

`python -m tests.conformance.neighbour` starts it in memory with the cast in it, and prints the matrix. What differs and
why we believe our reading, stands in README.md. It needs Node and the packages of tests/interop/css.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import aiohttp

from tests.conformance.matrix import main
from tests.interop.community import community_server
from tests.people import CAST

FOLDERS = ("solid_protocol", "wac", "ldp")


async def settle(base_url: str) -> dict[str, Any]:
    """Gives each of the cast an account, a pod and client credentials there; the cast with those credentials."""
    cast: dict[str, Any] = json.loads(CAST.read_text(encoding="utf-8"))
    for entry in cast["accounts"]:
        async with aiohttp.ClientSession(headers={"Accept": "application/json"}) as session:
            start = await _controls(session, base_url)
            made = await _post(session, start["account"]["create"], {})
            session.headers["Authorization"] = f"CSS-Account-Token {made['authorization']}"
            controls = await _controls(session, base_url)
            login = {"email": entry["email"], "password": entry["password"]}
            await _post(session, controls["password"]["create"], login)
            pod = await _post(session, controls["account"]["pod"], {"name": entry["pod"]})
            wanted = {"name": "conformance", "webId": pod["webId"]}
            entry["credentials"] = await _post(session, controls["account"]["clientCredentials"], wanted)
    return cast


async def _controls(session: aiohttp.ClientSession, base_url: str) -> dict[str, Any]:
    async with session.get(f"{base_url}.account/") as answer:
        controls: dict[str, Any] = (await answer.json())["controls"]
        return controls


async def _post(session: aiohttp.ClientSession, url: str, content: dict[str, Any]) -> dict[str, Any]:
    async with session.post(url, json=content) as answer:
        made: dict[str, Any] = await answer.json()
        assert answer.status == 200, made
        return made


def run(arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder, community_server(Path(folder)) as community:
        cast = Path(folder) / "cast.json"
        cast.write_text(json.dumps(asyncio.run(settle(community.base_url))), encoding="utf-8")
        there = ["--base-url", community.base_url, "--cast", str(cast), "--alike", "205:204"]
        return main([*there, *arguments, "--of", *FOLDERS])


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
