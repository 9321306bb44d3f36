"""aiohttp request → `Operation`: the head before the caller is known, the body only for a caller who may act."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from aiohttp import hdrs, web

from vault.errors import Malformed, Refusal, UnsupportedMedia
from vault.ports import Vault
from vault.rdf.isolate import parse_guarded, parse_named_guarded
from vault.rdf.patch import parse_patch
from vault.rdf.syntax import is_rdf
from vault.solid.checks import wants_container
from vault.solid.headers import (
    Conditions,
    parse_conditions,
    parse_links,
    parse_prefer,
    parse_range,
    parse_slug,
    types_of,
)
from vault.solid.methods import ACCEPT_PATCH
from vault.solid.negotiation import parse_accept
from vault.solid.operation import Content, Delete, Operation, Patch, Post, Put, Read
from vault.solid.paths import auxiliary, is_acl
from vault.solid.resource import Body, Inline
from vault.values import N3_PATCH, SPARQL_UPDATE, MediaType, ResourceUrl, parse_media_type
from vault.web.requests import body_chunks, has_body, listed, read_limited

_PATCH_TYPES: Final = tuple(ACCEPT_PATCH.split(", "))
NOTHING: Final = Content(Inline(b""), None)


def parse_head(request: web.Request, target: ResourceUrl, *, base_url: str) -> Operation:
    """The operation without its body: enough to ask whether the caller may act at all. Raises Malformed."""
    headers = request.headers
    conditions = _conditions(request)
    match request.method:
        case "GET" | "HEAD":
            return Read(
                target,
                parse_accept(listed(request, hdrs.ACCEPT)),
                conditions,
                parse_range(headers.get(hdrs.RANGE), headers.get(hdrs.IF_RANGE)),
                parse_prefer(headers.getall("Prefer", ())),
                head=request.method == "HEAD",
            )
        case "PUT":
            return Put(target, NOTHING, conditions, _types(request, target, base_url))
        case "POST":
            types = _types(request, target, base_url)
            return Post(target, NOTHING, conditions, types, parse_slug(headers.get("Slug")))
        case "PATCH":
            return Patch(target, fault=Malformed("patch", "There is no patch."), conditions=conditions)
        case _:
            return Delete(target, conditions)


async def read_content(request: web.Request, operation: Put | Post, vault: Vault) -> Content:
    """The body of a PUT or POST. RDF is parsed once, and what is wrong with it is kept for its place in the order of
    refusals (section 6.1); any other body streams to the blobs when it is large."""
    limits = vault.settings.limits
    if not has_body(request):
        return NOTHING if hdrs.CONTENT_TYPE not in request.headers else Content(Inline(b""), _media_type(request))
    media_type = _media_type(request)
    rdf = media_type is not None and is_rdf(media_type)
    if not rdf:
        if (operation.target.is_container and isinstance(operation, Put)) or auxiliary(operation.target) is not None:
            # Refused by its type or for want of one (PR-7, PR-70), in its place in the order: nothing is streamed.
            return Content(Inline(await read_limited(request, limits.rdf_bytes)), media_type)
        return Content(await _binary(request, vault), media_type)
    assert media_type is not None
    data = await read_limited(request, limits.rdf_bytes)
    # PR-55: a plain document may hold named graphs; what the server itself reads is one graph.
    target = operation.target
    one = wants_container(operation.types) if isinstance(operation, Post) else target.is_container or is_acl(target)
    read = parse_guarded if one else parse_named_guarded
    try:
        graph = await read(data, media_type, base=target.iri(vault.base_url), limits=limits)
    except Refusal as fault:
        return Content(Inline(data), media_type, fault=fault)
    return Content(Inline(data), media_type, graph)


async def read_patch(request: web.Request, operation: Patch, vault: Vault) -> Patch:
    """The patch in the body, or why there is none: the modes it needs are known only now (WM-18)."""
    limits = vault.settings.limits
    data = await read_limited(request, limits.patch_bytes)
    try:
        media_type = _media_type(request)
        if media_type is None:  # PR-7
            raise Malformed("content-type-missing", "A patch names its Content-Type.")
        if media_type.essence not in (N3_PATCH.essence, SPARQL_UPDATE.essence):  # PR-70
            raise UnsupportedMedia("patch-type", "This kind of patch is not read here.", accepted=_PATCH_TYPES)
        edit = parse_patch(data, media_type, base=operation.target.iri(vault.base_url), limits=limits)
    except Refusal as fault:
        return Patch(operation.target, fault=fault, conditions=operation.conditions)
    return Patch(operation.target, edit, conditions=operation.conditions)


async def _binary(request: web.Request, vault: Vault) -> Body:
    """A body that is not RDF: in memory while it is small, otherwise streamed to a file that nobody sees yet. If the
    change is refused after all, the sweep removes the file."""
    inline = vault.settings.storage.inline_bytes
    chunks = body_chunks(request, vault.settings.limits.upload_bytes)
    head: list[bytes] = []
    size = 0
    async for chunk in chunks:
        head.append(chunk)
        size += len(chunk)
        if size > inline:
            return await vault.blobs.save(_rejoined(head, chunks), limit=vault.settings.limits.upload_bytes)
    return Inline(b"".join(head))


async def _rejoined(head: list[bytes], rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield b"".join(head)
    async for chunk in rest:
        yield chunk


def _conditions(request: web.Request) -> Conditions:
    headers = request.headers
    return parse_conditions(
        if_match=listed(request, hdrs.IF_MATCH),
        if_none_match=listed(request, hdrs.IF_NONE_MATCH),
        if_modified_since=headers.get(hdrs.IF_MODIFIED_SINCE),
        if_unmodified_since=headers.get(hdrs.IF_UNMODIFIED_SINCE),
    )


def _types(request: web.Request, target: ResourceUrl, base_url: str) -> frozenset[str]:
    values = request.headers.getall(hdrs.LINK, ())
    return types_of(parse_links(values, base=target.iri(base_url))) if values else frozenset()


def _media_type(request: web.Request) -> MediaType | None:
    """The Content-Type as it was sent, or None; aiohttp's own reading invents one where there is none."""
    text = request.headers.get(hdrs.CONTENT_TYPE)
    return None if text is None else parse_media_type(text)
