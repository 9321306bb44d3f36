"""`Resources` on SQL: one indexed look-up for a resource, or one look at all that a write asks about."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from vault.errors import Conflict, Missing
from vault.solid.paths import acl_of, acl_paths, auxiliary, meta_of, subject_of, twin
from vault.solid.resource import Body, Draft, Inline, Kind, Pod, Resource
from vault.storage import clearing
from vault.storage.engines import Transaction
from vault.storage.records import from_micros, to_micros
from vault.storage.rows import (
    GET,
    LOOKED,
    MOST_AT_ONCE,
    MOST_MARKS,
    WEIGHT_OF_FACTS,
    Looked,
    PodReader,
    Stored,
    among,
    body_of,
    facts_of,
    padded,
    resource_of,
    seen,
)
from vault.storage.versions import Versions
from vault.values import PodName, ResourceUrl, WebId

_POD = "SELECT version, owner, created, quota_bytes, used_bytes FROM pods WHERE name = ?"
_ADD_POD = """
    INSERT INTO pods (name, owner, created, quota_bytes, used_bytes, version) VALUES (?, ?, ?, ?, ?, 0)
    ON CONFLICT DO NOTHING
"""
# A pod, and those of these places where something is; the body of one of them.
# The body comes last: SQLite reads a row from the front, and stops where nothing more is asked.
_LOOK = """
    SELECT r.path, kind, media_type, r.version, modified, size, sha256, CASE WHEN r.path = ? THEN body END,
        p.version, owner, created, quota_bytes, used_bytes
    FROM pods AS p LEFT JOIN resources AS r ON r.pod = p.name AND r.path IN ({marks}) WHERE p.name = ?
"""
_CHILDREN = """
    SELECT path, kind, media_type, version, modified, size FROM resources
    WHERE pod = ? AND parent = ? AND path > ? ORDER BY path LIMIT ?
"""
_FOLDERS = "SELECT path FROM resources WHERE pod = ? AND parent = ? AND kind = ? ORDER BY path LIMIT ?"
_COUNT_CHILDREN = "SELECT count(*) FROM (SELECT 1 FROM resources WHERE pod = ? AND parent = ? LIMIT ?)"
_HAS_CHILDREN = "SELECT 1 FROM resources WHERE pod = ? AND parent = ? LIMIT 1"
_NEXT_VERSION = """
    UPDATE pods SET version = CASE WHEN version < ? THEN ? ELSE version + 1 END, used_bytes = used_bytes + ?
        - coalesce((SELECT size FROM resources WHERE pod = pods.name AND path = ?), 0)
    WHERE name = ? RETURNING version
"""
_PUT = """
    INSERT INTO resources (pod, path, parent, kind, media_type, version, modified, size, sha256, body)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (pod, path) DO UPDATE SET
        kind = excluded.kind, media_type = excluded.media_type, version = excluded.version,
        modified = excluded.modified, size = excluded.size, sha256 = excluded.sha256, body = excluded.body
"""
_NEXT_VERSION_ONLY = """
    UPDATE pods SET version = CASE WHEN version < ? THEN ? ELSE version + 1 END WHERE name = ? RETURNING version
"""
_RELIST = """
    UPDATE resources SET version = ?, modified = CASE WHEN path = ? THEN coalesce(?, modified) ELSE modified END
    WHERE pod = ? AND path IN (?, ?)
"""
_REMOVE = "DELETE FROM resources WHERE pod = ? AND path IN (?, ?, ?) RETURNING size"
# A removal moves the pod's version too: while it stands still, nothing in the pod has changed.
_FREE = """
    UPDATE pods SET version = CASE WHEN version < ? THEN ? ELSE version + 1 END, used_bytes = used_bytes - ?
    WHERE name = ? RETURNING version
