"""The append-only tables: the audit log with its hash chain per pod, and the outbox of notices."""

from __future__ import annotations

from vault.audit import GENESIS, AuditDraft, AuditEntry, AuditEvent, link
from vault.storage.engines import Row, Transaction
from vault.storage.records import from_json, from_micros, to_json, to_micros
from vault.storage.versions import Versions
from vault.values import Notice, PodName

_LAST_ENTRY = "SELECT number, digest FROM audit WHERE pod = ? ORDER BY number DESC LIMIT 1"
_APPEND_ENTRY = """
    INSERT INTO audit (pod, number, at, event, actor, subject, facts, previous, digest)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_OLDEST_FIRST = """
    SELECT pod, number, at, event, actor, subject, facts, previous, digest FROM audit
    WHERE pod = ? AND number > ? ORDER BY number LIMIT ?
"""
_NEWEST_FIRST = """
    SELECT pod, number, at, event, actor, subject, facts, previous, digest FROM audit
    WHERE pod = ? AND number < ? ORDER BY number DESC LIMIT ?
"""
_FIRST_POD = "SELECT min(pod) FROM audit"
_NEXT_POD = "SELECT min(pod) FROM audit WHERE pod > ?"
# Like versions, numbers are at least the clock's microseconds: they still grow when all older notices are deleted.
_APPEND_NOTICE = """
    INSERT INTO outbox (number, pod, at, topic, kind, target, state)
    SELECT CASE WHEN last < ? THEN ? ELSE last + 1 END, ?, ?, ?, ?, ?, ?
    FROM (SELECT coalesce(max(number), 0) AS last FROM outbox WHERE pod = ?) AS newest
"""
# Whether the second row's number is worked out before or after the first row is there, it is the greater one.
_APPEND_TWO = """
    INSERT INTO outbox (number, pod, at, topic, kind, target, state)
    SELECT CASE WHEN last < ? THEN ? ELSE last + 1 END, ?, ?, ?, ?, ?, ?
    FROM (SELECT coalesce(max(number), 0) AS last FROM outbox WHERE pod = ?) AS newest
    UNION ALL
    SELECT CASE WHEN last < ? THEN ? ELSE last + 2 END, ?, ?, ?, ?, ?, ?
    FROM (SELECT coalesce(max(number), 0) AS last FROM outbox WHERE pod = ?) AS newest
"""

_END_OF_CHAIN = 2**62


class SqlAuditLog:
    """One chain per pod: the writer of a transaction is alone, so the last entry stays the last."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def append(self, draft: AuditDraft, /) -> AuditEntry:
        last = await self._transaction.one(_LAST_ENTRY, (draft.pod,))
        number, previous = last or (0, GENESIS)
        entry = link(draft, number=number + 1, previous=previous)
        await self._transaction.run(
            _APPEND_ENTRY,
            (entry.pod, entry.number, to_micros(entry.at), entry.event.value, entry.actor, entry.subject,
             to_json(entry.facts), entry.previous, entry.digest),
        )  # fmt: skip
        return entry

    async def entries(
        self, pod: PodName, /, *, after: int = 0, limit: int = 1000, newest_first: bool = False
    ) -> list[AuditEntry]:
        if newest_first:
            rows = await self._transaction.all(_NEWEST_FIRST, (pod, after or _END_OF_CHAIN, limit))
        else:
            rows = await self._transaction.all(_OLDEST_FIRST, (pod, after, limit))
        return [_entry(row) for row in rows]

    async def pods(self) -> list[PodName]:
        # From pod to pod along the key: a DISTINCT would read every entry there is.
        found: list[PodName] = []
        row = await self._transaction.one(_FIRST_POD)
        while row is not None and row[0] is not None:
            found.append(PodName(row[0]))
            row = await self._transaction.one(_NEXT_POD, (row[0],))
        return found


class SqlOutbox:
    """Notices to send after the commit, numbered within their pod."""

    __slots__ = ("_transaction", "_versions")

    def __init__(self, transaction: Transaction, versions: Versions) -> None:
        self._transaction = transaction
        self._versions = versions

    async def append(self, pod: PodName, notice: Notice, second: Notice | None = None, /) -> None:
        least = self._versions.least()
        values = (least, least, pod, *_told(notice), pod)
        if second is None:
            await self._transaction.run(_APPEND_NOTICE, values)
        else:
            await self._transaction.run(_APPEND_TWO, (*values, least, least + 1, pod, *_told(second), pod))


def _told(notice: Notice) -> tuple[int | str | None, ...]:
    return to_micros(notice.at), notice.topic, notice.kind, notice.target, notice.state


def _entry(row: Row) -> AuditEntry:
    pod, number, at, event, actor, subject, facts, previous, digest = row
    return AuditEntry(
        PodName(pod), number, from_micros(at), AuditEvent(event), actor, subject, from_json(dict[str, str], facts),
        previous, digest,
    )  # fmt: skip
