"""Subscriptions, the outbox as it is read, and what webhooks are still to be sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from vault.notify.channels import ChannelType, Subscription
from vault.notify.messages import Posted
from vault.notify.ports import Due, Page
from vault.storage.engines import Row, Transaction
from vault.storage.records import from_json, from_micros, to_json, to_micros
from vault.values import Notice, PodName, ResourceUrl, WebId

# The row id is the order of the commits over all pods: there is one writer, and only the oldest rows are deleted.
_PLACE = "SELECT coalesce(max(rowid), 0) FROM outbox"
_AFTER = """
    SELECT pod, number, at, topic, kind, target, state, rowid FROM outbox WHERE rowid > ? ORDER BY rowid LIMIT ?
"""
_OF_POD = """
    SELECT pod, number, at, topic, kind, target, state FROM outbox WHERE pod = ? AND number > ? ORDER BY number LIMIT ?
"""
_NOTICE = "SELECT pod, number, at, topic, kind, target, state FROM outbox WHERE pod = ? AND number = ?"
_LAST = "SELECT coalesce(max(number), 0) FROM outbox WHERE pod = ?"

_ADD = """
    INSERT INTO subscriptions (pod, id, kind, topic, agent, ends, position, due, failures, record)
    VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, ?)
"""
_GET = "SELECT record, position FROM subscriptions WHERE id = ?"
_REMOVE = "DELETE FROM subscriptions WHERE pod = ? AND id = ?"
_REMOVE_DELIVERIES = "DELETE FROM deliveries WHERE pod = ? AND subscription = ? AND dead = 0"
_MOVE = "UPDATE subscriptions SET position = ? WHERE pod = ? AND id = ? AND position < ?"
_ABOUT = "SELECT record, position FROM subscriptions WHERE kind = ? AND pod = ? AND topic = ?"
_OF = "SELECT record, position FROM subscriptions WHERE agent = ? ORDER BY id"
_HELD = """
    SELECT record, position FROM subscriptions WHERE pod = ?
    UNION SELECT record, position FROM subscriptions WHERE agent = ? LIMIT ?
"""
_ANY = "SELECT 1 FROM subscriptions WHERE kind = ? LIMIT 1"
_ANY_IN = "SELECT 1 FROM subscriptions WHERE pod = ? LIMIT 1"
_COUNT = "SELECT count(*) FROM (SELECT 1 FROM subscriptions WHERE ends > ? LIMIT ?)"
_COUNT_OF = "SELECT count(*) FROM (SELECT 1 FROM subscriptions WHERE agent = ? AND ends > ? LIMIT ?)"

_SHARED = "SELECT place FROM sharing_out WHERE id = 1"
_WAIT = """
    INSERT INTO deliveries (pod, subscription, number, dead)
    SELECT pod, id, ?, 0 FROM subscriptions WHERE pod = ? AND id = ? AND ? > (
        SELECT count(*) FROM deliveries AS d WHERE d.pod = ? AND d.subscription = ? AND d.dead = 0)
    ON CONFLICT DO NOTHING
"""
_NOTE_SHARED = "INSERT INTO sharing_out (id, place) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET place = excluded.place"
_DUE = """
    SELECT s.record, s.position, s.failures, waiting.oldest FROM (
        SELECT pod, subscription, min(number) AS oldest FROM deliveries WHERE dead = 0 GROUP BY pod, subscription
    ) AS waiting JOIN subscriptions AS s ON s.pod = waiting.pod AND s.id = waiting.subscription
    WHERE s.due <= ? ORDER BY s.due, waiting.oldest LIMIT ?
"""
_TAKEN = "DELETE FROM deliveries WHERE pod = ? AND subscription = ? AND number <= ? AND dead = 0"
_WENT_WELL = """
    UPDATE subscriptions SET due = ?, failures = 0, position = CASE WHEN position < ? THEN ? ELSE position END
    WHERE pod = ? AND id = ?
"""
_WENT_WRONG = "UPDATE subscriptions SET due = ?, failures = failures + 1 WHERE pod = ? AND id = ?"
_WAITING = "SELECT 1 FROM deliveries WHERE dead = 0 AND pod = ? LIMIT 1"
_NOT_SHARED_OUT = """
    SELECT 1 FROM outbox AS o JOIN subscriptions AS s
        ON s.kind = ? AND s.pod = o.pod AND s.topic = substr(o.topic, length(?) + 1)
    WHERE o.rowid > coalesce((SELECT place FROM sharing_out WHERE id = 1), 0) AND o.pod = ? AND o.kind = 'Delete'
    LIMIT 1
"""
_BURY = "UPDATE deliveries SET dead = 1 WHERE pod = ? AND subscription = ? AND number = ?"
_BURY_ALL = "UPDATE deliveries SET dead = 1 WHERE pod = ? AND subscription = ?"

_FORGET_ENDED = "SELECT pod, id FROM subscriptions WHERE ends < ? ORDER BY ends LIMIT ?"
_FORGET_DEAD = """
    DELETE FROM deliveries WHERE (pod, subscription, number) IN (
        SELECT pod, subscription, number FROM deliveries AS d WHERE dead = 1
            AND NOT EXISTS (SELECT 1 FROM outbox AS o WHERE o.pod = d.pod AND o.number = d.number) LIMIT ?)
