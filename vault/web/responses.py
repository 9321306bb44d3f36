"""Outcomes and refusals → aiohttp responses: the one status table, problem documents and challenges."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import hdrs, web

from vault.errors import (
    Conflict,
    Forbidden,
    Gone,
    InsufficientScope,
    Malformed,
    MethodNotAllowed,
    Missing,
    NotAcceptable,
    OAuthRefusal,
    OverQuota,
    PreconditionFailed,
    Refusal,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    Unprocessable,
    UnsupportedMedia,
)
from vault.web.pages import error_page
from vault.web.routing import VAULT, Credentials, route_of

STATUS: Final[Mapping[type[Refusal], int]] = {
    Malformed: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    InsufficientScope: 403,
    Missing: 404,
    MethodNotAllowed: 405,
    NotAcceptable: 406,
    Conflict: 409,
    Gone: 410,
    PreconditionFailed: 412,
    TooLarge: 413,
    UnsupportedMedia: 415,
    Unprocessable: 422,
    TooMany: 429,
    Unavailable: 503,
    OverQuota: 507,
    OAuthRefusal: 400,
}

# RS-6: what a DPoP proof may be signed with, in the order we like them.
PROOF_ALGORITHMS: Final = "ES256 RS256 ES384 ES512 PS256 PS384 PS512 EdDSA"

ACCOUNT_SCHEME: Final = "CSS-Account-Token"  # how the tokens of the account API are sent

REQUEST_ID: Final = web.RequestKey("request_id", str)
STARTED: Final = web.RequestKey("started", float)  # monotonic seconds
REASON: Final = web.RequestKey("reason", str)  # the slug of a refusal, for the log line
POD: Final = web.RequestKey("pod", str)  # the pod a request came to, for the log line

_encoder = msgspec.json.Encoder(order="deterministic")


def json_response(
    data: object, status: int = 200, *, headers: Mapping[str, str] | None = None, media_type: str = "application/json"
) -> web.Response:
    """Anything msgspec can encode, as JSON."""
    response = web.Response(body=_encoder.encode(data), status=status, headers=headers)
    response.headers[hdrs.CONTENT_TYPE] = media_type
    return response


def refusal_response(request: web.Request, refusal: Refusal) -> web.Response:
    """The answer to a refusal: a problem document (RFC 9457) with the headers its status asks for."""
    status = status_of(refusal)
    request[REASON] = refusal.reason
    response = problem_response(request, status, refusal.reason, refusal.detail, refusal.facts)
    match refusal:
        case Unauthenticated():
            provider, of_account = request.app[VAULT].base_url, route_of(request).credentials is Credentials.ACCOUNT
            words = ACCOUNT_SCHEME if of_account else challenge(refusal.error, refusal.detail, provider=provider)
            response.headers[hdrs.WWW_AUTHENTICATE] = words
        case InsufficientScope():
            words = challenge("insufficient_scope", refusal.detail, provider=request.app[VAULT].base_url)
            response.headers[hdrs.WWW_AUTHENTICATE] = words
        case MethodNotAllowed():
            response.headers[hdrs.ALLOW] = ", ".join(refusal.allowed)  # RFC 9110 §15.5.6
        case UnsupportedMedia() if refusal.accepted:
            name = {"PATCH": "Accept-Patch", "PUT": "Accept-Put"}.get(request.method, "Accept-Post")
            response.headers[name] = ", ".join(refusal.accepted)
        case TooMany() | Unavailable():
            response.headers[hdrs.RETRY_AFTER] = str(refusal.retry_after)
        case _:
            pass
    return response


def status_of(refusal: Refusal) -> int:
    """The status of a refusal: that of its class, or of the nearest class it comes from."""
    return next(STATUS[kind] for kind in type(refusal).__mro__ if kind in STATUS)


def challenge(error: str | None, detail: str = "", *, provider: str) -> str:
    """The one line of WWW-Authenticate (RFC 9449 §7.1, CH-7). `detail` says what was wrong, a clock that is off by how
    much (PAIN-16), to those clients that show nothing else. `provider`: the issuer whose tokens open resources here;
    its `as_uri` has no final slash, because clients put a path behind it (RS-2)."""
    reason = f'error="{error}", ' if error else ""
    words = f', error_description="{quotable(detail)}"' if error and detail else ""
    return f'DPoP {reason}algs="{PROOF_ALGORITHMS}", as_uri="{provider.removesuffix("/")}"{words}, Bearer'


def quotable(text: str) -> str:
    """What may stand in a quoted string of a header and in `error_description` (RFC 6749 §5.2)."""
    return "".join(ch if " " <= ch <= "~" and ch not in '"\\' else "?" for ch in text)


def problem_response(
    request: web.Request, status: int, reason: str, detail: str = "", facts: Mapping[str, object] | None = None
) -> web.Response:
    """A problem document, or the same as a page for a browser that prefers HTML (PR-6: never without its type)."""
    if wants_page(request):
        return error_page(request, status, Refusal(reason, detail), request.get(REQUEST_ID, ""))
    problem: dict[str, object] = {**(facts or {}), "type": f"urn:datakluis:problem:{reason}"}
    problem |= {"title": HTTPStatus(status).phrase, "status": status, "reason": reason}
    if detail:
        problem["detail"] = detail
    problem["request"] = request.get(REQUEST_ID, "")
    response = json_response(problem, status, media_type="application/problem+json")
    response.headers[hdrs.CACHE_CONTROL] = "no-store"
    return response


def wants_page(request: web.Request) -> bool:
    """A browser opening an address: HTML is named in Accept and nothing of ours is."""
    accept = request.headers.get(hdrs.ACCEPT, "")
    return "text/html" in accept and "json" not in accept and route_of(request).credentials is not Credentials.CLIENT
