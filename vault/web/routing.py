"""What a route is: method, path, handler, and which credentials it accepts. The table itself is routes.py."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from aiohttp import web

from vault.ports import Vault

VAULT: web.AppKey[Vault] = web.AppKey("vault", Vault)

# RFC 9110 §9: what we know; anything else is 501 (PR-9).
KNOWN_METHODS: Final = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"])

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Credentials(StrEnum):
    """Whose word a route takes. A session never counts on a token route, nor a token on a page (CO-10)."""

    NOTHING = "nothing"  # public: neither cookie nor token is read
    TOKEN = "token"  # Authorization and DPoP headers; cookies are ignored  # noqa: S105 - a kind of credential
    CLIENT = "client"  # OAuth client authentication
    ACCOUNT = "account"  # the token of the account API, in the Authorization header and nowhere else
    SESSION = "session"  # the citizen's browser session; changing it needs the form's CSRF token
    VISITOR = "visitor"  # a page that works signed out (sign in, sign up) and reads the session if there is one


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table. `path` is an aiohttp path pattern."""

    method: str
    path: str
    handler: Handler
    credentials: Credentials
    name: str | None = None


# Which row of the table each route of the running application came from.
TABLE: web.AppKey[Mapping[web.AbstractRoute, Route]] = web.AppKey("table", Mapping)


async def _nowhere(_request: web.Request) -> web.StreamResponse:
    raise web.HTTPNotFound


# What a request that matches no row at all is treated as: nobody's word is taken.
NOWHERE: Final = Route("*", "", _nowhere, Credentials.NOTHING)


def route_of(request: web.Request) -> Route:
    """The row of the table this request came to; `NOWHERE` when it matched none or could not be read so far."""
    found = request.match_info
    table = request.app.get(TABLE)
    return NOWHERE if table is None else table.get(found.route, NOWHERE)
