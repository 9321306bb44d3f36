"""A bounded memory of what was fetched: good answers for minutes, failures for seconds, and one fetch at a time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Generic, TypeVar

from vault.errors import Refusal
from vault.values import Clock

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[V]):
    """What is remembered: a value, or the refusal it ended in."""

    value: V | None
    refusal: Refusal | None
    made: datetime
    until: datetime


class Cache(Generic[V]):
    """Values by key. Many who ask at the same time share one load, and none of them can cancel it for the others."""

    def __init__(self, *, good_seconds: int, bad_seconds: int, clock: Clock, most: int = 1024) -> None:
        self._good = timedelta(seconds=good_seconds)
        self._bad = timedelta(seconds=bad_seconds)
        self._clock = clock
        self._most = most
        self._entries: OrderedDict[str, _Entry[V]] = OrderedDict()
        self._loading: dict[str, asyncio.Task[_Entry[V]]] = {}

    async def get(self, key: str, load: Callable[[], Awaitable[V]]) -> V:
        """The value of `key`, loaded when it is not remembered. A Refusal that `load` raises is remembered too."""
        entry = self._entries.get(key)
        if entry is None or self._clock() >= entry.until:
            entry = await self._load(key, load)
        if entry.refusal is not None:
            # A fresh one each time: an exception that is raised again grows its traceback.
            raise _copy(entry.refusal)
        assert entry.value is not None
        return entry.value

    async def renew(self, key: str, load: Callable[[], Awaitable[V]]) -> V:
        """Like `get`, but loads anew; at most as often as failures are retried (VEC-T15: one refresh, then no). What is
        known stays when that fails, or a stranger who asks for what is not there could make a bad moment of another
        server's last."""
        entry = self._entries.get(key)
        if entry is not None and self._clock() >= entry.made + self._bad:
            await self._load(key, load)
        return await self.get(key, load)

    def forget(self, beginning: str) -> None:
        """Every key that begins like this is loaded anew. A load under way may have read what no longer holds: those
        who wait for it get its answer, and it is not remembered."""
        for key in [key for key in (*self._entries, *self._loading) if key.startswith(beginning)]:
            self._entries.pop(key, None)
            self._loading.pop(key, None)

    async def _load(self, key: str, load: Callable[[], Awaitable[V]]) -> _Entry[V]:
        task = self._loading.get(key)
        if task is None:
            task = asyncio.create_task(self._fill(key, load))
            self._loading[key] = task
            task.add_done_callback(partial(self._loaded, key))
        return await asyncio.shield(task)

    async def _fill(self, key: str, load: Callable[[], Awaitable[V]]) -> _Entry[V]:
        try:
            value, refusal = await load(), None
        except Refusal as raised:
            value, refusal = None, raised.with_traceback(None)
        now, known = self._clock(), self._entries.get(key)
        entry = _Entry(value, refusal, now, now + (self._good if refusal is None else self._bad))
        if refusal is not None and known is not None and known.refusal is None and now < known.until:
            entry = replace(known, made=now)  # not tried again at once, and no longer than it was good for anyway
        if self._loading.get(key) is not asyncio.current_task():
            return entry
        self._entries.pop(key, None)
        while len(self._entries) >= self._most:
            self._entries.popitem(last=False)
        self._entries[key] = entry
        return entry

    def _loaded(self, key: str, task: asyncio.Task[_Entry[V]]) -> None:
        if self._loading.get(key) is task:
            del self._loading[key]


def _copy(refusal: Refusal) -> Refusal:
    fresh = type(refusal).__new__(type(refusal))
    fresh.__dict__.update(refusal.__dict__)
    fresh.args = refusal.args
    return fresh
