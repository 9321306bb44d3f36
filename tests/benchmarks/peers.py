"""Two other Solid servers on the server's core, each with a pod, its owner, and the owner's own credentials there.

Both are installed from npm at pinned versions when they are asked for: `make bench PEERS=1`.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from examples.manage_my_career.party import Party
from tests.benchmarks.ecosystem import process
from tests.benchmarks.places import JSON_LD, SERVER_CORE, Place, free_port, on_core
from tests.interop.community import CSS, Community, community_server
from tests.interop.node import node

JSS: Final = Path(__file__).parent / "jss" / "node_modules"
_PASSWORD = "alice-long-password"
_SECRET = "bench"  # what the tokens of javascript-solid-server are signed with


def installed() -> bool:
    """Whether npm has brought both."""
    return all((folder / "ready").is_file() for folder in (CSS, JSS))


@asynccontextmanager
async def community(folder: Path) -> AsyncIterator[Place]:
    """@solid/community-server with its documents in files."""
    async with AsyncExitStack() as stack:
        files = ("--config", "@css:config/file.json", "--rootFilePath", str(folder / "files"))
        running = await asyncio.to_thread(_enter, stack, community_server(folder, arguments=files))
        dora = running.dora
        owner = await stack.enter_async_context(Party(running.base_url, dora.client_id, dora.client_secret))
        port = int(running.base_url.rstrip("/").rpartition(":")[2])
        yield Place("CSS 7.2.0", running.base_url, port, running.process, "dora/", owner, scale=0.05)


def _enter(stack: AsyncExitStack, server: AbstractContextManager[Community]) -> Community:
    with on_core(SERVER_CORE):
        return stack.enter_context(server)


@dataclass
class _Account(Party):
    """javascript-solid-server gives a token for an e-mail address and a password, bound to the key of the proof."""

    async def sign_in(self) -> None:
        endpoint = f"{self.issuer}idp/credentials"
        sent = {"DPoP": self.proof("POST", endpoint)}
        who = {"email": self.client_id, "password": self.client_secret}
        async with self.http.post(endpoint, json=who, headers=sent) as answer:
            answer.raise_for_status()
            self.token = (await answer.json())["access_token"]


@asynccontextmanager
async def javascript_solid_server(folder: Path) -> AsyncIterator[Place]:
    """javascript-solid-server as it is fastest: documents in JSON-LD, which it stores, and writes by the token it takes
    without proof. It converts to Turtle (`--conneg`), as every Solid server must."""
    port = free_port()
    base = f"http://localhost:{port}/"
    command = [node(), str(JSS / "javascript-solid-server" / "bin" / "jss.js"), "start", "--quiet", "--conneg", "--idp"]
    command += ["--port", str(port), "--host", "127.0.0.1", "--root", str(folder / "files"), "--idp-issuer", base]
    async with process(command, port, {"TOKEN_SECRET": _SECRET}) as running:
        owner = _Account(base, "alice@example.org", _PASSWORD)
        await _make_pod(owner)
        async with owner:
            bearer = _bearer(f"{base}alice/profile/card#me")
            yield Place("JSS 0.0.81", base, port, running, "alice/", owner, JSON_LD, 0.25, bearer, writers=1)


async def _make_pod(owner: Party) -> None:
    asked = {"name": "alice", "email": owner.client_id, "password": owner.client_secret}
    async with owner.http.post(f"{owner.issuer}.pods", json=asked) as answer:
        answer.raise_for_status()


def _bearer(webid: str) -> str:
    """The token that this server signs with its secret when it makes a pod without accounts."""
    now = int(time.time())
    said = _encoded(json.dumps({"webId": webid, "iat": now, "exp": now + 3600}).encode())
    return f"{said}.{_encoded(hmac.digest(_SECRET.encode(), said.encode(), hashlib.sha256))}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
