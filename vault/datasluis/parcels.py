"""A delivery, as it came and opened: which data type it is, its items, and what travels with them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from vault.connectors.dmfa import more_follows, statements
from vault.connectors.items import Belongs, Derived, Item, ItemStatus, Refused, Whose, readable_reference
from vault.connectors.led import diplomas
from vault.connectors.magda import Empty, Fault, Message, MessageKind, read_message
from vault.datasluis.catalogue import Catalogue, DataType
from vault.datasluis.views import subject_of
from vault.errors import Refusal, Unavailable, Unprocessable
from vault.rdf.graph import ADMS, DCT, ELM, LC, RDF, SKOS, Blank, Graph, Iri, Literal
from vault.rdf.syntax import serialise
from vault.values import JSON_LD, NTRIPLES, TURTLE, XML, MediaType, WebId

# What relative addresses of a delivered document stand against until its place in the pod is known. The name can never
# be anybody's (RFC 2606).
NOWHERE: Final = "https://deposit.invalid/document"
_ANYWHERE: Final = "https://deposit.invalid/"

XML_TYPES: Final = frozenset([XML.essence, "text/xml", "application/soap+xml"])
_EXTENSIONS: Final[Mapping[str, str]] = {TURTLE.essence: "ttl", JSON_LD.essence: "jsonld", NTRIPLES.essence: "nt"}
_CONNECTORS: Final[Mapping[MessageKind, tuple[str, Callable[[Message, Belongs], tuple[Item, ...]]]]] = {
    MessageKind.LED: ("diploma", diplomas),
    MessageKind.DMFA: ("employment", statements),
}
_WITHDRAWN: Final = Iri("http://purl.org/adms/status/Withdrawn")
_ON_HONOUR: Final = ("/OpEer", "/EigenVerklaringOpEer")
_NUMBER: Final = re.compile(r"[0-9]{11}")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as it came, for one citizen: named by national number or by WebID, exactly one of the two.

    The number is compared under a key and kept nowhere. `reference` names a document in our own form, when it has no
    identifier of its own.
    """

    raw: bytes = field(repr=False)
    media_type: MediaType
    person: str | None = field(default=None, repr=False)
    citizen: WebId | None = field(default=None, repr=False)
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Parcel:
    """An opened delivery. `facts`: what the statutory log keeps of a message (references, the purpose code).

    `graph`: what was delivered in our own form, with NOWHERE for its address; a source's own message has none.
    """

    data_type: str
    original: bytes
    media_type: MediaType
    extension: str
    items: tuple[Item, ...]
    notes: tuple[str, ...] = ()
    empty: str | None = None
    facts: Mapping[str, str] | None = None
    graph: Graph | None = None

    def endings(self) -> Mapping[int, tuple[str, ...]]:
        """Position of an item → references whose documents it makes out of date: predecessors under another one, and
        its own when it has a successor elsewhere. What this same message delivers as valid stays."""
        derived = [item for item in self.items if isinstance(item, Derived)]
        valid = {item.reference for item in derived if item.status is ItemStatus.VALID}
        own = {item.position: (item.reference,) for item in derived if item.status is ItemStatus.SUPERSEDED}
        named = {item.position: (*item.replaces, *own.get(item.position, ())) for item in derived}
        return {at: tuple(name for name in names if name not in valid) for at, names in named.items()}


def message_parcel(raw: bytes, *, belongs: Belongs, max_bytes: int, max_depth: int) -> Parcel:
    """A reply of the Flemish data exchange. Raises a Refusal for one that cannot be read or in which nothing was
    answered; a retryable fault is Unavailable."""
    message = read_message(raw, max_bytes=max_bytes, max_depth=max_depth)
    outcomes = [answer.outcome for answer in message.answers] or [Empty("nothing-found")]
    for outcome in (message.failure, *outcomes):
        if isinstance(outcome, Fault):
            raise fault_refusal(outcome)
    key, connector = _CONNECTORS[message.kind]
    items = connector(message, belongs)
    notes = {note for outcome in outcomes if not isinstance(outcome, Fault) for note in outcome.notes}
    if message.kind is MessageKind.DMFA and more_follows(message):
        notes.add("more-follows")
    reasons = [outcome.reason for outcome in (message.failure, *outcomes) if isinstance(outcome, Empty)]
    empty = None if items else ("filtered" if "filtered" in reasons else next(iter(reasons), "nothing-found"))
    return Parcel(
        data_type=key,
        original=raw,
        media_type=XML,
        extension="xml",
        items=items,
        notes=tuple(sorted(notes)),
        empty=empty,
        facts=_log_facts(message),
    )


