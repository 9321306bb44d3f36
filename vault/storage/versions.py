"""Numbers that only grow: versions of resources and places in the outbox."""

from __future__ import annotations

from vault.storage.records import to_micros
from vault.values import Clock


class Versions:
    """Gives out version numbers that no other content ever had.

    A version is at least the microseconds of the clock and more than any this process gave out before: so it is never
    used again, not after a deletion, not after a transaction that was rolled back while a cache had already learnt
    the number, and not after a restored backup.
    """

    __slots__ = ("_clock", "_last")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def least(self) -> int:
        """The smallest number that may be given out now."""
        return max(self._last + 1, to_micros(self._clock()))

    def given(self, version: int) -> int:
        self._last = max(self._last, version)
        return version
