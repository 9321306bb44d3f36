"""GET and HEAD: stored bytes first, conversion only if asked (D20), and listings written line by line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from vault.config import Limits
from vault.errors import Missing, NotAcceptable, PreconditionFailed
from vault.rdf.graph import PIM, RDF, Graph, Iri, Literal, parts, triple
from vault.rdf.isolate import parse_named_guarded
from vault.rdf.syntax import parse, serialise
from vault.solid.headers import (
    NO_CONDITIONS,
    NO_PREFERENCE,
    Conditions,
    Verdict,
    evaluate_conditions,
    range_applies,
    resolve_range,
)
from vault.solid.listing import CONTAINMENT, MINIMAL_CONTAINER, json_tail, syntax_for
from vault.solid.negotiation import choose
from vault.solid.operation import Read
from vault.solid.paths import meta_of
from vault.solid.ports import Conversions, Resources, SolidWork, Span
from vault.solid.resource import Body, Inline, Kind, Resource, current_tags, representations
from vault.values import JSON_LD, NTRIPLES, ETag, MediaType, ResourceUrl

MOST_HELD: Final = 12_000  # members; a longer listing goes out as it is written, and is not kept
_MEMBERS_IN_A_PIECE: Final = 256


@dataclass(frozen=True, slots=True)
class Growing:
    """A body that is still being written, in the transaction that it is read from: that ends after the last piece."""

    pieces: AsyncGenerator[bytes, None]


@dataclass(frozen=True, slots=True)
class Representation:
    """What goes out with 200, or with 206 when there is a `span`.

    `body`: None for HEAD. Inline bytes are already cut to the span; a BlobRef is to be opened with it. `total`: bytes
    of the whole representation; None where it would have to be written to be counted: for HEAD, and for a long
    listing. `ranges`: whether Accept-Ranges may be said, which is so for stored bytes alone (TR-19). `minimal`: the
    preference for a minimal container was honoured, for Preference-Applied.
    """

    resource: Resource
    media_type: MediaType
    etag: ETag
    body: Body | Growing | None
    total: int | None
    span: Span | None = None
    ranges: bool = False
    minimal: bool = False


@dataclass(frozen=True, slots=True)
class NotModified:
    """304: the client has what it would be sent."""

    resource: Resource
    media_type: MediaType
    etag: ETag


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """416: the representation has `total` bytes, and none of those asked for."""

    resource: Resource
    total: int


ReadOutcome = Representation | NotModified | Unsatisfiable


async def read_resource(
    work: SolidWork, conversions: Conversions, read: Read, *, base_url: str, limits: Limits
) -> ReadOutcome:
    """Negotiates, evaluates the conditions of the chosen representation, and finds its bytes (PR-59).

    Raises Missing, NotAcceptable or PreconditionFailed. The caller has been allowed to read.
    """
    resource = await work.resources.get(read.target)
    if resource is None:  # WA-4, PR-44: auxiliaries that were never written are missing like anything else
        raise Missing("no-such-resource", "There is nothing here.")
    offered = representations(resource)
    chosen = choose(read.accept, offered)
    if chosen is None:
        raise NotAcceptable("not-acceptable", "No representation of this resource fits the Accept header.")
    container = resource.kind is Kind.CONTAINER
    minimal = container and _wants_minimal(read)
    etag = resource.etag(chosen)
    if minimal:
        etag = ETag(f"{etag.opaque}-min")
    if read.conditions is not NO_CONDITIONS:
        verdict = _verdict(read.conditions, resource, etag)
        if verdict is Verdict.FAILED:
            raise PreconditionFailed("precondition", "The precondition does not hold.")
        if verdict is Verdict.NOT_MODIFIED:
            return NotModified(resource, chosen, etag)
    if container:
        act = _Listing(work.resources, conversions, resource, chosen, base_url, limits)
        body = None if read.head else await (act.minimal() if minimal else act.whole())
        size = len(body.data) if isinstance(body, Inline) else None
        return Representation(resource, chosen, etag, body, size, minimal=minimal)
    if chosen is offered[0]:
        return await _stored(work.resources, read, resource, etag)
    return await _converted(
        work.resources, conversions, read, resource=resource, chosen=chosen, base_url=base_url, limits=limits
    )


def describe_storage(storage: ResourceUrl, *, base_url: str) -> Graph:
    """The storage description (PR-23): what kind of thing the storage is."""
    return Graph.of([triple(Iri(storage.iri(base_url)), RDF.type, PIM.Storage)])


def _verdict(conditions: Conditions, resource: Resource, etag: ETag) -> Verdict:
    """What the conditions say of the representation that would be sent."""
    return evaluate_conditions(
        conditions,
        current=(*current_tags(resource), etag),
        chosen=etag,
        # PR-32: a container's date says nothing of the rest of its listing
        modified=None if resource.kind is Kind.CONTAINER else resource.modified,
        reading=True,
    )


def _wants_minimal(read: Read) -> bool:
    """LDP-3: asked for without its members, or to leave them out."""
    if read.prefer is NO_PREFERENCE or CONTAINMENT in read.prefer.include:
        return False
    return CONTAINMENT in read.prefer.omit or bool(MINIMAL_CONTAINER & read.prefer.include)


async def _stored(resources: Resources, read: Read, resource: Resource, etag: ETag) -> Representation | Unsatisfiable:
    """The bytes as they were written, whole or in part; nothing is parsed (D20, TR-6)."""
    total = resource.size
    if read.head:  # RFC 9110 §14.2: a range means something for GET only
        return Representation(resource, resource.media_type, etag, None, total, ranges=True)
    body = await resources.body(read.target)
    if body is None:
        raise Missing("no-such-resource", "There is nothing here.")
    wanted = read.wanted_range
    if wanted is None or not range_applies(wanted, etag=etag, modified=resource.modified):
        return Representation(resource, resource.media_type, etag, body, total, ranges=True)
    found = resolve_range(wanted.wanted, total)
    if found is None:
        return Unsatisfiable(resource, total)
    span = Span(*found)
    if isinstance(body, Inline):
        body = Inline(body.data[span.first : span.last + 1])
    return Representation(resource, resource.media_type, etag, body, total, span, ranges=True)


async def _converted(
    resources: Resources,
    conversions: Conversions,
    read: Read,
    *,
    resource: Resource,
    chosen: MediaType,
    base_url: str,
    limits: Limits,
) -> Representation:
    """The same graph in another syntax (PR-54), kept for this version of the resource."""
    etag = resource.etag(chosen)
    data = conversions.get(resource, chosen)
    if data is None and not read.head:
        body = await resources.body(read.target)
        if not isinstance(body, Inline):  # RDF stays in its row: see write.py
            raise Missing("no-such-resource", "There is nothing here.")
        place = read.target.iri(base_url)
        # PR-55: the Turtle view of JSON-LD with named graphs is undefined; ours is its default graph.
        graph = await parse_named_guarded(body.data, resource.media_type, base=place, limits=limits)
        if resource.size <= limits.inline_parse_bytes:
            data = serialise(graph, chosen)
        else:
            data = await asyncio.to_thread(serialise, graph, chosen)
        conversions.put(resource, chosen, data)
    content = None if data is None or read.head else Inline(data)
    return Representation(resource, chosen, etag, content, None if data is None else len(data))


@dataclass(frozen=True, slots=True)
class _Listing:
    """Writing one container's listing in one syntax."""

    resources: Resources
    conversions: Conversions
    container: Resource
    chosen: MediaType
    base_url: str
    limits: Limits

    async def whole(self) -> Inline | Growing:
        """The listing with all members, kept for this version of the container: any change below gives it another. A
        long one is never held, and comes piece by piece."""
        known = self.conversions.get(self.container, self.chosen)
        if known is not None:
            return Inline(known)
        pieces = self._pieces(with_members=True)
        if await self.resources.count_children(self.container.url, most=MOST_HELD + 1) > MOST_HELD:
            return Growing(pieces)
        out = BytesIO()  # hands over its own buffer in the end: the listing is never in memory twice
        async for piece in pieces:
            out.write(piece)
        data = out.getvalue()
        self.conversions.put(self.container, self.chosen, data)
        return Inline(data)

    async def minimal(self) -> Inline:
        """The container's own triples and types alone (LDP-3)."""
        return Inline(b"".join([piece async for piece in self._pieces(with_members=False)]))

    async def _pieces(self, *, with_members: bool) -> AsyncGenerator[bytes, None]:
        syntax = syntax_for(self.chosen.essence)
        url, iri = self.container.url, self.container.url.iri(self.base_url)
        yield syntax.head(iri, url.is_storage).encode()
        if with_members:
            first, cut, lines = True, len(url.path), []
            async for member in self.resources.children(url):
                lines.append(syntax.member(iri, member, iri + member.url.path[cut:], first))
                first = False
                if len(lines) == _MEMBERS_IN_A_PIECE:
                    yield "".join(lines).encode()
                    lines.clear()
            yield "".join(lines).encode()
        yield await self._tail(iri)

    async def _tail(self, iri: str) -> bytes:
        """What clients wrote about the container: stored as N-Triples, which are Turtle too."""
        body = await self.resources.body(self.container.url) if self.container.size else None
        own = body.data if isinstance(body, Inline) else b""
        described = await self._described(iri)
        if self.chosen.essence != JSON_LD.essence:
            return own + serialise(described, NTRIPLES)
        graph = parse(own, NTRIPLES, base=iri, limits=self.limits) if own else Graph()
        return json_tail(graph | described).encode()

    async def _described(self, iri: str) -> Graph:
        """What the container's description says of the container itself: clients that keep a folder's name in its
        .meta (soukai) read it here. Whoever reads the one may read the other (PR-43). Blank nodes stay behind, for
        their names would mix with those of the container's own triples; so does what is too large to be a name."""
        place = meta_of(self.container.url)
        meta = await self.resources.get(place)
        if meta is None or meta.size > self.limits.inline_parse_bytes:
            return Graph()
        body = await self.resources.body(place)
        if not isinstance(body, Inline):
            return Graph()
        graph = await parse_named_guarded(body.data, meta.media_type, base=place.iri(self.base_url), limits=self.limits)
        return Graph.of(one for one in graph.match(Iri(iri)) if isinstance(parts(one)[2], Iri | Literal))
