"""Alive, and ready: what a container, a load balancer or a person with curl asks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from aiohttp import web

from vault.web.responses import json_response
from vault.web.routing import Credentials, Route


class Readiness:
    """Whether this process takes work: the store answers, and it is not on its way out; and what is still running."""

    def __init__(self, store: Callable[[], Awaitable[bool]]) -> None:
        self._store = store
        self._idle = asyncio.Event()
        self._running = 0
        self.draining = False

    async def ready(self) -> bool:
        return not self.draining and await self._store()

    def begin(self) -> None:
        """A request has begun."""
        self._running += 1

    def end(self) -> None:
        """A request has ended."""
        self._running -= 1
        if self.draining and not self._running:
            self._idle.set()

    async def drain(self, seconds: float) -> None:
        """No more work is taken; returns when what has begun is finished, or after `seconds`.

        aiohttp's own shutdown drops what arrives on open connections, so that an upload in progress could never end.
        """
        self.draining = True
        if self._running:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), seconds)


READY: Final = web.AppKey("ready", Readiness)


async def healthz(_request: web.Request) -> web.Response:
    """The process runs and its event loop turns."""
    return json_response({"status": "alive"}, headers={"Cache-Control": "no-store"})


async def readyz(request: web.Request) -> web.Response:
    """200 while requests are welcome; 503 while the store does not answer or this process is on its way out."""
    ready = await request.app[READY].ready()
    status = "ready" if ready else "not-ready"
    return json_response({"status": status}, 200 if ready else 503, headers={"Cache-Control": "no-store"})


ROUTES: Final = (
    Route("GET", "/healthz", healthz, Credentials.NOTHING, "healthz"),
    Route("GET", "/readyz", readyz, Credentials.NOTHING, "readyz"),
)
