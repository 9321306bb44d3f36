"""Everything about a delivery that takes time: it is read, mapped, checked and written out, off the event loop and
outside any writing transaction, so that nothing large holds the writer."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Final

from vault.config import Limits
from vault.connectors.items import COMPLETED, WITHDRAWN, Belongs, Derived, ItemStatus
from vault.datasluis.catalogue import Catalogue, DataType
from vault.datasluis.deposits import Deposited, is_ended, original_of, place_of, settled
from vault.datasluis.parcels import NOWHERE, XML_TYPES, Delivery, Parcel, graph_parcel, message_parcel
from vault.datasluis.ports import DatasluisWork
from vault.datasluis.registry import Participant
from vault.datasluis.views import subject_of
from vault.errors import UnsupportedMedia
from vault.identity.accounts import Account
from vault.rdf.graph import ADMS, Graph, triple
from vault.rdf.isolate import parse_guarded
from vault.rdf.shapes import check, load_shapes
from vault.rdf.syntax import RDF_TYPES, is_rdf, serialise
from vault.solid.resource import Inline
from vault.values import TURTLE, ResourceUrl

_shapes: Final = lru_cache(maxsize=32)(load_shapes)  # pure: the same text gives the same shapes


@dataclass(frozen=True, slots=True)
class Document:
    """A graph, and the Turtle in which it is stored."""

    graph: Graph
    turtle: bytes


@dataclass(frozen=True, slots=True)
class Routed:
    """An opened delivery on its way from one source into one vault; `shape` is what its documents must fit."""

    parcel: Parcel
    source: Participant
    account: Account
    data_type: DataType
    shape: bytes
    base_url: str
    limits: Limits


@dataclass(frozen=True, slots=True)
class Fitting:
    """One item as it would be stored. `original`: the graph of the source's own bytes, when those are RDF."""

    document: Document
    original: Graph | None


@dataclass(frozen=True, slots=True)
class Unfitting:
    """(path, message) of each thing in an item that its shape does not accept."""

    findings: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is ready to be laid down. `items`: by position, those that looked as if they would be written. `marked`: by
    address and digest, held documents that the delivery makes out of date, now saying so."""

    routed: Routed
    items: Mapping[int, Fitting | Unfitting]
    marked: Mapping[tuple[ResourceUrl, str], Document]

    def still_fits(self, source: Participant, account: Account) -> bool:
        """Whether this is still the source, and the place, name and numbers of the citizen, that it was made for."""
        ours = self.routed.account
        same_vault = (ours.pod, ours.webid, ours.national_numbers) == (
            account.pod,
            account.webid,
            account.national_numbers,
        )
        return same_vault and self.routed.source.id == source.id


async def unpack(delivery: Delivery, *, belongs: Belongs, catalogue: Catalogue, limits: Limits) -> Parcel:
    """Opens a delivery. Raises a Refusal when it cannot be read or holds nothing that the catalogue knows."""
    raw, media_type = delivery.raw, delivery.media_type
    if media_type.essence in XML_TYPES:
        read = partial(message_parcel, raw, belongs=belongs, max_bytes=limits.xml_bytes, max_depth=limits.xml_depth)
        return await asyncio.to_thread(read)
    if not is_rdf(media_type):
        accepted = (*sorted(XML_TYPES), *map(str, RDF_TYPES))
        raise UnsupportedMedia(
            "deposit-media-type", "A message is XML, Turtle, JSON-LD or N-Triples.", accepted=accepted
        )
    graph = await parse_guarded(raw, media_type, base=NOWHERE, limits=limits)
    take = partial(graph_parcel, graph, raw, media_type, reference=delivery.reference)
    return await asyncio.to_thread(take, belongs=belongs, catalogue=catalogue)


async def prepare(
    reading: Callable[[], AbstractAsyncContextManager[DatasluisWork]], routed: Routed, *, everything: bool
) -> Prepared:
    """Checks and writes out what would be stored: by what is held now or, when that proved too old by a moment,
    `everything` in the delivery."""
    async with reading() as work:
        wanted = await _wanted(work, routed, everything=everything)
        outdated = await _outdated(work, routed)
    items = {item.position: await asyncio.to_thread(_check, routed, item, url) for item, url in wanted}
    marked = {(held.url, held.digest): await _mark(routed, held.url, turtle) for held, turtle in outdated}
    return Prepared(routed, items, marked)


async def _wanted(work: DatasluisWork, routed: Routed, *, everything: bool) -> list[tuple[Derived, ResourceUrl]]:
    """The items that would be written, and where."""
    wanted = []
    for item in routed.parcel.items:
        if not isinstance(item, Derived) or item.status is ItemStatus.SUPERSEDED:
            continue
        url = place_of(routed.account.pod, routed.data_type, item.reference)
        if url is not None and (everything or await _would_be_written(work, routed, item, url)):
            wanted.append((item, url))
    return wanted


async def _would_be_written(work: DatasluisWork, routed: Routed, item: Derived, url: ResourceUrl) -> bool:
    held = await work.deposits.by_reference(url.pod, routed.data_type.key, item.reference)
    if held is not None and held.source != routed.source.id:
        return False
    gone = held is not None and await work.resources.get(held.url) is None
    return settled(item, held, gone=gone) is None


async def _outdated(work: DatasluisWork, routed: Routed) -> list[tuple[Deposited, bytes]]:
    """Held documents that the delivery makes out of date, with their text where it is still as it was delivered."""
    found = []
    endings = routed.parcel.endings()
    for item in routed.parcel.items:
        for name in endings.get(item.position, ()):
            held = await work.deposits.by_reference(routed.account.pod, routed.data_type.key, name)
            if not isinstance(item, Derived) or held is None or not is_ended(held, item, source=routed.source.id):
                continue
            body = await work.resources.body(held.url)
            if isinstance(body, Inline) and hashlib.sha256(body.data).hexdigest() == held.digest:
                found.append((held, body.data))
    return found


def _check(routed: Routed, item: Derived, url: ResourceUrl) -> Fitting | Unfitting:
    """The item as it would stand in the vault, held against its shape."""
    document_url, parcel = url.iri(routed.base_url), routed.parcel
    graph = item.build(document_url, routed.account.webid)
    report = check(graph, _shapes(routed.shape))
    if not report.conforms:
        return Unfitting(tuple(dict.fromkeys((one.path, one.message) for one in report.violations)))
    original_url = original_of(url, parcel.extension).iri(routed.base_url)
    original = None if parcel.graph is None else parcel.graph.rebased(NOWHERE, original_url)
    return Fitting(Document(graph, serialise(graph, TURTLE, base=document_url)), original)


async def _mark(routed: Routed, url: ResourceUrl, turtle: bytes) -> Document:
    """The document as it was delivered, now saying that its source took it back."""
    document_url = url.iri(routed.base_url)
    graph = await parse_guarded(turtle, TURTLE, base=document_url, limits=routed.limits)
    subject = subject_of(graph, document_url, routed.data_type)
    assert subject is not None  # it was checked when it came, and nobody changed it since
    valid, taken_back = triple(subject, ADMS.status, COMPLETED), triple(subject, ADMS.status, WITHDRAWN)
    marked = graph - Graph.of([valid]) | Graph.of([taken_back])
    return Document(marked, await asyncio.to_thread(serialise, marked, TURTLE, base=document_url))
