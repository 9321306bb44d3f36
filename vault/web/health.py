"""Alive, and ready: what a container, a load balancer or a person with curl asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from vault.web.responses import json_response
from vault.web.routing import Credentials, Route


class Readiness:
    """Whether this process takes work: the store answers, and it is not on its way out."""

    def __init__(self, store: Callable[[], Awaitable[bool]]) -> None:
        self._store = store
        self.draining = False

    async def ready(self) -> bool:
        return not self.draining and await self._store()


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
