"""Who lately wrote in a pod: spares the look before the body, never the decision that counts.

A write is decided twice: before its body is read, so that a stranger never makes us read or parse one, and inside the
transaction that acts. Whose last write in a pod was let through by that second decision is no stranger there; when the
whole body has arrived with its head, the first look tells nothing any more. Should the second decision find that a
group has to be asked, which may take a while, it gives the writer back and the first look is made after all.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from vault.values import Caller, PodName, WebId

_MOST: Final = 10_000


class Lately:
    """Who was not refused when last writing where; one for each process."""

    __slots__ = ("_most", "_writers")

    def __init__(self, *, most: int = _MOST) -> None:
        self._most = most
        self._writers: set[tuple[PodName, Caller]] = set()

    def wrote(self, caller: Caller, pod: PodName) -> bool:
        return (pod, caller) in self._writers

    def note(self, caller: Caller, pod: PodName) -> None:
        """The decision that counts let them through, by what the ACLs alone say."""
        if len(self._writers) >= self._most:
            self._writers.clear()
        self._writers.add((pod, caller))

    def forget(self, caller: Caller, pod: PodName) -> None:
        """They were refused: they are looked at first from now on."""
        self._writers.discard((pod, caller))


LATELY: Final = web.AppKey("lately", Lately)


class AskFirst(Exception):
    """A group has to be asked, and that is not done while the writer is held."""


class Unasked:
    """Groups that nobody may ask now."""

    async def members(self, group: str, /, *, pod: PodName | None = None) -> frozenset[WebId]:
        raise AskFirst
