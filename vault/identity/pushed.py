"""Authorization requests that clients pushed beforehand (RFC 9126): found by their name, kept while the person is
asked, and used up by the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from vault.identity.ports import Transact
from vault.identity.tokens import digest

REQUEST_URI: Final = "urn:ietf:params:oauth:request_uri:"  # RFC 9126 §2.2

# What a client has to bring its person here; then signing in and deciding may take as long as they take (§2.2: the
# name is short-lived, which is about who else may come with it, not about how fast a person reads).
SECONDS: Final = 60
_PERSON_TAKES = timedelta(hours=1)
_ANSWER_IS_KNOWN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Pushed:
    """A pushed request: its name, what it asks, and whether it has been answered already."""

    uri: str
    parameters: Mapping[str, str]
    used: bool = False


async def find_pushed(reading: Transact, uri: str, *, now: datetime) -> Pushed | None:
    """The request of this name; of one that was answered, what is needed to say so to its client (VEC-R22)."""
    async with reading() as work:
        if (found := await work.pushed_requests.get(digest(uri), now=now)) is not None:
            return Pushed(uri, found)
        if (found := await work.pushed_requests.get(_answered(uri), now=now)) is not None:
            return Pushed(uri, found, used=True)
    return None


async def hold_pushed(writing: Transact, pushed: Pushed, *, now: datetime) -> None:
    """The person is at the browser and is being asked something: the request waits for the answer."""
    async with writing() as work:
        if await work.pushed_requests.remove(digest(pushed.uri)):
            await work.pushed_requests.add(digest(pushed.uri), dict(pushed.parameters), expires=now + _PERSON_TAKES)


async def use_pushed(writing: Transact, pushed: Pushed, *, now: datetime) -> bool:
    """Uses the request up; True exactly once."""
    kept = {name: text for name, text in pushed.parameters.items() if name in ("client_id", "redirect_uri", "state")}
    async with writing() as work:
        first = await work.pushed_requests.remove(digest(pushed.uri))
        if first:
            await work.pushed_requests.add(_answered(pushed.uri), kept, expires=now + _ANSWER_IS_KNOWN)
    return first


def _answered(uri: str) -> str:
    return digest(f"answered {uri}")
