"""Documents of our own pods, read in process: a server that asks itself over HTTP can wait for itself (TR-9)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from vault.access.decide import Groups, ParsedAcls, decide
from vault.access.modes import AccessMode, Allowed, Need
from vault.config import Limits
from vault.errors import Malformed, Missing
from vault.ports import Transact, Work
from vault.rdf.graph import Graph
from vault.rdf.isolate import parse_guarded
from vault.solid.paths import parse_target
from vault.solid.ports import Blobs
from vault.solid.resource import Inline
from vault.values import ANONYMOUS, MediaType, PodName, ResourceUrl, WebId

T = TypeVar("T")

_READ = frozenset({AccessMode.READ})
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class OwnDocument:
    """A document of one of our pods, as stored."""

    url: ResourceUrl
    version: int
    media_type: MediaType
    data: bytes


class OwnDocuments:
    """Reads documents under the base URL straight from the store; what was made of one is kept by its version, so that
    an entry can be lost but never be stale."""

    def __init__(
        self, *, base_url: str, reading: Transact[Work], groups: Groups, limits: Limits, blobs: Blobs | None
    ) -> None:
        self._base_url = base_url
        self._reading = reading
        self._groups = groups
        self._limits = limits
        self._blobs = blobs
        self._parsed_acls = ParsedAcls()
        self._made: OrderedDict[tuple[str, int], object] = OrderedDict()

    def place(self, iri: str) -> ResourceUrl | None:
        """Where this IRI points in our own pods; None when it is somebody else's."""
        if not iri.startswith(self._base_url):
            return None
        try:
            return parse_target("/" + iri[len(self._base_url) :].partition("#")[0].partition("?")[0])
        except (Malformed, Missing):
            return None

    async def issuers(
        self, webid: WebId, place: ResourceUrl, pick: Callable[[Graph], frozenset[str]]
    ) -> frozenset[str]:
        """What `pick` finds in the WebID document; nothing for an account that is locked (VEC-T29)."""
        async with self._reading() as work:
            account = await work.accounts.by_webid(webid)
            if account is not None and account.locked:
                return frozenset()
            found = await self._remembered(work, place, webid)
            document = None if isinstance(found, frozenset) else await self._document(work, place)
        if isinstance(found, frozenset):
            return found
        return frozenset() if document is None else await self._make(document, webid, pick)

    async def public(self, place: ResourceUrl, *, asked_by: PodName | None = None) -> OwnDocument | None:
        """A document that everybody may read, or that stands in the pod which asks; None for any other."""
        async with self._reading() as work:
            if place.pod != asked_by and not await self._is_public(work, place):
                return None
            return await self._document(work, place)

    async def picked(self, document: OwnDocument, about: str, pick: Callable[[Graph], frozenset[T]]) -> frozenset[T]:
        """What `pick` finds in the document about one IRI, parsed once for each version."""
        found = self._made.get((about, document.version))
        return found if isinstance(found, frozenset) else await self._make(document, about, pick)

    async def _remembered(self, work: Work, place: ResourceUrl, about: str) -> object:
        resource = await work.resources.get(place)
        return None if resource is None else self._made.get((about, resource.version))

    async def _make(self, document: OwnDocument, about: str, pick: Callable[[Graph], frozenset[T]]) -> frozenset[T]:
        base = document.url.iri(self._base_url)
        graph = await parse_guarded(document.data, document.media_type, base=base, limits=self._limits)
        found = pick(graph)
        while len(self._made) >= _REMEMBERED:
            self._made.popitem(last=False)
        self._made[(about, document.version)] = found
        return found

    async def _is_public(self, work: Work, place: ResourceUrl) -> bool:
        decision = await decide(
            work.acls,
            self._parsed_acls,
            ANONYMOUS,
            (Need(place, _READ, "a document another pod names"),),
            groups=self._groups,
            base_url=self._base_url,
            limits=self._limits,
        )
        return isinstance(decision, Allowed)

    async def _document(self, work: Work, place: ResourceUrl) -> OwnDocument | None:
        resource, body = await work.resources.get(place), await work.resources.body(place)
        if resource is None or body is None:
            return None
        if isinstance(body, Inline):
            return OwnDocument(place, resource.version, resource.media_type, body.data)
        if self._blobs is None or body.size > self._limits.rdf_bytes:
            return None
        data = b"".join([chunk async for chunk in self._blobs.open(body)])
        return OwnDocument(place, resource.version, resource.media_type, data)
