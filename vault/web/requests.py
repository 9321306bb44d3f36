"""aiohttp requests → values: the path, the credentials, and bodies read within their limits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeVar

import msgspec
from aiohttp import HttpVersion11, hdrs, web

from vault.config import Limits
from vault.errors import Malformed, TooLarge, Unauthenticated, Unprocessable, UnsupportedMedia
from vault.identity.authenticate import Credentials, authenticate
from vault.rdf.guards import check_json
from vault.values import Caller, Secret, canonical_path
from vault.web.routing import VAULT, route_of
from vault.web.routing import Credentials as Accepted

T = TypeVar("T")

# Below this rate a body is too slow: body_seconds of patience, and then one second for each so many bytes (ATK-32).
BYTES_PER_SECOND: Final = 16 * 1024

_WAITING: Final = web.RequestKey("waiting", bool)  # the client waits for "100 Continue" before it sends the body


async def expect_continue(request: web.Request) -> None:
    """`Expect: 100-continue` (RFC 9110 §10.1.1). Where a token decides, the go-ahead waits until the body is wanted:
    a stranger then never sends the gigabyte that would be refused."""
    if request.version < HttpVersion11:
        return
    if request.headers.get(hdrs.EXPECT, "").lower() != "100-continue":
        raise web.HTTPExpectationFailed
    request[_WAITING] = True
    if route_of(request).credentials is not Accepted.TOKEN:
        await _go_ahead(request)


def raw_path(request: web.Request) -> str:
    """The path as it was sent, without query; of an absolute form its path (RFC 9112 §3.2.2)."""
    target = request.raw_path
    if not target.startswith("/"):
        _, _, rest = target.partition("://")
        target = "/" + rest.partition("/")[2]
    return target.partition("?")[0].partition("#")[0]


def listed(request: web.Request, name: str) -> str | None:
    """A list header; one that came in several lines is one list (RFC 9110 §5.3)."""
    values = request.headers.getall(name, ())
    return ", ".join(values) if values else None


def parse_credentials(request: web.Request) -> Credentials | None:
    """The Authorization and DPoP headers, or None when there is no Authorization header (TR-2). Tokens in a query or a
    form are not looked for (VEC-T32), nor are cookies (CO-10)."""
    values = request.headers.getall(hdrs.AUTHORIZATION, ())
    if not values:
        return None
    if len(values) > 1:
        raise Malformed("invalid_request", "A request has one Authorization header.")  # VEC-T31
    vault = request.app[VAULT]
    scheme, _, token = values[0].strip().partition(" ")
    token = token.strip()
    if not token or len(token) > vault.settings.limits.token_bytes:  # LIM-19
        raise Unauthenticated("token-size", "The access token is missing or too long.", error="invalid_token")
    if not token.isascii():  # RFC 6750 §2.1
        raise Unauthenticated("token-text", "The access token is not one.", error="invalid_token")
    url = vault.base_url[:-1] + canonical_path(raw_path(request))
    proofs = tuple(request.headers.getall("DPoP", ()))
    return Credentials(scheme.lower(), Secret(token), proofs, request.method, url)


async def caller_of(request: web.Request) -> Caller:
    """Who this request is from, by its token; anonymous without one."""
    credentials = parse_credentials(request)
    vault = request.app[VAULT]
    return await authenticate(
        credentials,
        issuers=vault.issuers,
        replays=vault.replays,
        nonces=vault.nonces,
        settings=vault.settings.identity,
        limits=vault.settings.limits,
        now=vault.clock(),
    )


def sent_origin(request: web.Request) -> str | None:
    """The origin of the web page that asks (RFC 6454 §7). Several of them are no origin, and equal none."""
    return listed(request, hdrs.ORIGIN)


def check_encoding(request: web.Request) -> None:
    """LIM-17: a body arrives as it is; a small one that unfolds to gigabytes is not read at all. RFC 9112 §6.1: a
    transfer coding that is not understood is not implemented."""
    coding = request.headers.get(hdrs.TRANSFER_ENCODING, "chunked")
    if coding.strip().lower() != "chunked":
        raise web.HTTPNotImplemented
    encoding = request.headers.get(hdrs.CONTENT_ENCODING, "identity")
    if encoding.strip().lower() not in ("", "identity"):
        raise UnsupportedMedia("content-encoding", "Request bodies are not compressed here.")


def has_body(request: web.Request) -> bool:
    """Whether the request carries content: a Content-Length above zero, or chunks."""
    length = request.headers.get(hdrs.CONTENT_LENGTH)
    return (length is not None and length.strip("0 ") != "") or hdrs.TRANSFER_ENCODING in request.headers


def is_here(request: web.Request) -> bool:
    """Whether all there is of the body has arrived: most bodies come with their head."""
    return not request.can_read_body or request.content.is_eof()


async def read_limited(request: web.Request, limit: int) -> bytes:
    """The whole body, of at most `limit` bytes; raises TooLarge, UnsupportedMedia, or Malformed when it drips."""
    if not request.can_read_body:
        return b""
    if is_here(request):
        check_encoding(request)
        data = request.content.read_nowait()
        if len(data) > limit:
            raise _too_large(limit)
        return data
    return b"".join([chunk async for chunk in body_chunks(request, limit)])


async def body_chunks(request: web.Request, limit: int) -> AsyncIterator[bytes]:
    """The body as it arrives. Raises TooLarge at the first byte beyond `limit`, before any byte when the length says
    so already."""
    check_encoding(request)
    if request.content_length is not None and request.content_length > limit:
        raise _too_large(limit)
    await _go_ahead(request)
    async for chunk in arriving(request, request.content.readany, limit):
        yield chunk


async def arriving(request: web.Request, read: Callable[[], Awaitable[bytes]], limit: int) -> AsyncIterator[bytes]:
    """What `read` brings until it brings nothing more: at most `limit` bytes, and not slower than a crawl (ATK-32)."""
    seconds = request.app[VAULT].settings.limits.body_seconds
    started, size = time.monotonic(), 0
    while True:
        try:
            async with asyncio.timeout(seconds - (time.monotonic() - started) + size / BYTES_PER_SECOND):
                chunk = await read()
        except TimeoutError:
            request.protocol.keep_alive(False)
            raise Malformed("body-too-slow", "The body took too long to arrive.") from None
        if not chunk:
            return
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        yield chunk


async def read_json(request: web.Request, kind: type[T], limit: int | None = None) -> T:
    """The body as a value of `kind`: JSON, strict about types, with members that `kind` does not know refused where
    it says so. 400 for what is no JSON, 422 for JSON of another shape."""
    limits: Limits = request.app[VAULT].settings.limits
    if request.content_type not in ("application/json", "application/ld+json"):
        raise UnsupportedMedia("media-type", "The body is JSON.", accepted=("application/json",))
    data = await read_limited(request, limits.json_bytes if limit is None else limit)
    check_json(data, limits)  # LIM-04
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise Unprocessable("json-shape", f"The body does not have the form asked for: {error}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Malformed("json-syntax", "The body is not JSON.") from None


async def _go_ahead(request: web.Request) -> None:
    if request.pop(_WAITING, False):
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the interim line is not part of the response


def _too_large(limit: int) -> TooLarge:
    return TooLarge("body-too-large", f"This kind of body has at most {limit} bytes.")