def graph_parcel(
    graph: Graph, raw: bytes, media_type: MediaType, *, reference: str | None, belongs: Belongs, catalogue: Catalogue
) -> Parcel:
    """One document that is already in our form. Raises Unprocessable when it is of no kind that the catalogue knows,
    or is not about one thing with an address of its own."""
    data_type = _kind_of(graph, catalogue)
    subject = subject_of(graph, NOWHERE, data_type)
    if subject is None:
        raise Unprocessable("no-subject", "The document is not about one thing that has an IRI, such as <#it>.")
    if any(_leads_nowhere(term) for one in graph for term in (one.subject, one.object)):
        raise Unprocessable("relative-iri", "The document names another place by a relative address.")
    item = _derived(graph, subject, data_type=data_type, raw=raw, reference=reference, belongs=belongs)
    essence = MediaType(media_type.essence)
    return Parcel(data_type.key, raw, essence, _EXTENSIONS[essence.essence], (item,), graph=graph)


def fault_refusal(fault: Fault) -> Refusal:
    """What the one who delivers a message without an answer is told. The diagnosis itself is never passed on."""
    facts = {"code": fault.code}
    if fault.retryable:
        refusal: Refusal = Unavailable(fault.reason, "The source could not answer; ask it again later.", retry_after=60)
        refusal.facts = facts
        return refusal
    return Unprocessable(fault.reason, "The message is an error of the source, not an answer.", facts=facts)


def _log_facts(message: Message) -> Mapping[str, str]:
    said = {
        "service": message.kind.value,
        "reference": message.reference,
        "sourceReference": message.source_reference,
        "capacity": message.capacity,
    }
    # Free text of whoever asked: what looks like a national number does not go into a log.
    return {key: text[:80] for key, text in said.items() if text and not _NUMBER.search(text)}


def _leads_nowhere(term: object) -> bool:
    """A relative address that is neither the document nor a part of it would change its meaning in the pod."""
    inside = isinstance(term, Iri) and term.value.startswith(_ANYWHERE)
    return inside and str(term)[1:-1].partition("#")[0] != NOWHERE


def _kind_of(graph: Graph, catalogue: Catalogue) -> DataType:
    found = [one for one in catalogue.data_types.values() if graph.subjects(RDF.type, Iri(one.class_iri))]
    if len(found) != 1:
        raise Unprocessable("data-type-unknown", "The document is not of one kind that the catalogue knows.")
    return found[0]


def _derived(
    graph: Graph, subject: Iri, *, data_type: DataType, raw: bytes, reference: str | None, belongs: Belongs
) -> Item:
    old = subject.value.partition("#")[0]
    body, warnings = _without_number(graph, belongs)
    if body is None:
        return Refused(1, "foreign-person")
    digest = hashlib.sha256(serialise(body, NTRIPLES)).hexdigest()
    name = reference or _identifier(graph, subject) or digest[:32]
    if not readable_reference(name):
        # Some number a source writes with strokes or blanks: stable, and fit for an address.
        name = hashlib.sha256(name.encode()).hexdigest()[:32]
    withdrawn = any(graph.match(subject, ADMS.status, _WITHDRAWN))
    authenticity = graph.text(subject, LC.authenticiteit) or ""

    def build(document_url: str, _holder: str | None) -> Graph:
        moved = body.rebased(old, document_url)
        return moved.rebased(NOWHERE, document_url) if old != NOWHERE else moved

    return Derived(
        data_type=data_type.key,
        position=1,
        reference=name,
        mutation=digest,
        modified=_modified(graph, subject),
        status=ItemStatus.WITHDRAWN if withdrawn else ItemStatus.VALID,
        span=(0, len(raw)),
        build=build,
        warnings=warnings,
        self_declared=authenticity.endswith(_ON_HONOUR),
    )


def _identifier(graph: Graph, subject: Iri) -> str | None:
    for node in graph.objects(subject, ADMS.identifier):
        if not isinstance(node, Literal) and (text := graph.text(node, SKOS.notation)):
            return text
    return None


def _modified(graph: Graph, subject: Iri) -> datetime | None:
    text = graph.text(subject, DCT.modified)
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def _without_number(graph: Graph, belongs: Belongs) -> tuple[Graph | None, tuple[str, ...]]:
    """The graph without a national number in it, which is never written into a pod; None when it is somebody else's."""
    stated = list(graph.match(None, ELM.nationalId))
    if not stated:
        return graph, ()
    dropped = set(stated)
    for one in stated:
        texts = [one.object.value] if isinstance(one.object, Literal) else []
        if isinstance(one.object, (Iri, Blank)):
            inner = list(graph.match(one.object))
            texts += [each.object.value for each in inner if isinstance(each.object, Literal)]
            dropped |= set(inner)
        numbers = [digits for text in texts if _NUMBER.fullmatch(digits := re.sub(r"[ .-]", "", text))]
        if any(belongs(number) is Whose.FOREIGN for number in numbers):
            return None, ()
    return Graph.of(set(graph) - dropped), ("national-number-left-out",)
