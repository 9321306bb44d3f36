"""The states of a request, and what an approval may give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.lock import APPLICANT, DAY, LOTTE, NOON, STRANGER, a_contract, a_participant, a_request, document, shipped
from vault.datasluis.grants import Grant, GrantState
from vault.datasluis.registry import Admission
from vault.datasluis.requests import (
    AccessRequest,
    Asked,
    Choice,
    RequestState,
    approve,
    expire,
    latest_end,
    plain_text,
    refuse,
    state_at,
    withdraw,
)
from vault.errors import Conflict, Unprocessable
from vault.values import GrantId, ResourceUrl

ONE = document("diploma", "one")
TWO = document("diploma", "two")
LATEST = NOON + 60 * DAY


def _approve(
    request: AccessRequest,
    *items: tuple[ResourceUrl, tuple[str, ...]],
    until: datetime = NOON + 30 * DAY,
    version: int = 1,
    now: datetime = NOON,
) -> tuple[AccessRequest, Grant]:
    return approve(
        request,
        Choice(items or ((ONE, ("title",)),), until, version),
        data_types={ONE: "diploma", TWO: "diploma", document("wage"): "wage"},
        latest=LATEST,
        grant_id=GrantId("g"),
        now=now,
    )


MOVES: dict[str, Callable[[AccessRequest], AccessRequest]] = {
    "approve": lambda request: _approve(request, version=request.version)[0],
    "refuse": lambda request: refuse(request, version=request.version, reason=None, now=NOON),
    "withdraw": lambda request: withdraw(request, NOON),
    "expire": lambda request: expire(replace(request, lapses=NOON), NOON),
}
OUTCOMES = {
    "approve": RequestState.APPROVED,
    "refuse": RequestState.REFUSED,
    "withdraw": RequestState.WITHDRAWN,
    "expire": RequestState.EXPIRED,
}


@pytest.mark.parametrize("move", sorted(MOVES))
def test_a_pending_request_moves_once_and_grows_its_version(move: str) -> None:
    moved = MOVES[move](a_request())
    assert moved.state is OUTCOMES[move]
    assert moved.version == 2
    assert moved.decided == NOON


@pytest.mark.parametrize("move", sorted(MOVES))
@pytest.mark.parametrize("state", [state for state in RequestState if state is not RequestState.PENDING])
def test_a_request_that_is_answered_moves_no_more(move: str, state: RequestState) -> None:
    with pytest.raises(Conflict):
        MOVES[move](a_request(state=state))


@pytest.mark.requirement("UX-10")
def test_a_page_made_for_another_version_is_stale() -> None:
    request = a_request(version=2)
    with pytest.raises(Conflict) as approved:
        _approve(request, version=1)
    with pytest.raises(Conflict) as refused:
        refuse(request, version=1, reason=None, now=NOON)
    assert approved.value.reason == refused.value.reason == "request-changed"


@pytest.mark.parametrize("move", ["approve", "refuse", "withdraw"])
def test_a_request_past_its_time_is_over_before_the_housekeeping_notices(move: str) -> None:
    late = a_request(lapses=NOON)
    assert state_at(late, NOON) is RequestState.EXPIRED
    with pytest.raises(Conflict) as refused:
        MOVES[move](late)
    assert refused.value.facts["state"] == "expired"


def test_a_request_does_not_expire_before_its_time() -> None:
    with pytest.raises(Conflict):
        expire(a_request(), NOON)


def test_an_approval_gives_what_was_switched_on_and_nothing_else() -> None:
    _, grant = _approve(a_request(), (ONE, ("date", "title")), (TWO, ("grade",)))
    assert [(item.key, item.url, item.fields) for item in grant.items] == [
        ("diploma-1", ONE, ("title", "date")),
        ("diploma-2", TWO, ("grade",)),
    ]
    assert grant.state is GrantState.ACTIVE
    assert (grant.data_user, grant.citizen, grant.pod, grant.purpose) == ("hr", a_request().citizen, LOTTE, APPLICANT)
    assert (grant.since, grant.until) == (NOON, NOON + 30 * DAY)


def test_the_grant_is_bound_to_the_software_that_asked() -> None:
    _, grant = _approve(a_request(client="hr-app"))
    assert grant.client == "hr-app"


@pytest.mark.requirement("UX-04")
def test_a_required_field_can_be_left_out_too() -> None:
    _, grant = _approve(a_request(), (ONE, ("date",)))
    assert grant.items[0].fields == ("date",)


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        ([(ONE, ("title", "programme"))], "not-asked"),
        ([(ONE, ("title", "TITLE"))], "not-asked"),
        ([(ONE, ("*",))], "not-asked"),
        ([(ONE, ())], "nothing-chosen"),
        ([(ONE, ("title",)), (ONE, ("date",))], "not-asked"),
        ([(document("wage"), ("gross",))], "not-asked"),
        ([(ResourceUrl(STRANGER, ONE.path), ("title",))], "not-asked"),
        ([(ResourceUrl(LOTTE, "/profile/card"), ("title",))], "not-asked"),
    ],
)
def test_an_approval_never_gives_more_than_was_asked(
    items: list[tuple[ResourceUrl, tuple[str, ...]]], reason: str
) -> None:
    with pytest.raises(Unprocessable) as refused:
        _approve(a_request(), *items)
    assert refused.value.reason == reason


def test_an_approval_of_nothing_is_no_approval() -> None:
    with pytest.raises(Unprocessable) as refused:
        approve(a_request(), Choice((), NOON + DAY, 1), data_types={}, latest=LATEST, grant_id=GrantId("g"), now=NOON)
    assert refused.value.reason == "nothing-chosen"


@pytest.mark.requirement("UX-06")
@pytest.mark.parametrize(
    ("until", "reason"),
    [
        (NOON, "end-passed"),
        (NOON - DAY, "end-passed"),
        (LATEST + timedelta(seconds=1), "too-long"),
        (NOON + 365000 * DAY, "too-long"),
    ],
)
def test_an_end_that_has_passed_or_lies_too_far_is_refused(until: datetime, reason: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        _approve(a_request(), until=until)
    assert refused.value.reason == reason


def test_the_latest_end_is_the_smallest_of_request_purpose_and_contract() -> None:
    purpose = shipped().purposes[APPLICANT]
    long = a_participant(contract=a_contract(max_days=800))
    ends = {
        NOON + 60 * DAY: (a_request(), a_participant()),
        NOON + purpose.max_days * DAY: (a_request(until=NOON + 900 * DAY), long),
        NOON + 20 * DAY: (a_request(), a_participant(contract=a_contract(max_days=20))),
        NOON + 3 * DAY: (a_request(), a_participant(contract=a_contract(until=NOON + 3 * DAY))),
    }
    for end, (request, participant) in ends.items():
        assert latest_end(request, participant=participant, purpose=purpose, now=NOON) == end


def test_a_request_without_an_end_gets_a_short_one() -> None:
    loose = a_participant(admission=Admission.COMPATIBLE)
    request = a_request(until=None, purpose=None)
    assert latest_end(request, participant=loose, purpose=None, now=NOON) == NOON + 30 * DAY


@pytest.mark.requirement("UX-07")
def test_a_refusal_needs_no_reason_and_keeps_the_one_that_is_given() -> None:
    assert refuse(a_request(), version=1, reason=None, now=NOON).decision_reason is None
    assert refuse(a_request(), version=1, reason="  ", now=NOON).decision_reason is None
    assert refuse(a_request(), version=1, reason=" Too much. ", now=NOON).decision_reason == "Too much."
    assert refuse(a_request(), version=1, reason="x" * 9999, now=NOON).decision_reason == "x" * 500


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words", "plain words"),
        ("two\nlines\tand \r\n more", "two lines and more"),
        ("ring\x07 \x1b[31mred\x1b[0m", "ring [31mred[0m"),
        ("abc\u202etxt.exe", "abctxt.exe"),
        ("\u2066left\u2069", "left"),
        ("zero\u200bwidth", "zerowidth"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("nul\x00", "nul"),
    ],
)
def test_a_strangers_words_lose_control_characters_and_direction_tricks(text: str, shown: str) -> None:
    assert plain_text(text, 100) == shown


def test_a_strangers_words_are_cut() -> None:
    assert plain_text("a" * 1000, 10) == "a" * 10


def test_asked_fields_keep_their_order() -> None:
    assert Asked("diploma", ("title", "date"), ("grade",)).fields == ("title", "date", "grade")
