"""A line of waiters for one thing: first come, first served, and nothing is lost when somebody walks away."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

from vault.errors import Unavailable

T = TypeVar("T")


class Line(Generic[T]):
    """Who waits for a `T`. `give_back` takes a thing that was handed to somebody who had just left."""

    __slots__ = ("_give_back", "_patience", "_waiting")

    def __init__(self, give_back: Callable[[T], None], *, patience: float) -> None:
        """`patience`: seconds after which a waiter is told Unavailable."""
        self._waiting: deque[asyncio.Future[T]] = deque()
        self._give_back = give_back
        self._patience = patience

    def __bool__(self) -> bool:
        """Whether somebody is still waiting."""
        return any(not place.done() for place in self._waiting)

    async def wait(self) -> T:
        """Takes the last place in the line, and returns what `serve` hands over."""
        place: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            async with asyncio.timeout(self._patience):
                return await place
        except BaseException as error:
            self._walk_away(place)
            if isinstance(error, TimeoutError):
                raise Unavailable("storage-busy", "The store is busy; try again.") from None
            raise

    def serve(self, thing: T) -> bool:
        """Hands `thing` to the first who still waits; False when nobody does."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(thing)
                return True
        return False

    def dismiss(self, error: Callable[[], Exception]) -> None:
        """Tells everybody who waits that there is nothing to be had; each gets an error of its own."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_exception(error())

    def _walk_away(self, place: asyncio.Future[T]) -> None:
        # Cancelled after it was served: what it holds must go to the next, or nobody would ever get it again.
        if place.done() and not place.cancelled() and place.exception() is None:
            self._give_back(place.result())
            return
        place.cancel()
        with suppress(ValueError):
            self._waiting.remove(place)
