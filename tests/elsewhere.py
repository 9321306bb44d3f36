"""Somebody else's server: an issuer, WebIDs and documents as a test wants them, and a list of what was asked of it."""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from joserfc.jwk import Key

from tests.forge import Holder, changed, jws, new_key, public
from tests.live import Live

Answer = tuple[int, str, bytes] | Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Elsewhere:
    """A server at `base_url` with a slash. `documents` maps a path to status, media type and body, or to a handler;
    `asked` lists the paths that were asked for, in order."""

    base_url: str
    key: Key = field(default_factory=new_key)
    documents: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        return self.base_url

    def publish(self, path: str, text: str, media_type: str = "text/turtle", *, status: int = 200) -> str:
        """Puts a document there; its URL."""
        self.documents[path] = (status, media_type, text.encode())
        return self.base_url[:-1] + path

    def publish_issuer(self, **changes: Any) -> None:
        """An OpenID provider: configuration and keys."""
        keys = {"keys": [{**public(self.key), "kid": "one", "use": "sig"}]}
        configuration = {"issuer": self.issuer, "jwks_uri": f"{self.base_url}jwks"}
        self.publish(
            "/.well-known/openid-configuration", json.dumps(changed(configuration, changes)), "application/json"
        )
        self.publish("/jwks", json.dumps(keys), "application/json")

    def webid(self, name: str, *issuers: str) -> str:
        """A WebID whose document lists these issuers; this server when none is given."""
        listed = ", ".join(f"<{issuer}>" for issuer in issuers or (self.issuer,))
        document = f"<#me> <http://www.w3.org/ns/solid/terms#oidcIssuer> {listed}."
        return self.publish(f"/{name}", document) + "#me"

    def holder(self, webid: str, /, *, header: dict[str, Any] | None = None, **changes: Any) -> Holder:
        """Somebody with an access token of this issuer for this WebID; `changes` alter header and claims."""
        holder = Holder()
        holder.token = self.token(webid, holder.thumbprint, header=header, **changes)
        return holder

    def token(self, webid: str, thumbprint: str, /, *, header: dict[str, Any] | None = None, **changes: Any) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": webid,
            "webid": webid,
            "aud": "solid",
            "azp": "https://app.example/id",
            "iat": now,
            "exp": now + 300,
            "jti": secrets.token_urlsafe(8),
            "cnf": {"jkt": thumbprint},
        }
        full = changed({"alg": "ES256", "typ": "at+jwt", "kid": "one"}, header or {})
        return jws(full, changed(claims, changes), self.key, algorithm="ES256")


@contextmanager
def elsewhere_server() -> Iterator[Elsewhere]:
    """Serves for as long as the block lasts, in a thread of its own."""
    loop = asyncio.new_event_loop()
    ready, stop = threading.Event(), asyncio.Event()
    there = Elsewhere("")

    async def answer(request: web.Request) -> web.StreamResponse:
        there.asked.append(request.path)
        found = there.documents.get(request.path)
        if found is None:
            raise web.HTTPNotFound
        if not isinstance(found, tuple):
            return await found(request)
        status, media_type, body = found
        return web.Response(status=status, body=body, headers={"Content-Type": media_type})

    async def run() -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        there.base_url = f"http://localhost:{runner.addresses[0][1]}/"
        ready.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield there
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


@pytest.fixture
def elsewhere(server: Live) -> Iterator[Elsewhere]:
    """A server of somebody else's, for one test. Test modules import it by name."""
    if urlsplit(server.base_url).hostname != "localhost":
        pytest.skip("The server under test is on another machine and cannot fetch from this one.")
    with elsewhere_server() as there:
        yield there
