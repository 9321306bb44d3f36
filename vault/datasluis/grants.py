"""Grants: the citizen's permission, and nothing else. A grant edits no ACL (D14).

One function per move; every illegal move is a Conflict. Whether a grant may be used is asked anew at every read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from vault.errors import Conflict
from vault.values import ClientId, GrantId, ParticipantId, PodName, RequestId, ResourceUrl, WebId


class GrantState(StrEnum):
    """
    ACTIVE ◀──resume── PAUSED
       │ └───pause────▶  │
       ├────revoke──▶ REVOKED ◀──revoke──┤
       └────expire──▶ EXPIRED ◀──expire──┘
    """

    ACTIVE = "active"
    PAUSED = "paused"
    REVOKED = "revoked"
    EXPIRED = "expired"


OPEN = frozenset([GrantState.ACTIVE, GrantState.PAUSED])


@dataclass(frozen=True, slots=True)
class GrantedItem:
    """One document, cut down to some fields. `key` is the last part of its view URL."""

    key: str
    url: ResourceUrl
    data_type: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """What one data user may read, for what, and from when until when."""

    id: GrantId
    request: RequestId
    data_user: ParticipantId
    client: ClientId | None
    citizen: WebId
    pod: PodName
    purpose: str | None
    items: tuple[GrantedItem, ...]
    since: datetime
    until: datetime
    state: GrantState
    version: int
    reads: int = 0
    last_read: datetime | None = None
    ended: datetime | None = None

    def item(self, key: str) -> GrantedItem | None:
        return next((item for item in self.items if item.key == key), None)


@dataclass(frozen=True, slots=True)
class Usable:
    """The grant opens what it names, now."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """The grant opens nothing now, and why: a slug, and one sentence for the organisation."""

    reason: str
    because: str


def check_usable(grant: Grant, now: datetime) -> Usable | Unusable:
    """State and time, at this very moment. A revocation outranks everything; the end outranks a pause."""
    if grant.state is GrantState.REVOKED:
        return Unusable("grant-revoked", "The citizen has withdrawn this permission.")
    if grant.state is GrantState.EXPIRED or now >= grant.until:
        return Unusable("grant-expired", "This permission has ended.")
    if grant.state is GrantState.PAUSED:
        return Unusable("grant-paused", "The citizen has paused this permission.")
    if now < grant.since:
        return Unusable("grant-not-yet", "This permission has not begun.")
    return Usable()


def state_at(grant: Grant, now: datetime) -> GrantState:
    """The state that counts: an open grant past its end is expired before the housekeeping writes it down."""
    return GrantState.EXPIRED if grant.state in OPEN and now >= grant.until else grant.state


def pause(grant: Grant, now: datetime) -> Grant:
    _check(grant, now, (GrantState.ACTIVE,))
    return _moved(grant, GrantState.PAUSED)


def resume(grant: Grant, now: datetime) -> Grant:
    _check(grant, now, (GrantState.PAUSED,))
    return _moved(grant, GrantState.ACTIVE)


def revoke(grant: Grant, now: datetime) -> Grant:
    _check(grant, now, (GrantState.ACTIVE, GrantState.PAUSED))
    return replace(_moved(grant, GrantState.REVOKED), ended=now)


def expire(grant: Grant, now: datetime) -> Grant:
    """The clock ends it; `ended` is the end it had, not the moment somebody noticed."""
    if grant.state not in OPEN or now < grant.until:
        raise Conflict("grant-not-over", "This permission is not past its end, or has ended otherwise.")
    return replace(_moved(grant, GrantState.EXPIRED), ended=grant.until)


def read(grant: Grant, now: datetime) -> Grant:
    """Counts one read."""
    return replace(grant, version=grant.version + 1, reads=grant.reads + 1, last_read=now)


def _check(grant: Grant, now: datetime, allowed: tuple[GrantState, ...]) -> None:
    if (state := state_at(grant, now)) not in allowed:
        raise Conflict(f"grant-{state.value}", f"This permission is {state.value}.", facts={"state": state.value})


def _moved(grant: Grant, state: GrantState) -> Grant:
    return replace(grant, state=state, version=grant.version + 1)
