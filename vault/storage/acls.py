"""Which ACL governs a resource, and its text: the store's side of `access`."""

from __future__ import annotations

from functools import lru_cache

from vault.access.decide import EffectiveAcl
from vault.errors import Missing
from vault.solid.paths import acl_paths, subject_of
from vault.solid.ports import Blobs
from vault.solid.resource import Inline
from vault.storage.engines import Row, Transaction
from vault.storage.rows import GET, MOST_MARKS, Looked, PodReader, among, body_of, padded, seen
from vault.values import MediaType, PodName, ResourceUrl, WebId, parse_media_type

_ACLS_AMONG = """
    SELECT path, version, (SELECT owner FROM pods WHERE name = pod) FROM resources WHERE pod = ? AND path IN ({marks})
"""


class SqlAcls:
    """Which ACL governs a resource, and its text; the deciding is done in `access`."""

    __slots__ = ("_blobs", "_reader", "_transaction")

    def __init__(self, transaction: Transaction, blobs: Blobs, reader: PodReader) -> None:
        self._transaction = transaction
        self._blobs = blobs
        self._reader = reader

    async def effective(self, url: ResourceUrl, /) -> EffectiveAcl | None:
        subject = subject_of(url).path
        looked = seen(self._transaction, url.pod)
        if looked is not None:
            near = await self._nearest_looked_at(url, subject, looked)
            return None if near is None else _governing(url.pod, subject, near)
        now = await self._reader.version(self._transaction, url.pod)
        found = self._reader.acls.get(url, now)
        if found is None:
            near = await self._nearest_stored(url)
            if near is None:
                return None
            found = _governing(url.pod, subject, near)
            if not self._transaction.writable:
                self._reader.acls.put(url, now, found, weight=1)
        return found

    async def _nearest_looked_at(self, url: ResourceUrl, path: str, looked: Looked) -> tuple[str, int, str] | None:
        """The path of the ACL that governs, its version, and the owner of the pod."""
        if looked.facts is None:
            return None
        asked, rows = looked.asked, looked.rows
        while path + ".acl" in asked:
            row = rows.get(path + ".acl")
            if row is not None:
                return row[0], row[3], looked.facts.owner
            if path == "/":
                return None
            path = path[: path.rfind("/", 0, -1) + 1]
        return await self._nearest_stored(url)

    async def _nearest_stored(self, url: ResourceUrl) -> tuple[str, int, str] | None:
        candidates = acl_paths(url)
        for start in range(0, len(candidates), MOST_MARKS):
            paths = candidates[start : start + MOST_MARKS]
            rows = await self._transaction.all(among(_ACLS_AMONG, len(paths)), (url.pod, *padded(paths)))
            if rows:
                # Every candidate stands above the one before it, so the nearest has the longest path.
                path, version, owner = max(rows, key=lambda row: len(row[0]))
                return path, version, owner
        return None

    async def text(self, acl: EffectiveAcl, /) -> bytes:
        body = body_of(await self._row(acl))
        if isinstance(body, Inline):
            return body.data
        return b"".join([chunk async for chunk in self._blobs.open(body)])

    async def media_type(self, acl: EffectiveAcl, /) -> MediaType:
        return parse_media_type((await self._row(acl))[2])

    async def _row(self, acl: EffectiveAcl) -> Row:
        row = await self._transaction.one(GET, (acl.url.pod, acl.url.path))
        if row is None or row[3] != acl.version:
            raise Missing("acl-changed", "The ACL is no longer this one.")
        return row


def _governing(pod: PodName, subject: str, near: tuple[str, int, str]) -> EffectiveAcl:
    path, version, owner = near
    return _effective_acl(pod, path, version, path == subject + ".acl", owner)


@lru_cache(maxsize=4096)
def _effective_acl(pod: PodName, path: str, version: int, own: bool, owner: str) -> EffectiveAcl:
    """Most requests find one of few ACLs."""
    subject = ResourceUrl(pod, path.removesuffix(".acl"))
    return EffectiveAcl(ResourceUrl(pod, path), version, subject, not own, WebId(owner))
