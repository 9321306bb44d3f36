"""A hand that does to a pod what a request would do once it was allowed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tests.contracts.stores import rows_of
from vault.audit import AuditEntry, Intact, verify_chain
from vault.config import Limits
from vault.errors import Refusal
from vault.rdf.edits import GraphEdit
from vault.rdf.graph import Graph
from vault.rdf.patch import parse_patch
from vault.rdf.syntax import parse
from vault.solid.edit import patch_resource
from vault.solid.headers import NO_CONDITIONS, Conditions
from vault.solid.negotiation import parse_accept
from vault.solid.operation import Content, Delete, Patch, Post, Put, Read
from vault.solid.read import ReadOutcome, Representation, read_resource
from vault.solid.resource import BlobRef, ChangeSet, Inline, Resource
from vault.solid.write import add_resource, delete_resource, put_resource
from vault.storage.blobs import MemoryConversions
from vault.storage.database import Database
from vault.values import N3_PATCH, NTRIPLES, SPARQL_UPDATE, TURTLE, MediaType, PodName, ResourceUrl, WebId, webid_of

BASE = "https://vault.example/"
ALICE = PodName("alice")
OWNER: WebId = webid_of(ALICE, base_url=BASE)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Hand:
    """Does one operation in one transaction, and moves the clock on by a second."""

    def __init__(self, store: Database, pod: PodName = ALICE) -> None:
        self.store = store
        self.pod = pod
        self.now = NOON
        self.limits = Limits()
        self.conversions = MemoryConversions(1_000_000)

    def at(self, path: str) -> ResourceUrl:
        return ResourceUrl(self.pod, path)

    async def put(
        self,
        path: str,
        data: bytes | str | BlobRef = b"",
        media_type: MediaType | None = TURTLE,
        *,
        types: frozenset[str] = frozenset(),
        conditions: Conditions = NO_CONDITIONS,
    ) -> ChangeSet:
        operation = Put(self.at(path), _content(data, media_type), conditions, types)
        async with self.store.writing() as work:
            return await put_resource(work, operation, actor=OWNER, now=self._tick(), base_url=BASE, limits=self.limits)

    async def post(
        self,
        path: str,
        data: bytes | str = b"",
        media_type: MediaType | None = TURTLE,
        *,
        slug: str | None = None,
        types: frozenset[str] = frozenset(),
        conditions: Conditions = NO_CONDITIONS,
    ) -> ChangeSet:
        operation = Post(self.at(path), _content(data, media_type), conditions, types, slug)
        async with self.store.writing() as work:
            return await add_resource(work, operation, actor=OWNER, now=self._tick(), base_url=BASE, limits=self.limits)

    async def patch(
        self, path: str, text: str | Refusal, *, sparql: bool = False, conditions: Conditions = NO_CONDITIONS
    ) -> ChangeSet:
        operation = self.patching(path, text, sparql=sparql, conditions=conditions)
        async with self.store.writing() as work:
            made = await patch_resource(
                work, operation, actor=OWNER, now=self._tick(), base_url=BASE, limits=self.limits
            )
        assert made is not None, "this document is small"
        return made

    def patching(
        self, path: str, text: str | Refusal, *, sparql: bool = False, conditions: Conditions = NO_CONDITIONS
    ) -> Patch:
        target = self.at(path)
        if isinstance(text, Refusal):
            return Patch(target, fault=text, conditions=conditions)
        media_type = SPARQL_UPDATE if sparql else N3_PATCH
        edit: GraphEdit = parse_patch(text.encode(), media_type, base=target.iri(BASE), limits=self.limits)
        return Patch(target, edit, conditions=conditions)

    async def delete(self, path: str, *, conditions: Conditions = NO_CONDITIONS) -> ChangeSet:
        async with self.store.writing() as work:
            return await delete_resource(
                work,
                Delete(self.at(path), conditions),
                actor=OWNER,
                now=self._tick(),
                base_url=BASE,
                limits=self.limits,
            )

    async def read(self, path: str, accept: str | None = None, **facts: object) -> ReadOutcome:
        read = replace(Read(self.at(path), parse_accept(accept)), **facts)  # type: ignore[arg-type]
        async with self.store.reading() as work:
            return await read_resource(work, self.conversions, read, base_url=BASE, limits=self.limits)

    async def text(self, path: str, accept: str | None = None, **facts: object) -> str:
        outcome = await self.read(path, accept, **facts)
        assert isinstance(outcome, Representation)
        assert isinstance(outcome.body, Inline)
        return outcome.body.data.decode()

    async def graph(self, path: str) -> Graph:
        text = await self.text(path, "application/n-triples")
        return parse(text.encode(), NTRIPLES, base=BASE, limits=self.limits)

    async def get(self, path: str) -> Resource | None:
        async with self.store.reading() as work:
            return await work.resources.get(self.at(path))

    async def known(self, path: str) -> Resource:
        found = await self.get(path)
        assert found is not None
        return found

    async def members(self, path: str) -> list[str]:
        async with self.store.reading() as work:
            return [member.url.path async for member in work.resources.children(self.at(path))]

    async def used(self) -> int:
        async with self.store.reading() as work:
            pod = await work.resources.pod(ALICE)
        assert pod is not None
        return pod.used_bytes

    async def told(self) -> list[tuple[str, str, str | None, bool]]:
        """Every notice so far: kind, topic, container, and whether it says the new state."""
        rows = await rows_of(self.store, "SELECT kind, topic, target, state FROM outbox ORDER BY number")
        return [
            (str(kind), _path(str(topic)), None if target is None else _path(str(target)), state is not None)
            for kind, topic, target, state in rows
        ]

    async def audit(self) -> list[AuditEntry]:
        async with self.store.reading() as work:
            entries = await work.audit.entries(ALICE)
        assert isinstance(verify_chain(entries), Intact)
        return entries

    def _tick(self) -> datetime:
        self.now += timedelta(seconds=1, microseconds=1)
        return self.now


def _path(iri: str) -> str:
    return "/" + iri.removeprefix(f"{BASE}{ALICE}/")


def _content(data: bytes | str | BlobRef, media_type: MediaType | None) -> Content:
    if isinstance(data, BlobRef):
        return Content(data, media_type)
    return Content(Inline(data.encode() if isinstance(data, str) else data), media_type)
