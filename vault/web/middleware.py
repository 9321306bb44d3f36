"""The one layer around every handler: request id, guard, refusals → responses, one log line; and on every response that
leaves, whoever made it, CORS and the security headers (TR-1)."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from aiohttp import hdrs, web

from vault.errors import Malformed, Refusal
from vault.observe import failure, hashed_pod, new_request_id, request_line, truncated_address, wants_requests
from vault.web.guard import Guard
from vault.web.health import READY
from vault.web.responses import (
    POD,
    REASON,
    REQUEST_ID,
    STARTED,
    problem_response,
    refusal_response,
)
from vault.web.routing import VAULT, Credentials, Handler, Route, route_of

GUARD: Final = web.AppKey("guard", Guard)

# CO-3, CO-4: every header that we send, by name; "*" would not cover requests with credentials.
EXPOSED: Final = ", ".join(
    ["Accept-Patch", "Accept-Post", "Accept-Put", "Accept-Ranges", "Allow", "Content-Disposition", "Content-Length"]
    + ["Content-Range", "Content-Security-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Date"]
    + ["DPoP-Nonce", "ETag", "Last-Modified", "Link", "Location", "Permissions-Policy", "Preference-Applied"]
    + ["Referrer-Policy", "Retry-After", "Strict-Transport-Security", "Updates-Via", "Vary", "WAC-Allow"]
    + ["WWW-Authenticate", "X-Accel-Buffering", "X-Content-Type-Options", "X-Frame-Options", "X-Request-Id"]
)
# CO-8: outside preflights, the request headers we use. A preflight gets back what it asked for (CO-6).
REQUEST_HEADERS: Final = ", ".join(
    ["Accept", "Authorization", "Content-Type", "DPoP", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range"]
    + ["If-Unmodified-Since", "Link", "Prefer", "Range", "Slug"]
)
_METHODS: Final = ("GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE")
_MAX_AGE: Final = "7200"
_COOKIE_ROUTES: Final = (Credentials.SESSION, Credentials.VISITOR)
_PROOF_ROUTES: Final = (Credentials.TOKEN, Credentials.CLIENT)


@web.middleware
async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Runs the handler behind the guard; whatever it raises becomes an answer, and never tells more than it may."""
    request[STARTED] = time.perf_counter()
    request[REQUEST_ID] = new_request_id()
    readiness = request.app[READY]
    readiness.begin()
    try:
        return await _answered(request, handler)
    finally:
        readiness.end()


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    guard = request.app[GUARD]
    address = guard.address(request)
    try:
        guard.check(request, route_of(request), address)
        response = await handler(request)
    except Refusal as refusal:
        response = refusal_response(request, refusal)
    except web.HTTPException as raised:
        if raised.status < 400:  # a redirect
            _observe(request, raised.status, address)
            raise
        response = _raised(request, raised)
    except (web.RequestPayloadError, asyncio.IncompleteReadError):
        response = refusal_response(request, Malformed("body", "The body could not be read to its end."))
    except ConnectionError:
        raise  # the other side is gone: there is nobody to answer
    except Exception as error:
        failure("request-failed", error, request=request[REQUEST_ID], method=request.method, route=_template(request))
        response = problem_response(request, 500, "internal", "Something went wrong here, not with you.")
    if response.status >= 400 and _is_preflight(request):  # CO-2, CO-5: else no script would ever hear the refusal
        response = preflight(request, _METHODS)
    _observe(request, response.status, address)
    return response


async def dress(request: web.Request, response: web.StreamResponse) -> None:
    """The last hand on every response, prepared and streamed ones and the router's own included."""
    headers = response.headers
    route = route_of(request)
    if route.credentials not in _COOKIE_ROUTES:
        _share(request, response)
    if "X-Content-Type-Options" not in headers:
        headers["X-Content-Type-Options"] = "nosniff"
    if "Content-Security-Policy" not in headers:
        headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
    if "Referrer-Policy" not in headers:
        headers["Referrer-Policy"] = "no-referrer"
    vault = request.app[VAULT]
    if vault.base_url.startswith("https:"):
        headers["Strict-Transport-Security"] = "max-age=31536000"
    if response.status >= 400 and REQUEST_ID in request:
        headers["X-Request-Id"] = request[REQUEST_ID]
    if vault.settings.identity.require_nonce and route.credentials in _PROOF_ROUTES:
        # RFC 9449 §8.2: with every answer, so that a client always has the next one.
        headers["DPoP-Nonce"] = vault.nonces.current(vault.clock())
    headers.pop(hdrs.SERVER, None)
    if request.app[READY].draining:
        response.force_close()  # this process is on its way out: the next request goes to another one


def preflight(request: web.Request, methods: tuple[str, ...]) -> web.Response:
    """OPTIONS, answered for everybody and without a body (CO-5, CO-7). `methods` is what may be asked for."""
    response = web.Response(status=204)
    if _is_preflight(request):
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = ", ".join(methods)
        response.headers[hdrs.ACCESS_CONTROL_MAX_AGE] = _MAX_AGE
        wanted = request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS)
        if wanted and wanted.isascii():
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = wanted
    return response


def _is_preflight(request: web.Request) -> bool:
    """A browser asks on a script's behalf (Fetch §4.8): what is refused now, the script itself never gets to send."""
    if request.method != hdrs.METH_OPTIONS:
        return False
    return hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers and bool(request.headers.get(hdrs.ORIGIN))


def _share(request: web.Request, response: web.StreamResponse) -> None:
    """CORS (CO-1 to CO-9). Never a way to refuse (CO-2): a script reads what anybody could read by other means.

    Credentials are allowed because older clients fetch with cookies switched on and browsers would refuse the answer;
    on these routes no cookie is ever looked at (CO-10), so it gives a script nothing.
    """
    headers = response.headers
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None or not origin.isascii():  # what is not ASCII is not an origin
        headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = "*"
    else:
        headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
        headers[hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS] = "true"
        if request.method != hdrs.METH_OPTIONS:
            headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = REQUEST_HEADERS
    headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = EXPOSED
    vary = headers.get(hdrs.VARY)
    if vary is None:
        headers[hdrs.VARY] = "Origin"
    elif "Origin" not in vary:
        headers[hdrs.VARY] = f"{vary}, Origin"


def _raised(request: web.Request, raised: web.HTTPException) -> web.StreamResponse:
    """An error that aiohttp or a handler raised as a response, as a problem document like any other."""
    slug = "-".join(raised.reason.lower().replace("'", "").split())
    request[REASON] = slug
    response = problem_response(request, raised.status, slug)
    if (allow := raised.headers.get(hdrs.ALLOW)) is not None:
        response.headers[hdrs.ALLOW] = allow
    return response


def _observe(request: web.Request, status: int, address: str) -> None:
    """The log line: the route's template, never the path; the pod by its keyed hash."""
    if not wants_requests():
        return
    request_line(
        request=request[REQUEST_ID],
        method=request.method,
        route=_template(request),
        status=status,
        ms=(time.perf_counter() - request[STARTED]) * 1000,
        pod=hashed_pod(request.get(POD, ""), request.app[VAULT].secrets.forms),
        address=truncated_address(address),
        reason=request.get(REASON, ""),
    )


def _template(request: web.Request) -> str:
    route: Route = route_of(request)
    return route.path
