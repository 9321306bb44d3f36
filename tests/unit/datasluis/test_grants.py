"""The states of a grant, and whether it may be used at a given moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from tests.lock import DAY, NOON, a_grant
from vault.datasluis.grants import (
    Grant,
    GrantState,
    Unusable,
    Usable,
    check_usable,
    expire,
    pause,
    read,
    resume,
    revoke,
    state_at,
)
from vault.errors import Conflict

Move = Callable[[Grant, datetime], Grant]
LATER = NOON + DAY
END = NOON + 30 * DAY

# From each state, each move: the state it leads to, or None where it is a conflict.
DIAGRAM: list[tuple[GrantState, Move, GrantState | None]] = [
    (GrantState.ACTIVE,  pause,  GrantState.PAUSED),
    (GrantState.ACTIVE,  resume, None),
    (GrantState.ACTIVE,  revoke, GrantState.REVOKED),
    (GrantState.PAUSED,  pause,  None),
    (GrantState.PAUSED,  resume, GrantState.ACTIVE),
    (GrantState.PAUSED,  revoke, GrantState.REVOKED),
    (GrantState.REVOKED, pause,  None),
    (GrantState.REVOKED, resume, None),
    (GrantState.REVOKED, revoke, None),
    (GrantState.EXPIRED, pause,  None),
    (GrantState.EXPIRED, resume, None),
    (GrantState.EXPIRED, revoke, None),
]  # fmt: skip


@pytest.mark.parametrize(("state", "move", "target"), DIAGRAM)
def test_every_move_from_every_state(state: GrantState, move: Move, target: GrantState | None) -> None:
    grant = a_grant(state=state)
    if target is None:
        with pytest.raises(Conflict):
            move(grant, LATER)
    else:
        moved = move(grant, LATER)
        assert (moved.state, moved.version) == (target, grant.version + 1)


@pytest.mark.parametrize("move", [pause, resume, revoke])
@pytest.mark.parametrize("state", [GrantState.ACTIVE, GrantState.PAUSED])
def test_nothing_moves_a_grant_past_its_end_but_the_clock(move: Move, state: GrantState) -> None:
    with pytest.raises(Conflict) as refused:
        move(a_grant(state=state), END)
    assert refused.value.reason == "grant-expired"
    assert expire(a_grant(state=state), END).state is GrantState.EXPIRED


@pytest.mark.parametrize("state", [GrantState.REVOKED, GrantState.EXPIRED])
def test_what_ended_does_not_expire_again(state: GrantState) -> None:
    with pytest.raises(Conflict):
        expire(a_grant(state=state), END + DAY)


def test_a_grant_does_not_expire_before_its_end() -> None:
    with pytest.raises(Conflict):
        expire(a_grant(), END - timedelta(microseconds=1))


def test_an_expired_grant_ended_at_its_end_and_a_revoked_one_when_it_was_revoked() -> None:
    assert expire(a_grant(), END + 5 * DAY).ended == END
    assert revoke(a_grant(), LATER).ended == LATER


@pytest.mark.requirement("UX-15")
@pytest.mark.parametrize(
    ("state", "now", "reason"),
    [
        (GrantState.ACTIVE, NOON, None),
        (GrantState.ACTIVE, END - timedelta(microseconds=1), None),
        (GrantState.ACTIVE, END, "grant-expired"),
        (GrantState.ACTIVE, NOON - timedelta(microseconds=1), "grant-not-yet"),
        (GrantState.PAUSED, LATER, "grant-paused"),
        (GrantState.PAUSED, END, "grant-expired"),
        (GrantState.REVOKED, LATER, "grant-revoked"),
        (GrantState.REVOKED, END + DAY, "grant-revoked"),
        (GrantState.EXPIRED, LATER, "grant-expired"),
    ],
)
def test_a_grant_opens_only_while_it_is_active_and_within_its_time(
    state: GrantState, now: datetime, reason: str | None
) -> None:
    found = check_usable(a_grant(state=state), now)
    assert found == Usable() if reason is None else isinstance(found, Unusable) and found.reason == reason


def test_a_grant_past_its_end_shows_as_expired_before_anybody_wrote_it_down() -> None:
    assert state_at(a_grant(), END) is GrantState.EXPIRED
    assert state_at(a_grant(), LATER) is GrantState.ACTIVE
    assert state_at(a_grant(state=GrantState.REVOKED), END) is GrantState.REVOKED


def test_a_read_counts() -> None:
    seen = read(read(a_grant(), NOON), LATER)
    assert (seen.reads, seen.last_read, seen.version) == (2, LATER, 3)


def test_an_item_is_found_by_its_key_and_by_nothing_else() -> None:
    grant = a_grant()
    assert grant.item("diploma-1") is grant.items[0]
    for key in ("", "diploma", "diploma-2", "DIPLOMA-1", "../diploma-1", "diploma-1/"):
        assert grant.item(key) is None
