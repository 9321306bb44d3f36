"""What was read of pods lately, good for as long as the pod's version stands still.

Every change in a pod moves its version, and no version is ever used again: so an entry may be lost, but is never
stale, and several worker processes need no word between them. Only what is committed is kept.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """Values of type `T` by key, each with the pod's version it was read at; the least recently used go first."""

    __slots__ = ("_kept", "_room", "_weight")

    def __init__(self, room: int) -> None:
        """`room`: the sum of the weights that are kept."""
        self._room = room
        self._weight = 0
        self._kept: OrderedDict[object, tuple[int, T, int]] = OrderedDict()

    def get(self, key: object, version: int) -> T | None:
        """What was read at this version of the pod."""
        entry = self._kept.get(key)
        if entry is None or entry[0] != version:
            return None
        self._kept.move_to_end(key)
        return entry[1]

    def put(self, key: object, version: int, value: T, *, weight: int) -> None:
        old = self._kept.pop(key, None)
        if old is not None:
            self._weight -= old[2]
        if weight > self._room:
            return
        self._kept[key] = (version, value, weight)
        self._weight += weight
        while self._weight > self._room:
            _, (_, _, oldest) = self._kept.popitem(last=False)
            self._weight -= oldest

    def __len__(self) -> int:
        return len(self._kept)
