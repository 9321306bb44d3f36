"""Outcomes of the Solid server → aiohttp responses: links, what a target supports, bytes in one piece or streamed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Final

from aiohttp import hdrs, web
from multidict import CIMultiDict

from vault.access.modes import Allowed
from vault.access.wac import CONDITION_TYPES, wac_allow
from vault.notify.channels import UPDATES_REL, stream_url
from vault.observe import failure
from vault.solid.headers import http_date
from vault.solid.listing import managed_types
from vault.solid.methods import accepted_types, allowed_methods, methods_of_kind, takes_rdf_only, types_of_methods
from vault.solid.operation import shown_modes
from vault.solid.paths import (
    DESCRIPTION_PATH,
    INBOX_PATH,
    Auxiliary,
    auxiliary,
    is_description,
    is_webid_document,
)
from vault.solid.ports import Blobs
from vault.solid.read import Growing, NotModified, ReadOutcome, Representation, Unsatisfiable
from vault.solid.resource import BlobRef, ChangeSet, Inline, Kind, Resource
from vault.values import MediaType, ResourceUrl
from vault.web.requests import BYTES_PER_SECOND
from vault.web.responses import REQUEST_ID, problem_response
from vault.web.routing import VAULT

VARY: Final = "Accept, Authorization, Origin"  # PR-57, ATK-17
_INBOX_REL: Final = "http://www.w3.org/ns/ldp#inbox"
_DESCRIPTION_REL: Final = "http://www.w3.org/ns/solid/terms#storageDescription"
_CONDITION_REL: Final = "http://www.w3.org/ns/auth/acl#condition"
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SANDBOX: Final = "sandbox; default-src 'none'"

# Types a browser shows without running anything. All others are saved to disk instead of opened: what lives in a pod
# comes from strangers, and a type nobody thought of may be the one that acts.
_PASSIVE: Final = frozenset(
    ["text/plain", "text/turtle", "text/csv", "text/markdown", "text/n3", "application/json", "application/ld+json"]
    + ["application/n-triples", "image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"]
)
_PASSIVE_KINDS: Final = ("audio/", "video/", "font/")


async def send_outcome(
    request: web.Request, target: ResourceUrl, outcome: ReadOutcome, allowed: Allowed, *, base_url: str, blobs: Blobs
) -> web.StreamResponse:
    """The answer to GET and HEAD."""
    headers = target_headers(target, outcome.resource, base_url)
    headers["WAC-Allow"] = wac_allow(shown_modes(target, allowed.user), shown_modes(target, allowed.public))  # WA-14
    headers[hdrs.CACHE_CONTROL] = "private, no-store" if hdrs.AUTHORIZATION in request.headers else "no-cache"
    headers["Cross-Origin-Resource-Policy"] = "cross-origin" if "read" in allowed.public else "same-origin"
    headers[hdrs.LAST_MODIFIED] = http_date(outcome.resource.modified)  # PR-8
    match outcome:
        case Unsatisfiable():
            response = problem_response(request, 416, "range", "None of the bytes asked for are there.")
            response.headers.extend(headers)
            response.headers[hdrs.CONTENT_RANGE] = f"bytes */{outcome.total}"
            return response
        case NotModified():
            headers[hdrs.ETAG] = str(outcome.etag)
            return web.Response(status=304, headers=headers)
        case Representation():
            _describe(headers, outcome)
            return await _send(request, outcome, headers, blobs)


def changed(
    target: ResourceUrl, changes: ChangeSet, *, base_url: str, location: ResourceUrl | None = None
) -> web.Response:
    """The answer to PUT, PATCH, POST and DELETE: 201 with where it is, or 204; never stored content (PR-76).

    `location`: what a POST made; then the tag of the answer would be the child's, and is left out.
    """
    resource = changes.resource if location is None else None
    headers: CIMultiDict[str] = CIMultiDict(_head(target, None if resource is None else resource.kind, base_url))
    if resource is not None:
        headers[hdrs.ETAG] = str(resource.etag())  # PR-59
        headers[hdrs.LAST_MODIFIED] = http_date(resource.modified)
    made = location or (target if target in changes.created else None)
    if made is None:
        return web.Response(status=204, headers=headers)
    headers[hdrs.LOCATION] = made.iri(base_url)
    return web.Response(status=201, headers=headers)


def target_headers(target: ResourceUrl, resource: Resource | None, base_url: str) -> CIMultiDict[str]:
    """What is said of a target whatever the method: its links and what it supports. `resource` is None when it does
    not exist, or when the caller may not know."""
    return CIMultiDict(_known_head(target, None if resource is None else resource.kind, base_url))


def absent_headers(target: ResourceUrl, allowed: Allowed) -> CIMultiDict[str]:
    """What would make the missing target: clients that put or patch a document into being look here for the way."""
    making = [method for method in allowed_methods(target, None) if method not in {"POST", "DELETE"}]
    headers: CIMultiDict[str] = CIMultiDict({hdrs.ALLOW: ", ".join(making)})
    headers.extend([(name, types) for name, types in accepted_types(target, None).items() if name != "Accept-Post"])
    headers["WAC-Allow"] = wac_allow(shown_modes(target, allowed.user), shown_modes(target, allowed.public))
    return headers


@lru_cache(maxsize=8192)
def _known_head(target: ResourceUrl, kind: Kind | None, base_url: str) -> tuple[tuple[str, str], ...]:
    """For what is read: it is read again. What was changed is new more often than not."""
    return _head(target, kind, base_url)


def _head(target: ResourceUrl, kind: Kind | None, base_url: str) -> tuple[tuple[str, str], ...]:
    """What hangs on the target and its kind alone."""
    return _links(target, base_url) + _abilities(methods_of_kind(target, kind), takes_rdf_only(target))


@cache
def _abilities(methods: tuple[str, ...], rdf_only: bool) -> tuple[tuple[str, str], ...]:
    """What many targets have in common: there are few kinds of them."""
    allow = (hdrs.ALLOW, ", ".join(methods))  # PR-51
    types = types_of_methods(methods, rdf_only)  # PR-52
    return (allow, *types, (hdrs.VARY, VARY), ("Content-Security-Policy", _SANDBOX))


def _links(target: ResourceUrl, base_url: str) -> tuple[tuple[str, str], ...]:
    """The Link headers, one link on each line, all absolute (CH-6, TR-18)."""
    here, storage = target.iri(base_url), f"{base_url}{target.pod}"
    found = [_link(kind.value, "type") for kind in managed_types(target)]  # PR-21, PR-31
    aux = auxiliary(target)
    if is_description(target):
        pass  # the server's own document: its access is not decided by an ACL, and nobody describes it further
    elif aux is None:  # PR-40: advertised whether or not they exist
        found += [_link(f"{here}.acl", "acl"), _link(f"{here}.meta", "describedby")]
        found.append(_link(stream_url(target, base_url=base_url), UPDATES_REL))  # NC-3
    elif aux[0] is Auxiliary.META:  # PR-43, PR-46
        subject = aux[1].iri(base_url)
        found += [_link(f"{subject}.acl", "acl"), _link(subject, "describes")]
    else:  # WC-1: a condition that a server does not know is passed over, so it says which ones it knows (TR-31)
        found += [_link(kind, _CONDITION_REL) for kind in CONDITION_TYPES]
    found.append(_link(storage + DESCRIPTION_PATH, _DESCRIPTION_REL))  # PR-22
    if target.is_storage or is_webid_document(target):  # LD-5: where notes about the storage and its owner go
        found.append(_link(storage + INBOX_PATH, _INBOX_REL))
    return tuple(found)


def _link(place: str, rel: str) -> tuple[str, str]:
    return "Link", f'<{place}>; rel="{rel}"'


def _describe(headers: CIMultiDict[str], shown: Representation) -> None:
    headers[hdrs.CONTENT_TYPE] = str(shown.media_type)
    headers[hdrs.ETAG] = str(shown.etag)
    if shown.ranges:
        headers[hdrs.ACCEPT_RANGES] = "bytes"
    if shown.span is not None:
        headers[hdrs.CONTENT_RANGE] = f"bytes {shown.span.first}-{shown.span.last}/{shown.total}"
    if shown.minimal:
        headers["Preference-Applied"] = "return=representation"
    if not is_passive(shown.media_type):
        headers["Content-Disposition"] = "attachment"


def is_passive(media_type: MediaType) -> bool:
    """Whether a browser may open this type in place."""
    return media_type.essence in _PASSIVE or media_type.essence.startswith(_PASSIVE_KINDS)


async def _send(
    request: web.Request, shown: Representation, headers: CIMultiDict[str], blobs: Blobs
) -> web.StreamResponse:
    status = 200 if shown.span is None else 206
    match shown.body:
        case None:  # HEAD: everything but the body, its length included where it is known (TR-28)
            response = web.Response(status=status, headers=headers)
            if shown.total is not None:
                response.headers[hdrs.CONTENT_LENGTH] = str(shown.total)
            return response
        case Inline(data):
            return web.Response(status=status, headers=headers, body=data)
        case Growing(pieces):
            stream = web.StreamResponse(status=status, headers=headers)
            async with aclosing(blobs.through(pieces)) as chunks:
                return await _stream(request, stream, chunks, patient=False)
        case BlobRef():
            length = shown.body.size if shown.span is None else shown.span.last - shown.span.first + 1
            stream = web.StreamResponse(status=status, headers=headers)
            stream.content_length = length
            return await _stream(request, stream, blobs.open(shown.body, shown.span))


async def _stream(
    request: web.Request, response: web.StreamResponse, chunks: AsyncIterator[bytes], *, patient: bool = True
) -> web.StreamResponse:
    """Sends the body chunk by chunk. What breaks before the first byte is a refusal like any other; afterwards the
    connection ends, so that nobody takes half a body for a whole one. Without patience, so does that of a receiver
    that takes it slower than a crawl (ATK-32)."""
    first = await anext(chunks, b"")
    await response.prepare(request)
    seconds = request.app[VAULT].settings.limits.body_seconds
    started, sent = time.monotonic(), 0
    try:
        async for chunk in _preceded(first, chunks):
            left = None if patient else seconds - (time.monotonic() - started) + sent / BYTES_PER_SECOND
            async with asyncio.timeout(left):
                await response.write(chunk)
            sent += len(chunk)
        await response.write_eof()
    except ConnectionError:
        raise
    except Exception as error:
        if not isinstance(error, TimeoutError):
            failure("stream-broken", error, request=request.get(REQUEST_ID, ""))
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError("the body could not be sent to its end") from None
    return response


async def _preceded(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk
