"""`Resources` and `Acls` on SQL: one indexed look-up for a resource, one for the ACL that governs it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from vault.access.decide import EffectiveAcl
from vault.errors import Conflict, Missing
from vault.solid.paths import acl_of, acl_paths, auxiliary, meta_of, subject_of, twin
from vault.solid.ports import Blobs
from vault.solid.resource import BlobRef, Body, Draft, Inline, Kind, Pod, Resource
from vault.storage import clearing
from vault.storage.engines import Row, Transaction
from vault.storage.recent import Recent
from vault.storage.records import from_micros, to_micros
from vault.storage.versions import Versions
from vault.values import MediaType, PodName, ResourceUrl, WebId, parse_media_type

_POD = "SELECT version, owner, created, quota_bytes, used_bytes FROM pods WHERE name = ?"
POD_VERSION = "SELECT version FROM pods WHERE name = ?"
_ADD_POD = """
    INSERT INTO pods (name, owner, created, quota_bytes, used_bytes, version) VALUES (?, ?, ?, ?, ?, 0)
    ON CONFLICT DO NOTHING
"""
# The body comes last: SQLite reads a row from the front, and stops where nothing more is asked.
_GET = """
    SELECT path, kind, media_type, version, modified, size, sha256, body FROM resources WHERE pod = ? AND path = ?
"""
# A pod, and those of these places where something is; the body of one of them.
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
_ACLS_AMONG = """
    SELECT path, version, (SELECT owner FROM pods WHERE name = pod) FROM resources WHERE pod = ? AND path IN ({marks})
"""
_REFERENCED = "SELECT DISTINCT sha256 FROM resources WHERE sha256 IN ({marks})"

_KINDS = {kind.value: kind for kind in Kind}  # quicker than Kind(…), once for each member of a listing
_CHUNK = 256  # members read at once, so that a listing of any length holds few rows in memory


class _Facts(NamedTuple):
    """The row of a pod."""

    version: int
    owner: str
    created: int
    quota_bytes: int
    used_bytes: int


class _Stored(NamedTuple):
    """A resource with its body; None stands for a body that was not read along."""

    resource: Resource
    body: Body | None


class _Looked:
    """What one look saw of a pod: its row, and those of the paths it looked at where something is."""

    __slots__ = ("asked", "facts", "pod", "rows")

    def __init__(self, pod: PodName, facts: _Facts | None, asked: frozenset[str], rows: dict[str, Row]) -> None:
        self.pod = pod
        self.facts = facts
        self.asked = asked
        self.rows = rows


_LOOKED = "looked"  # where a transaction remembers it

_ROOM_FOR_ROWS = 16 * 1024 * 1024  # bytes, counted roughly
_ROOM_FOR_ACLS = 20_000  # entries
_WEIGHT_OF_FACTS = 1024  # bytes a stored resource takes beside its body


class PodReader:
    """The version and the row of a pod, and what was read at that version before; one for each process."""

    def __init__(self) -> None:
        self.stored: Recent[_Stored] = Recent(_ROOM_FOR_ROWS)
        self.acls: Recent[EffectiveAcl] = Recent(_ROOM_FOR_ACLS)

    async def version(self, transaction: Transaction, pod: PodName) -> int:
        """The version of the pod in this transaction; 0 when there is no such pod."""
        known: int | None = transaction.recall(pod)
        if known is None:
            row = await transaction.one(POD_VERSION, (pod,))
            known = int(row[0]) if row else 0
            transaction.remember(pod, known)
        return known


def _seen(transaction: Transaction, pod: PodName) -> _Looked | None:
    """What the transaction saw of this pod, and still holds."""
    looked: _Looked | None = transaction.recall(_LOOKED)
    return looked if looked is not None and looked.pod == pod else None


class SqlResources:
    """Resources of pods inside one transaction."""

    __slots__ = ("_reader", "_transaction", "_versions")

    def __init__(self, transaction: Transaction, versions: Versions, reader: PodReader) -> None:
        self._transaction = transaction
        self._versions = versions
        self._reader = reader

    async def pod(self, name: PodName, /) -> Pod | None:
        looked = _seen(self._transaction, name)
        facts = looked.facts if looked else _facts(await self._transaction.one(_POD, (name,)))
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
        if _seen(transaction, url.pod) is not None:
            return  # a second look in the same transaction
        paths = [path, subject_of(url).path, twin(url).path, above.path if above else path, *acl_paths(url)]
        paths = paths[:_MOST_AT_ONCE]
        rows = await transaction.all(_among(_LOOK, len(paths)), (path, *_padded(paths), url.pod))
        facts = _facts(rows[0][8:]) if rows else None
        transaction.remember(_LOOKED, _Looked(url.pod, facts, frozenset(paths), {row[0]: row for row in rows}))
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
                yield _resource(ResourceUrl(url.pod, row[0]), row)
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

    async def _stored(self, url: ResourceUrl, *, whole: bool = False) -> _Stored | None:
        """A page asks for the facts and then for the body: the second look costs no statement."""
        looked = _seen(self._transaction, url.pod)
        if looked is not None and url.path in looked.asked:
            row = looked.rows.get(url.path)
            if row is None:
                return None
            if not whole:
                return _Stored(_resource(url, row), None)
            if row[6] is not None or row[7] is not None:
                return _Stored(_resource(url, row), _body(row))
        stored: _Stored | None = self._transaction.recall(url)
        if stored is not None:
            return stored
        version = await self._reader.version(self._transaction, url.pod)
        stored = self._reader.stored.get(url, version)
        if stored is None:
            row = await self._transaction.one(_GET, (url.pod, url.path))
            if row is None:
                return None
            stored = _Stored(_resource(url, row), _body(row))
            if not self._transaction.writable:
                weight = _WEIGHT_OF_FACTS + len(row[7] or b"")
                self._reader.stored.put(url, version, stored, weight=weight)
        self._transaction.remember(url, stored)
        return stored

    async def _version(self, sql: str, values: tuple[int | str, ...]) -> int:
        rows = await self._transaction.returning(sql, values)
        if not rows:
            raise Missing("no-such-pod", "There is no such pod.")
        return self._versions.given(rows[0][0])


class SqlAcls:
    """Which ACL governs a resource, and its text; the deciding is done in `access`."""

    __slots__ = ("_blobs", "_reader", "_transaction")

    def __init__(self, transaction: Transaction, blobs: Blobs, reader: PodReader) -> None:
        self._transaction = transaction
        self._blobs = blobs
        self._reader = reader

    async def effective(self, url: ResourceUrl, /) -> EffectiveAcl | None:
        now = await self._reader.version(self._transaction, url.pod)
        found = self._reader.acls.get(url, now)
        if found is None:
            candidates = acl_paths(url)
            near = await self._nearest(url.pod, candidates)
            if near is None:
                return None
            path, version, owner = near
            place, subject = ResourceUrl(url.pod, path), ResourceUrl(url.pod, path.removesuffix(".acl"))
            found = EffectiveAcl(place, version, subject, path != candidates[0], WebId(owner))
            if not self._transaction.writable:
                self._reader.acls.put(url, now, found, weight=1)
        return found

    async def _nearest(self, pod: PodName, candidates: list[str]) -> tuple[str, int, str] | None:
        """The first candidate that exists, its version, and the owner of the pod."""
        looked = _seen(self._transaction, pod)
        if looked is None or not looked.asked.issuperset(candidates):
            return await self._nearest_stored(pod, candidates)
        if looked.facts is None:
            return None
        for path in candidates:
            row = looked.rows.get(path)
            if row is not None:
                return path, row[3], looked.facts.owner
        return None

    async def _nearest_stored(self, pod: PodName, candidates: list[str]) -> tuple[str, int, str] | None:
        for start in range(0, len(candidates), _MOST_MARKS):
            paths = candidates[start : start + _MOST_MARKS]
            rows = await self._transaction.all(_among(_ACLS_AMONG, len(paths)), (pod, *_padded(paths)))
            if rows:
                # Every candidate stands above the one before it, so the nearest has the longest path.
                path, version, owner = max(rows, key=lambda row: len(row[0]))
                return path, version, owner
        return None

    async def text(self, acl: EffectiveAcl, /) -> bytes:
        body = _body(await self._row(acl))
        if isinstance(body, Inline):
            return body.data
        return b"".join([chunk async for chunk in self._blobs.open(body)])

    async def media_type(self, acl: EffectiveAcl, /) -> MediaType:
        return _media_type((await self._row(acl))[2])

    async def _row(self, acl: EffectiveAcl) -> Row:
        row = await self._transaction.one(_GET, (acl.url.pod, acl.url.path))
        if row is None or row[3] != acl.version:
            raise Missing("acl-changed", "The ACL is no longer this one.")
        return row


async def referenced(transaction: Transaction, digests: list[str]) -> frozenset[str]:
    """Which of these blobs some resource stands on."""
    found: set[str] = set()
    for start in range(0, len(digests), _MOST_MARKS):
        some = digests[start : start + _MOST_MARKS]
        found.update(row[0] for row in await transaction.all(_among(_REFERENCED, len(some)), _padded(some)))
    return frozenset(found)


_MOST_MARKS = 128
_MOST_AT_ONCE = 32  # places of one look; deeper down, an ACL is asked for by a statement of its own


@lru_cache(maxsize=32)
def _among(sql: str, count: int) -> str:
    """The statement for `count` values, rounded up to a power of two: few statements, each prepared once."""
    return sql.format(marks=", ".join("?" * _rounded(count)))


def _padded(values: list[str]) -> tuple[str, ...]:
    return (*values, *(values[-1:] * (_rounded(len(values)) - len(values))))


def _rounded(count: int) -> int:
    return 1 << (count - 1).bit_length()


def _facts(row: Sequence[Any] | None) -> _Facts | None:
    return _Facts(*row) if row else None


def _resource(url: ResourceUrl, row: Row) -> Resource:
    _, kind, media_type, version, modified, size, *_ = row
    return Resource(url, _KINDS[kind], _media_type(media_type), version, from_micros(modified), size)


def _body(row: Row) -> Body:
    size, sha256, body = row[5:8]
    return Inline(body) if sha256 is None else BlobRef(sha256, size)


@lru_cache(maxsize=1024)
def _media_type(text: str) -> MediaType:
    return parse_media_type(text)
