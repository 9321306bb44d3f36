"""What a citizen sees before she decides: exactly the values that would leave, and what stays closed (UX-03, UX-05).

The values are made by the same cut that a read makes, so that the page cannot show more or less than what would go.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from heapq import nlargest

from vault.config import Limits
from vault.datasluis.advice import Hit, advise, considered_request, locked
from vault.datasluis.ask import is_admitted
from vault.datasluis.catalogue import Catalogue, DataType, Field, Purpose
from vault.datasluis.ports import DatasluisWork
from vault.datasluis.provenance import Provenance, Verification
from vault.datasluis.read import Document, open_document
from vault.datasluis.registry import Participant
from vault.datasluis.requests import AccessRequest, Asked, latest_end
from vault.datasluis.views import Shown, minimise, show, subject_of
from vault.errors import Missing, Refusal
from vault.rdf.graph import Iri
from vault.solid.ports import Blobs
from vault.solid.resource import Kind, Resource
from vault.values import Citizen, PodName, ResourceUrl

MAX_DOCUMENTS = 200  # of one data type, on one page: the latest
_MOST_MEMBERS = 20_000  # of a folder, looked at for the latest
_EARLIER = 50


@dataclass(frozen=True, slots=True)
class FieldPreview:
    """One field that was asked, and what of it would leave; `shown` is None when this document has no such value."""

    field: Field
    required: bool
    locked: bool  # an advice rule of class block: it cannot be switched on
    shown: Shown | None


@dataclass(frozen=True, slots=True)
class DocumentPreview:
    """One document of the citizen. `everything` is what she herself sees of it, for a heading she recognises."""

    url: ResourceUrl
    provenance: Provenance
    modified: datetime
    fields: tuple[FieldPreview, ...]
    closed: tuple[Field, ...]  # fields it has and that were not asked: they stay closed
    everything: tuple[Shown, ...]

    @property
    def withdrawn(self) -> bool:
        return self.provenance.verification is Verification.WITHDRAWN


@dataclass(frozen=True, slots=True)
class AskedPreview:
    """One kind of document that was asked. No documents: the citizen has none, and the page says so."""

    data_type: DataType
    asked: Asked
    documents: tuple[DocumentPreview, ...]
    unreadable: int = 0  # documents that cannot be read as data, and so cannot be shared
    older: int = 0  # documents beyond the latest ones: they are not on this page


@dataclass(frozen=True, slots=True)
class Held:
    """What a citizen has of one kind: the latest documents, those that count before those taken back; how many cannot
    be read as data; and how many are older than the ones looked into."""

    documents: tuple[Document, ...]
    unreadable: int
    older: int


@dataclass(frozen=True, slots=True)
class RequestPreview:
    """Everything the request page shows."""

    request: AccessRequest
    participant: Participant
    purpose: Purpose | None  # None: none was given, or one that the catalogue does not know
    admitted: bool  # the operator's contract covers it
    asked: tuple[AskedPreview, ...]
    advice: tuple[Hit, ...]
    latest: datetime  # the latest end that can be chosen


async def preview(
    work: DatasluisWork,
    *,
    citizen: Citizen,
    request: AccessRequest,
    catalogue: Catalogue,
    blobs: Blobs,
    base_url: str,
    limits: Limits,
    now: datetime,
) -> RequestPreview:
    """For a reading transaction. Raises Missing unless the request is addressed to this citizen."""
    participant = await work.participants.get(request.data_user)
    if participant is None or request.pod != citizen.pod or request.citizen != citizen.webid:
        raise Missing("no-such-request", "There is no such request.")
    keys = tuple(asked.data_type for asked in request.asked)
    documents = {
        key: await documents_of(work, citizen.pod, data_type, blobs=blobs, base_url=base_url, limits=limits)
        for key in keys
        if (data_type := catalogue.data_types.get(key)) is not None
    }
    latest = await work.requests.for_pod(citizen.pod, limit=_EARLIER)
    admitted = is_admitted(participant, keys, request.purpose, catalogue, now)
    considered = considered_request(
        request, admitted=admitted, earlier=[other for other in latest if other.data_user == request.data_user]
    )
    hits = advise(replace(considered, self_declared=_has_own_word(documents.values())), catalogue)
    show_asked = partial(_asked, shut=locked(hits), catalogue=catalogue, base_url=base_url)
    purpose = catalogue.purposes.get(request.purpose or "")
    return RequestPreview(
        request=request,
        participant=participant,
        purpose=purpose,
        admitted=admitted,
        asked=tuple(
            show_asked(catalogue.data_types[asked.data_type], asked, documents[asked.data_type])
            for asked in request.asked
            if asked.data_type in documents
        ),
        advice=hits,
        latest=latest_end(request, participant=participant, purpose=purpose, now=now),
    )


async def documents_of(
    work: DatasluisWork, pod: PodName, data_type: DataType, *, blobs: Blobs, base_url: str, limits: Limits
) -> Held:
    """The citizen's documents of one kind: what a source delivered and what she wrote herself."""
    delivered = {one.url: one for one in await work.deposits.for_pod(pod, data_type=data_type.key)}
    found: list[Document] = []
    unreadable = 0
    latest, older = await _latest(work, ResourceUrl(pod, f"/{data_type.container}"))
    for resource in latest:
        deposited = delivered.get(resource.url)
        body = await work.resources.body(resource.url)
        if body is None or (deposited is None and await work.deposits.get(resource.url) is not None):
            continue  # not a document, or one of another kind in the same folder
        source = await work.participants.get(deposited.source) if deposited is not None else None
        try:
            document = await open_document(
                resource,
                body,
                deposited=deposited,
                source=source.legal_name if source else None,
                blobs=blobs,
                base_url=base_url,
                limits=limits,
            )
        except Refusal:
            unreadable += 1
            continue
        if subject_of(document.graph, resource.url.iri(base_url), data_type) is not None:
            found.append(document)
        elif deposited is not None:  # edited until it says nothing; what she wrote about other things is no document
            unreadable += 1
    found.sort(key=lambda one: (one.provenance.verification is Verification.WITHDRAWN, -one.resource.version))
    return Held(tuple(found), unreadable, older)


