"""Who edits a large document next. Such a document is edited outside the writer, and that work is lost when somebody
else's is written first: without turns, most of what many do at once would be done again and again, and some give up.

Turns hold within one process. Others may still come in between, so whoever has a turn looks whether it stood still.
"""

from __future__ import annotations

import asyncio
from typing import Final
from weakref import WeakValueDictionary

from aiohttp import web

from vault.values import ResourceUrl


class Turns:
    """A lock for each document that is being edited, kept for as long as somebody holds it or waits for it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[ResourceUrl, asyncio.Lock] = WeakValueDictionary()

    def of(self, target: ResourceUrl) -> asyncio.Lock:
        """First come, first served."""
        lock = self._locks.get(target)
        if lock is None:
            lock = self._locks[target] = asyncio.Lock()
        return lock


TURNS: Final = web.AppKey("turns", Turns)