"""


class SqlNotices:
    """The outbox, read."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def place(self) -> int:
        row = await self._transaction.one(_PLACE)
        return int(row[0]) if row else 0

    async def after(self, place: int, /, *, limit: int) -> Page:
        rows = await self._transaction.all(_AFTER, (place, limit))
        if not rows:
            # Emptied by housekeeping after a quiet week, it counts from the beginning again.
            end = await self.place()
            return Page((), place) if end >= place else await self.after(0, limit=limit) if end else Page((), 0)
        return Page(tuple(_posted(row) for row in rows), rows[-1][7])

    async def of_pod(self, pod: PodName, /, *, after: int, limit: int) -> list[Posted]:
        return [_posted(row) for row in await self._transaction.all(_OF_POD, (pod, after, limit))]

    async def get(self, pod: PodName, number: int, /) -> Posted | None:
        row = await self._transaction.one(_NOTICE, (pod, number))
        return None if row is None else _posted(row)

    async def last(self, pod: PodName, /) -> int:
        row = await self._transaction.one(_LAST, (pod,))
        return int(row[0]) if row else 0


class SqlSubscriptions:
    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, subscription: Subscription, /) -> None:
        s = subscription
        agent = "" if s.agent is None else s.agent.webid
        values = (s.topic.pod, s.id, s.type.value, s.topic.path, agent, to_micros(s.ends), s.position, to_json(s))
        await self._transaction.run(_ADD, values)

    async def get(self, identifier: str, /) -> Subscription | None:
        row = await self._transaction.one(_GET, (identifier,))
        return None if row is None else _subscription(row)

    async def remove(self, subscription: Subscription, /) -> bool:
        key = (subscription.topic.pod, subscription.id)
        await self._transaction.run(_REMOVE_DELIVERIES, key)
        return await self._transaction.run(_REMOVE, key) > 0

    async def move(self, subscription: Subscription, position: int, /) -> None:
        await self._transaction.run(_MOVE, (position, subscription.topic.pod, subscription.id, position))

    async def about(self, topic: ResourceUrl, kind: ChannelType, /) -> list[Subscription]:
        rows = await self._transaction.all(_ABOUT, (kind.value, topic.pod, topic.path))
        return [_subscription(row) for row in rows]

    async def of(self, webid: WebId, /) -> list[Subscription]:
        return [_subscription(row) for row in await self._transaction.all(_OF, (webid,))]

    async def held(self, pod: PodName, agent: WebId, /, *, limit: int) -> list[Subscription]:
        return [_subscription(row) for row in await self._transaction.all(_HELD, (pod, agent, limit))]

    async def any(self, kind: ChannelType, /) -> bool:
        return await self._transaction.one(_ANY, (kind.value,)) is not None

    async def any_in(self, pod: PodName, /) -> bool:
        return await self._transaction.one(_ANY_IN, (pod,)) is not None

    async def count(self, agent: str | None, /, *, now: datetime, most: int) -> int:
        if agent is None:
            row = await self._transaction.one(_COUNT, (to_micros(now), most))
        else:
            row = await self._transaction.one(_COUNT_OF, (agent, to_micros(now), most))
        return int(row[0]) if row else 0


class SqlDeliveries:
    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def place(self) -> int:
        row = await self._transaction.one(_SHARED)
        return int(row[0]) if row else 0

    async def note(self, place: int, /) -> None:
        await self._transaction.run(_NOTE_SHARED, (place,))

    async def add(self, subscription: Subscription, number: int, /, *, most: int) -> bool:
        key = (subscription.topic.pod, subscription.id)
        if subscription.rate_seconds:
            await self._transaction.run(_TAKEN, (*key, number - 1))
        return await self._transaction.run(_WAIT, (number, *key, most, *key)) > 0

    async def due(self, now: datetime, /, *, limit: int) -> list[Due]:
        rows = await self._transaction.all(_DUE, (to_micros(now), limit))
        return [Due(_subscription((row[0], row[1])), row[3], row[2]) for row in rows]

    async def sent(self, due: Due, /, *, again: datetime) -> None:
        key = (due.subscription.topic.pod, due.subscription.id)
        await self._transaction.run(_TAKEN, (*key, due.number))
        await self._transaction.run(_WENT_WELL, (to_micros(again), due.number, due.number, *key))

    async def failed(self, due: Due, /, *, again: datetime, dead: bool) -> None:
        key = (due.subscription.topic.pod, due.subscription.id)
        if dead:
            await self._transaction.run(_BURY, (*key, due.number))
        await self._transaction.run(_WENT_WRONG, (to_micros(again), *key))

    async def owed(self, pod: PodName, /, *, storage: str) -> bool:
        if await self._transaction.one(_WAITING, (pod,)) is not None:
            return True
        values = (ChannelType.WEBHOOK.value, storage, pod)
        return await self._transaction.one(_NOT_SHARED_OUT, values) is not None

    async def bury(self, subscription: Subscription, /) -> int:
        return await self._transaction.run(_BURY_ALL, (subscription.topic.pod, subscription.id))


async def forget(transaction: Transaction, *, ended: int, limit: int) -> int:
    """Channels that ended before `ended` (microseconds), and dead letters whose notice is gone; how many."""
    over = await transaction.all(_FORGET_ENDED, (ended, limit))
    for key in over:
        await transaction.run(_REMOVE_DELIVERIES, key)
        await transaction.run(_REMOVE, key)
    return len(over) + await transaction.run(_FORGET_DEAD, (limit,))


def _posted(row: Row) -> Posted:
    pod, number, at, topic, kind, target, state = row[:7]
    return Posted(PodName(pod), number, Notice(topic, kind, from_micros(at), target, state))


def _subscription(row: Row) -> Subscription:
    return replace(from_json(Subscription, row[0]), position=row[1])