async def _latest(work: DatasluisWork, folder: ResourceUrl) -> tuple[list[Resource], int]:
    """The members of a folder that may be documents, the latest of them, and how many more there are. A folder lists by
    name, and names say nothing of time: so all of it is looked at, by its members' versions alone."""
    members = [
        member async for member in work.resources.children(folder, limit=_MOST_MEMBERS) if member.kind is Kind.GRAPH
    ]
    return nlargest(MAX_DOCUMENTS, members, key=lambda one: one.version), max(0, len(members) - MAX_DOCUMENTS)


def _asked(
    data_type: DataType,
    asked: Asked,
    held: Held,
    *,
    shut: frozenset[tuple[str, str]],
    catalogue: Catalogue,
    base_url: str,
) -> AskedPreview:
    shown = tuple(
        _document(document, data_type, asked, shut=shut, catalogue=catalogue, base_url=base_url)
        for document in held.documents
    )
    return AskedPreview(data_type, asked, shown, held.unreadable, held.older)


def _document(
    document: Document,
    data_type: DataType,
    asked: Asked,
    *,
    shut: frozenset[tuple[str, str]],
    catalogue: Catalogue,
    base_url: str,
) -> DocumentPreview:
    subject = subject_of(document.graph, document.resource.url.iri(base_url), data_type)
    assert isinstance(subject, Iri)  # documents_of keeps no other
    cut = minimise(document.graph, subject, data_type, asked.fields)
    leaving = {shown.key: shown for shown in show(cut, subject, data_type, catalogue)}
    everything = show(document.graph, subject, data_type, catalogue)
    has = {shown.key for shown in everything}
    return DocumentPreview(
        url=document.resource.url,
        provenance=document.provenance,
        modified=document.resource.modified,
        fields=tuple(
            FieldPreview(one, key in asked.required, (data_type.key, key) in shut, leaving.get(key))
            for key in asked.fields
            if (one := data_type.field(key)) is not None
        ),
        closed=tuple(one for one in data_type.fields if one.key in has and one.key not in asked.fields),
        everything=everything,
    )


def _has_own_word(found: Iterable[Held]) -> bool:
    """Whether a document among these is the citizen's own word (advice A13)."""
    own = Verification.SELF_DECLARED
    return any(document.provenance.verification is own for held in found for document in held.documents)