"""
_REFERENCED = "SELECT DISTINCT sha256 FROM resources WHERE sha256 IN ({marks})"

_CHUNK = 256  # members read at once, so that a listing of any length holds few rows in memory


class SqlResources:
    """Resources of pods inside one transaction."""

    __slots__ = ("_reader", "_transaction", "_versions")

    def __init__(self, transaction: Transaction, versions: Versions, reader: PodReader) -> None:
        self._transaction = transaction
        self._versions = versions
        self._reader = reader

    async def pod(self, name: PodName, /) -> Pod | None:
        looked = seen(self._transaction, name)
        facts = looked.facts if looked else facts_of(await self._transaction.one(_POD, (name,)))
        if facts is None:
            return None
        return Pod(name, WebId(facts.owner), from_micros(facts.created), facts.quota_bytes, facts.used_bytes)

    async def add_pod(self, pod: Pod, /) -> None:
        values = (pod.name, pod.owner, to_micros(pod.created), pod.quota_bytes, pod.used_bytes)
        if not await self._transaction.run(_ADD_POD, values):
            raise Conflict("pod-exists", "This pod name is taken.")

    async def version(self, pod: PodName, /) -> int:
        return await self._reader.version(self._transaction, pod)

    async def look(self, url: ResourceUrl, /) -> None:
        transaction, path, above = self._transaction, url.path, url.parent
        if seen(transaction, url.pod) is not None:
            return  # a second look in the same transaction
        paths = acl_paths(url)
        paths[0:0] = (path, subject_of(url).path, twin(url).path, above.path if above else path)
        del paths[MOST_AT_ONCE:]
        rows = await transaction.all(among(_LOOK, len(paths)), (path, *padded(paths), url.pod))
        facts = facts_of(rows[0][8:]) if rows else None
        transaction.remember(LOOKED, Looked(url.pod, facts, frozenset(paths), {row[0]: row for row in rows}))
        transaction.remember(url.pod, facts.version if facts else 0)

    async def get(self, url: ResourceUrl, /) -> Resource | None:
        stored = await self._stored(url)
        return None if stored is None else stored.resource

    async def body(self, url: ResourceUrl, /) -> Body | None:
        stored = await self._stored(url, whole=True)
        return None if stored is None else stored.body

    async def children(
        self, url: ResourceUrl, /, *, after: str = "", limit: int | None = None
    ) -> AsyncIterator[Resource]:
        left = limit
        while left is None or left > 0:
            asked = _CHUNK if left is None else min(_CHUNK, left)
            rows = await self._transaction.all(_CHILDREN, (url.pod, url.path, after, asked))
            for row in rows:
                yield resource_of(ResourceUrl(url.pod, row[0]), row)
            if len(rows) < asked:
                return
            # A long listing gives way after each chunk: nobody else waits for its end.
            await asyncio.sleep(0)
            after = rows[-1][0]
            left = None if left is None else left - len(rows)

    async def folders(self, url: ResourceUrl, /, *, limit: int) -> list[ResourceUrl]:
        rows = await self._transaction.all(_FOLDERS, (url.pod, url.path, Kind.CONTAINER.value, limit))
        return [ResourceUrl(url.pod, row[0]) for row in rows]

    async def count_children(self, url: ResourceUrl, /, *, most: int) -> int:
        row = await self._transaction.one(_COUNT_CHILDREN, (url.pod, url.path, most))
        return int(row[0]) if row else 0

    async def has_children(self, url: ResourceUrl, /) -> bool:
        return await self._transaction.one(_HAS_CHILDREN, (url.pod, url.path)) is not None

    async def put(
        self,
        draft: Draft,
        body: Body,
        /,
        *,
        shown_in: Sequence[ResourceUrl] = (),
        moved: datetime | None = None,
    ) -> Resource:
        url = draft.url
        size, sha256, data = (
            (len(body.data), None, body.data) if isinstance(body, Inline) else (body.size, body.sha256, None)
        )
        least = self._versions.least()
        version = await self._version(_NEXT_VERSION, (least, least, size, url.path, url.pod))
        parent = None if auxiliary(url) else url.parent
        await self._transaction.run(
            _PUT,
            (url.pod, url.path, parent.path if parent else None, draft.kind.value, str(draft.media_type), version,
             to_micros(draft.modified), size, sha256, data),
        )  # fmt: skip
        await self._relist(shown_in, version, moved)
        return Resource(url, draft.kind, draft.media_type, version, draft.modified, size)

    async def touch(self, url: ResourceUrl, /, *, modified: datetime | None) -> None:
        least = self._versions.least()
        version = await self._version(_NEXT_VERSION_ONLY, (least, least, url.pod))
        await self._relist((url,), version, modified)

    async def remove(
        self, url: ResourceUrl, /, *, shown_in: Sequence[ResourceUrl] = (), moved: datetime | None = None
    ) -> None:
        # An auxiliary has none of its own (PR-46); asking for one name three times keeps this one statement.
        paths = (url.path,) * 3 if auxiliary(url) else (url.path, acl_of(url).path, meta_of(url).path)
        gone = await self._transaction.returning(_REMOVE, (url.pod, *paths))
        if gone:
            version = await self._free(url.pod, sum(row[0] for row in gone))
            await self._relist(shown_in, version, moved)

    async def clear(self, pod: PodName, /, *, limit: int) -> int:
        if gone := await clearing.clear(self._transaction, pod, limit=limit):
            await self._free(pod, sum(gone))
        return len(gone)

    async def clear_documents(self, pod: PodName, /, *, limit: int) -> list[ResourceUrl]:
        if gone := await clearing.clear_documents(self._transaction, pod, limit=limit):
            await self._free(pod, sum(size for _, size in gone))
        return [ResourceUrl(pod, path) for path, _ in gone]

    async def retire(self, pod: PodName, /) -> None:
        await clearing.retire(self._transaction, pod)
        await self._free(pod, 0)

    async def _free(self, pod: PodName, size: int) -> int:
        least = self._versions.least()
        return await self._version(_FREE, (least, least, size, pod))

    async def _relist(self, containers: Sequence[ResourceUrl], version: int, moved: datetime | None) -> None:
        """A version that was given out in this transaction is new to every container, too."""
        if containers:
            first, last = containers[0], containers[-1]
            at = None if moved is None else to_micros(moved)
            await self._transaction.run(_RELIST, (version, first.path, at, first.pod, first.path, last.path))

    async def _stored(self, url: ResourceUrl, *, whole: bool = False) -> Stored | None:
        """A page asks for the facts and then for the body: the second look costs no statement."""
        looked = seen(self._transaction, url.pod)
        if looked is not None and url.path in looked.asked:
            row = looked.rows.get(url.path)
            if row is None:
                return None
            if not whole:
                return Stored(resource_of(url, row), None)
            if row[6] is not None or row[7] is not None:
                return Stored(resource_of(url, row), body_of(row))
        stored: Stored | None = self._transaction.recall(url)
        if stored is not None:
            return stored
        version = await self._reader.version(self._transaction, url.pod)
        stored = self._reader.stored.get(url, version)
        if stored is None:
            row = await self._transaction.one(GET, (url.pod, url.path))
            if row is None:
                return None
            stored = Stored(resource_of(url, row), body_of(row))
            if not self._transaction.writable:
                weight = WEIGHT_OF_FACTS + len(row[7] or b"")
                self._reader.stored.put(url, version, stored, weight=weight)
        self._transaction.remember(url, stored)
        return stored

    async def _version(self, sql: str, values: tuple[int | str, ...]) -> int:
        rows = await self._transaction.returning(sql, values)
        if not rows:
            raise Missing("no-such-pod", "There is no such pod.")
        return self._versions.given(rows[0][0])


async def referenced(transaction: Transaction, digests: list[str]) -> frozenset[str]:
    """Which of these blobs some resource stands on."""
    found: set[str] = set()
    for start in range(0, len(digests), MOST_MARKS):
        some = digests[start : start + MOST_MARKS]
        found.update(row[0] for row in await transaction.all(among(_REFERENCED, len(some)), padded(some)))
    return frozenset(found)
