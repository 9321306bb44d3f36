"""What the citizen holds: diplomas, employment and wages as cards and as whole documents, and who can see them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from aiohttp import web

from vault.datasluis.catalogue import DataType
from vault.datasluis.grants import OPEN, Grant, GrantedItem, GrantState, state_at
from vault.datasluis.history import HistoryLine
from vault.datasluis.preview import Held, documents_of
from vault.datasluis.read import Document, open_document
from vault.datasluis.views import Shown, show, subject_of
from vault.errors import Missing, Refusal
from vault.ports import Vault, Work
from vault.rdf.syntax import serialise
from vault.solid.resource import Kind
from vault.values import TURTLE, GrantId, PodName, ResourceUrl, canonical_path
from vault.web.locales import locale_of, moment
from vault.web.pages import render
from vault.web.requests import raw_path
from vault.web.routing import VAULT, Credentials, Route
from vault.web.sessions import require_citizen
from vault.web.showing import FieldLine, Origin, field_lines, heading, in_heading, origin
from vault.web.telling import Named, Names
from vault.web.wording import NAME_CHARACTERS, Tongue, capital, clean

_ON_CARD: Final = 3  # fields
# What tells most about a document, by the usual keys of fields; others follow in the order of the catalogue.
_TELLING: Final = ("awarding-body", "date", "contract-period", "contract", "hours-per-week")
_OF_EACH: Final = 6  # cards of one kind on the first page
_SHOWN: Final = 24


@dataclass(frozen=True, slots=True)
class Card:
    """One document in short."""

    href: str
    title: str
    origin: Origin
    fields: tuple[FieldLine, ...]
    seen_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """The cards of one kind of document; `more` when there are others. `older` have no card: they are in the folder."""

    key: str
    name: str
    cards: tuple[Card, ...]
    more: bool
    older: int
    folder_href: str


@dataclass(frozen=True, slots=True)
class DataPage:
    """Everything the catalogue knows how to show, by kind; with `type` set, all of one kind."""

    template: ClassVar[str] = "browser/data.html"
    nav: ClassVar[str] = "data"
    groups: tuple[Group, ...]
    older: str | None
    newer: str | None


@dataclass(frozen=True, slots=True)
class Seer:
    """An organisation that can see a document now: which fields, until when."""

    id: GrantId
    who: str
    fields: tuple[str, ...]
    until: str


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """One document with all its fields, where it comes from, who can see it, and the raw data for those who want it."""

    template: ClassVar[str] = "browser/document.html"
    nav: ClassVar[str] = "data"
    title: str
    origin: Origin
    fields: tuple[FieldLine, ...]
    seen: tuple[Seer, ...]
    raw: str
    original_href: str
    folder_href: str


@dataclass(frozen=True, slots=True)
class SharedItem:
    """One document of a permission, with the names of the fields that leave."""

    title: str
    href: str | None
    fields: tuple[str, ...]


async def data(request: web.Request) -> web.Response:
    citizen = await require_citizen(request)
    vault = request.app[VAULT]
    tongue = Tongue(locale_of(request), vault.catalogue)
    only = vault.catalogue.data_types.get(request.query.get("type", ""))
    number = _page(request.query.get("page"))
    kinds = [only] if only else list(vault.catalogue.data_types.values())
    groups, total = [], 0
    async with vault.reading() as work:
        open_grants = await _open_grants(vault, work, citizen.pod)
        for kind in kinds:
            held = await _documents(vault, work, citizen.pod, kind)
            found, total = held.documents, len(held.documents)
            part = found[(number - 1) * _SHOWN : number * _SHOWN] if only else found[:_OF_EACH]
            if part:
                cards = tuple(_card(vault, document, kind, open_grants, tongue) for document in part)
                more = not only and len(found) > len(part)
                name = capital(tongue.pick(kind.plural))
                groups.append(Group(kind.key, name, cards, more, held.older, f"/my/folders/{kind.container}"))
    address = f"/my/data?type={only.key}&page=" if only else ""
    older = f"{address}{number + 1}" if only and number * _SHOWN < total else None
    newer = f"{address}{number - 1}" if only and number > 1 else None
    return render(request, DataPage(tuple(groups), older, newer))


async def one(request: web.Request) -> web.Response:
    citizen = await require_citizen(request)
    vault = request.app[VAULT]
    tongue = Tongue(locale_of(request), vault.catalogue)
    kind = vault.catalogue.data_types.get(request.match_info["type"])
    if kind is None:
        raise Missing("no-such-document", "There is no such document.")
    url = _target(request, citizen.pod, kind)
    async with vault.reading() as work:
        document = await _open(vault, work, url)
        deposited = await work.deposits.get(url)
        open_grants = await _open_grants(vault, work, citizen.pod)
    lines = field_lines(_everything(vault, document, kind), tongue)
    original = deposited.original if deposited else url
    page = DocumentPage(
        title=heading(lines, kind, url, tongue),
        origin=origin(document.provenance, tongue),
        fields=lines,
        seen=_seers(url, open_grants, tongue),
        raw=serialise(document.graph, TURTLE).decode(),
        original_href=f"/my/folders{original.path}?download=1",
        folder_href=f"/my/folders{url.parent.path if url.parent else '/'}",
    )
    return render(request, page)


async def shared_items(vault: Vault, work: Work, grant: Grant, tongue: Tongue) -> tuple[SharedItem, ...]:
    """The documents of a permission by their titles; one that is gone by its kind."""
    return tuple([await _shared(vault, work, item, tongue) for item in grant.items])


async def seen_by(vault: Vault, work: Work, url: ResourceUrl, tongue: Tongue) -> tuple[str, ...]:
    """Which organisations can see this document, or anything below this folder, now."""
    found = await _open_grants(vault, work, url.pod)
    return tuple(
        sorted(
            {
                name
                for grant, name in found
                for item in grant.items
                if item.url == url or (url.is_container and item.url.path.startswith(url.path))
            }
        )
    )


async def names_in(vault: Vault, work: Work, pod: PodName, lines: Iterable[HistoryLine], tongue: Tongue) -> Names:
    """What these lines of the log are about, by the names that people know."""
    told = tuple(lines)
    holders, documents = {}, {}
    for grant_id in dict.fromkeys(line.grant for line in told if line.grant):
        grant = await work.grants.get(GrantId(grant_id))
        holder = await work.participants.get(grant.data_user) if grant else None
        if holder is not None:
            holders[grant_id] = holder.legal_name
    for path in dict.fromkeys(path for line in told for path in line.documents):
        if (named := await _named(vault, work, ResourceUrl(pod, path), tongue)) is not None:
            documents[path] = named
    return Names(holders, documents)


async def _named(vault: Vault, work: Work, url: ResourceUrl, tongue: Tongue) -> Named | None:
    """A document by its heading; None for one that is gone, or of no kind that has a page."""
    kinds = vault.catalogue.data_types.values()
    kind = next((one for one in kinds if url.parent is not None and url.parent.path == f"/{one.container}"), None)
    if kind is None:
        return None
    try:
        lines = field_lines(_everything(vault, await _open(vault, work, url), kind), tongue)
    except Refusal:
        return None
    return Named(heading(lines, kind, url, tongue), document_href(kind, url))


def document_href(kind: DataType, url: ResourceUrl) -> str:
    """The page of a document."""
    return f"/my/data/{kind.key}/{url.path.removeprefix('/' + kind.container)}"


async def _shared(vault: Vault, work: Work, item: GrantedItem, tongue: Tongue) -> SharedItem:
    names = tuple(capital(name) for name in tongue.fields(item.data_type, item.fields))
    kind = vault.catalogue.data_types.get(item.data_type)
    try:
        if kind is None:
            raise Missing("no-such-kind")
        lines = field_lines(_everything(vault, await _open(vault, work, item.url), kind), tongue)
    except Refusal:
        return SharedItem(capital(tongue.data_type(item.data_type)), None, names)
    return SharedItem(heading(lines, kind, item.url, tongue), document_href(kind, item.url), names)


async def _documents(vault: Vault, work: Work, pod: PodName, kind: DataType) -> Held:
    limits = vault.settings.limits
    return await documents_of(work, pod, kind, blobs=vault.blobs, base_url=vault.base_url, limits=limits)


async def _open(vault: Vault, work: Work, url: ResourceUrl) -> Document:
    """One document of the pod, parsed. Raises Missing when it is not there or is no data."""
    resource = await work.resources.get(url)
    body = await work.resources.body(url)
    if resource is None or body is None or resource.kind is not Kind.GRAPH:
        raise Missing("no-such-document", "There is no such document.")
    deposited = await work.deposits.get(url)
    source = await work.participants.get(deposited.source) if deposited else None
    return await open_document(
        resource,
        body,
        deposited=deposited,
        source=source.legal_name if source else None,
        blobs=vault.blobs,
        base_url=vault.base_url,
        limits=vault.settings.limits,
    )


def _everything(vault: Vault, document: Document, kind: DataType) -> tuple[Shown, ...]:
    subject = subject_of(document.graph, document.resource.url.iri(vault.base_url), kind)
    return show(document.graph, subject, kind, vault.catalogue) if subject else ()


def _card(
    vault: Vault, document: Document, kind: DataType, open_grants: Iterable[tuple[Grant, str]], tongue: Tongue
) -> Card:
    url = document.resource.url
    lines = field_lines(_everything(vault, document, kind), tongue)
    title = heading(lines, kind, url, tongue)
    return Card(
        href=document_href(kind, url),
        title=title,
        origin=origin(document.provenance, tongue),
        fields=_in_short([line for line in lines if not line.sensitive and not in_heading(line, title)]),
        seen_by=tuple(sorted({name for grant, name in open_grants for item in grant.items if item.url == url})),
    )


def _in_short(lines: Sequence[FieldLine]) -> tuple[FieldLine, ...]:
    """A few fields, the most telling first, each with its first value."""
    order = {key: place for place, key in enumerate(_TELLING)}
    chosen = sorted(lines, key=lambda line: order.get(line.key, len(order)))[:_ON_CARD]
    return tuple(replace(line, values=line.values[:1]) for line in chosen)


def _seers(url: ResourceUrl, open_grants: Iterable[tuple[Grant, str]], tongue: Tongue) -> tuple[Seer, ...]:
    return tuple(
        Seer(grant.id, name, tongue.fields(item.data_type, item.fields), moment(tongue.locale, grant.until))
        for grant, name in open_grants
        for item in grant.items
        if item.url == url
    )


async def _open_grants(vault: Vault, work: Work, pod: PodName) -> list[tuple[Grant, str]]:
    """The permissions that open something now or after a pause, with the names of who holds them."""
    now = vault.clock()
    found: list[tuple[Grant, str]] = []
    for state in (GrantState.ACTIVE, GrantState.PAUSED):
        for grant in await work.grants.for_pod(pod, state=state, limit=500):
            participant = await work.participants.get(grant.data_user)
            if participant is not None and state_at(grant, now) in OPEN:
                found.append((grant, clean(participant.legal_name, NAME_CHARACTERS)))
    return found


def _target(request: web.Request, pod: PodName, kind: DataType) -> ResourceUrl:
    """The document that the address names; its name as it was sent, since a path has one canonical form (PR-15)."""
    name = raw_path(request).removeprefix(f"/my/data/{kind.key}/")
    return ResourceUrl(pod, canonical_path(f"/{kind.container}{name}"))


def _page(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and 0 < len(text) < 5 and int(text) else 1


ROUTES: Final = (
    Route("GET", "/my/data", data, Credentials.SESSION, "data"),
    Route("GET", "/my/data/{type}/{name:.+}", one, Credentials.SESSION, "document"),
)
