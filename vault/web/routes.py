"""The table of URLs: each module's own rows, and the resources of the pods last, because they take every path."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from aiohttp import hdrs, web

from vault.errors import MethodNotAllowed
from vault.web import (
    account,
    account_api,
    account_holdings,
    address,
    apps,
    citizen,
    closing,
    consenting,
    datasluis,
    descriptions,
    devices,
    elsewhere,
    forgotten,
    health,
    identities,
    logout,
    machines,
    notifications,
    oauth,
    oidc,
    passkeys,
    passwords,
    recovering,
    resources,
    signing_in,
    signing_out,
    signing_up,
    upstream,
    welcoming,
)
from vault.web.middleware import preflight
from vault.web.requests import expect_continue
from vault.web.routing import KNOWN_METHODS, TABLE, Handler, Route

ROUTES: Final[tuple[Route, ...]] = (
    *health.ROUTES,
    *descriptions.ROUTES,
    *oidc.ROUTES,
    *oauth.ROUTES,
    *consenting.ROUTES,
    *logout.ROUTES,
    *signing_in.ROUTES,
    *signing_out.ROUTES,
    *signing_up.ROUTES,
    *passwords.ROUTES,
    *forgotten.ROUTES,
    *account.ROUTES,
    *address.ROUTES,
    *devices.ROUTES,
    *closing.ROUTES,
    *account_api.ROUTES,
    *account_holdings.ROUTES,
    *machines.ROUTES,
    *identities.ROUTES,
    *passkeys.ROUTES,
    *recovering.ROUTES,
    *upstream.ROUTES,
    *welcoming.ROUTES,
    *elsewhere.ROUTES,
    *apps.ROUTES,
    *citizen.ROUTES,
    *datasluis.ROUTES,
    *notifications.ROUTES,
    *resources.ROUTES,
)


def install(app: web.Application, routes: Iterable[Route]) -> None:
    """Puts the rows into the application. HEAD comes with GET, and every path answers OPTIONS and refuses the methods
    it has no row for."""
    table: dict[web.AbstractRoute, Route] = {}
    for path, rows in _by_path(routes).items():
        resource = app.router.add_resource(path, name=next((row.name for row in rows if row.name), None))
        for row in rows:
            table[resource.add_route(row.method, row.handler, expect_handler=expect_continue)] = row
        methods = {row.method for row in rows}
        if hdrs.METH_ANY in methods:
            continue
        if "GET" in methods and "HEAD" not in methods:
            get = next(row for row in rows if row.method == "GET")
            table[resource.add_route("HEAD", get.handler, expect_handler=expect_continue)] = get
            methods.add("HEAD")
        rest = Route("*", path, _refuse(tuple(sorted(methods | {"OPTIONS"}))), rows[0].credentials)
        table[resource.add_route("*", rest.handler, expect_handler=expect_continue)] = rest
    app[TABLE] = table


def _by_path(routes: Iterable[Route]) -> dict[str, list[Route]]:
    found: dict[str, list[Route]] = {}
    for route in routes:
        found.setdefault(route.path, []).append(route)
    return found


def _refuse(allowed: tuple[str, ...]) -> Handler:
    """What a path does with the methods that are not its own."""

    async def other_method(request: web.Request) -> web.StreamResponse:
        if request.method == hdrs.METH_OPTIONS:
            response = preflight(request, allowed)
            response.headers[hdrs.ALLOW] = ", ".join(allowed)
            return response
        if request.method not in KNOWN_METHODS:
            raise web.HTTPNotImplemented
        raise MethodNotAllowed("method", "This address does not do that.", allowed=allowed)

    return other_method
