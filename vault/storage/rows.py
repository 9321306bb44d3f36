"""Rows of the tables of pods as values, and what a process and a transaction remember of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from vault.access.decide import EffectiveAcl
from vault.solid.resource import BlobRef, Body, Inline, Kind, Resource
from vault.storage.engines import Row, Transaction
from vault.storage.recent import Recent
from vault.storage.records import from_micros
from vault.values import PodName, ResourceUrl, parse_media_type

POD_VERSION = "SELECT version FROM pods WHERE name = ?"
GET = """
    SELECT path, kind, media_type, version, modified, size, sha256, body FROM resources WHERE pod = ? AND path = ?
"""
_KINDS = {kind.value: kind for kind in Kind}  # quicker than Kind(…), once for each member of a listing


class Facts(NamedTuple):
    """The row of a pod."""

    version: int
    owner: str
    created: int
    quota_bytes: int
    used_bytes: int


class Stored(NamedTuple):
    """A resource with its body; None stands for a body that was not read along."""

    resource: Resource
    body: Body | None


class Looked:
    """What one look saw of a pod: its row, and those of the paths it looked at where something is."""

    __slots__ = ("asked", "facts", "pod", "rows")

    def __init__(self, pod: PodName, facts: Facts | None, asked: frozenset[str], rows: dict[str, Row]) -> None:
        self.pod = pod
        self.facts = facts
        self.asked = asked
        self.rows = rows


LOOKED = "looked"  # where a transaction remembers it

_ROOM_FOR_ROWS = 16 * 1024 * 1024  # bytes, counted roughly
_ROOM_FOR_ACLS = 20_000  # entries
WEIGHT_OF_FACTS = 1024  # bytes a stored resource takes beside its body


class PodReader:
    """The version and the row of a pod, and what was read at that version before; one for each process."""

    def __init__(self) -> None:
        self.stored: Recent[Stored] = Recent(_ROOM_FOR_ROWS)
        self.acls: Recent[EffectiveAcl] = Recent(_ROOM_FOR_ACLS)

    async def version(self, transaction: Transaction, pod: PodName) -> int:
        """The version of the pod in this transaction; 0 when there is no such pod."""
        known: int | None = transaction.recall(pod)
        if known is None:
            row = await transaction.one(POD_VERSION, (pod,))
            known = int(row[0]) if row else 0
            transaction.remember(pod, known)
        return known


def seen(transaction: Transaction, pod: PodName) -> Looked | None:
    """What the transaction saw of this pod, and still holds."""
    looked: Looked | None = transaction.recall(LOOKED)
    return looked if looked is not None and looked.pod == pod else None


MOST_MARKS = 128
MOST_AT_ONCE = 32  # places of one look; deeper down, an ACL is asked for by a statement of its own


@lru_cache(maxsize=32)
def among(sql: str, count: int) -> str:
    """The statement for `count` values, rounded up to a power of two: few statements, each prepared once."""
    return sql.format(marks=", ".join("?" * _rounded(count)))


def padded(values: list[str]) -> tuple[str, ...]:
    return (*values, *(values[-1:] * (_rounded(len(values)) - len(values))))


def _rounded(count: int) -> int:
    return 1 << (count - 1).bit_length()


def facts_of(row: Sequence[Any] | None) -> Facts | None:
    return Facts(*row) if row else None


def resource_of(url: ResourceUrl, row: Row) -> Resource:
    _, kind, media_type, version, modified, size, *_ = row
    return Resource(url, _KINDS[kind], parse_media_type(media_type), version, from_micros(modified), size)


def body_of(row: Row) -> Body:
    size, sha256, body = row[5:8]
    return Inline(body) if sha256 is None else BlobRef(sha256, size)
