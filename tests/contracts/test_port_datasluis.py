"""What the data lock keeps: participants, requests, grants and deposits, each found by its keys and in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.contracts.stores import (
    ALICE,
    BOB,
    NOON,
    a_deposit,
    a_grant,
    a_participant,
    a_request,
    at,
)
from vault.datasluis.grants import GrantState
from vault.datasluis.requests import RequestState
from vault.errors import Conflict
from vault.ports import Work
from vault.storage.database import Database
from vault.values import GrantId, ParticipantId, RequestId, WebId

HR = ParticipantId("hr")
BANK = ParticipantId("bank")


async def test_a_participant_is_found_by_id_and_by_webid(store: Database) -> None:
    async with store.writing() as work:
        await work.participants.put(a_participant())
        await work.participants.put(a_participant("bank", "https://bank.example/#us"))
    async with store.reading() as work:
        assert await work.participants.get(HR) == a_participant()
        assert await work.participants.by_webid(WebId("https://hr.example/#us")) == a_participant()
        assert await work.participants.get(ParticipantId("school")) is None
        assert await work.participants.by_webid(WebId("https://school.example/#us")) is None
        assert [p.id for p in await work.participants.all()] == [BANK, HR]


async def test_a_participant_put_again_is_changed(store: Database) -> None:
    moved = replace(a_participant(), suspended=True, webid=WebId("https://hr.example/#new"))
    async with store.writing() as work:
        await work.participants.put(a_participant())
        await work.participants.put(moved)
    async with store.reading() as work:
        assert await work.participants.all() == [moved]
        assert await work.participants.by_webid(a_participant().webid) is None


async def test_a_webid_belongs_to_one_participant(store: Database) -> None:
    async with store.writing() as work:
        await work.participants.put(a_participant())
        with pytest.raises(Conflict) as refused:
            await work.participants.put(a_participant("bank"))
    assert refused.value.reason == "participant-exists"
    async with store.reading() as work:
        assert await work.participants.all() == [a_participant()]


async def test_a_request_and_a_grant_are_found_as_they_were_added(store: Database) -> None:
    async with store.writing() as work:
        await work.requests.add(a_request())
        await work.grants.add(a_grant())
    async with store.reading() as work:
        assert await work.requests.get(RequestId("r1")) == a_request()
        assert await work.grants.get(GrantId("g1")) == a_grant()
        assert await work.grants.for_request(RequestId("r1")) == a_grant()
        assert await work.requests.get(RequestId("r2")) is None
        assert await work.grants.get(GrantId("g2")) is None
        assert await work.grants.for_request(RequestId("r2")) is None


async def test_an_id_is_given_once(store: Database) -> None:
    async with store.writing() as work:
        await work.requests.add(a_request())
        await work.grants.add(a_grant())
        with pytest.raises(Conflict):
            await work.requests.add(replace(a_request(), purpose=None))
        with pytest.raises(Conflict):
            await work.grants.add(replace(a_grant(), purpose=None))
    async with store.reading() as work:
        assert await work.requests.get(RequestId("r1")) == a_request()
        assert await work.grants.get(GrantId("g1")) == a_grant()


async def test_a_change_made_from_the_last_version_is_kept(store: Database) -> None:
    decided = replace(a_request(), state=RequestState.REFUSED, version=2, decided=NOON, decision_reason="nee")
    revoked = replace(a_grant(), state=GrantState.REVOKED, version=2, ended=NOON, reads=3, last_read=NOON)
    async with store.writing() as work:
        await work.requests.add(a_request())
        await work.grants.add(a_grant())
        await work.requests.replace(decided)
        await work.grants.replace(revoked)
    async with store.reading() as work:
        assert await work.requests.get(RequestId("r1")) == decided
        assert await work.grants.get(GrantId("g1")) == revoked


@pytest.mark.requirement("UX-10")
@pytest.mark.parametrize("version", [1, 3])
async def test_a_change_made_from_another_version_is_refused(store: Database, version: int) -> None:
    async with store.writing() as work:
        await work.requests.add(a_request())
        await work.grants.add(a_grant())
        with pytest.raises(Conflict) as request_refused:
            await work.requests.replace(replace(a_request(), state=RequestState.APPROVED, version=version))
        with pytest.raises(Conflict) as grant_refused:
            await work.grants.replace(replace(a_grant(), state=GrantState.PAUSED, version=version))
    assert (request_refused.value.reason, grant_refused.value.reason) == ("request-changed", "grant-changed")
    async with store.reading() as work:
        assert await work.requests.get(RequestId("r1")) == a_request()
        assert await work.grants.get(GrantId("g1")) == a_grant()


async def test_what_is_not_there_cannot_be_changed(store: Database) -> None:
    async with store.writing() as work:
        with pytest.raises(Conflict):
            await work.requests.replace(replace(a_request(), version=2))
        with pytest.raises(Conflict):
            await work.grants.replace(replace(a_grant(), version=2))


async def test_of_two_changes_at_once_one_is_refused(store: Database, elsewhere: Database) -> None:
    async with store.writing() as work:
        await work.requests.add(a_request())

    async def decide(where: Database, state: RequestState) -> bool:
        try:
            async with where.writing() as work:
                await work.requests.replace(replace(a_request(), state=state, version=2))
        except Conflict:
            return False
        return True

    answers = await asyncio.gather(
        decide(store, RequestState.APPROVED),
        decide(elsewhere, RequestState.REFUSED),
        decide(store, RequestState.WITHDRAWN),
    )
    assert sorted(answers) == [False, False, True]


@pytest.fixture
async def five(store: Database) -> Database:
    """Five requests and grants: four of Alice's, one of Bob's; three of HR's, two of the bank's."""
    async with store.writing() as work:
        for number, (pod, data_user) in enumerate(
            [(ALICE, "hr"), (ALICE, "bank"), (BOB, "hr"), (ALICE, "hr"), (ALICE, "bank")], 1
        ):
            when = NOON + timedelta(minutes=number)
            await work.requests.add(a_request(f"r{number}", pod=pod, data_user=data_user, submitted=when))
            await work.grants.add(a_grant(f"g{number}", pod=pod, data_user=data_user, since=when, request=f"r{number}"))
        for number in (1, 2):
            request, grant = (
                await work.requests.get(RequestId(f"r{number}")),
                await work.grants.get(GrantId(f"g{number}")),
            )
            assert request is not None
            assert grant is not None
            await work.requests.replace(replace(request, state=RequestState.APPROVED, version=2))
            await work.grants.replace(replace(grant, state=GrantState.PAUSED, version=2))
    return store


async def test_requests_are_listed_newest_first(five: Database) -> None:
    async with five.reading() as work:
        ids = [request.id for request in await work.requests.for_pod(ALICE)]
        assert ids == ["r5", "r4", "r2", "r1"]
        assert [r.id for r in await work.requests.for_pod(ALICE, state=RequestState.APPROVED)] == ["r2", "r1"]
        assert [r.id for r in await work.requests.for_pod(ALICE, state=RequestState.EXPIRED)] == []
        assert [r.id for r in await work.requests.for_pod(BOB)] == ["r3"]
        assert [r.id for r in await work.requests.for_data_user(HR)] == ["r4", "r3", "r1"]
        assert [r.id for r in await work.requests.for_data_user(ParticipantId("school"))] == []


async def test_grants_are_listed_newest_first(five: Database) -> None:
    async with five.reading() as work:
        assert [g.id for g in await work.grants.for_pod(ALICE)] == ["g5", "g4", "g2", "g1"]
        assert [g.id for g in await work.grants.for_pod(ALICE, state=GrantState.PAUSED)] == ["g2", "g1"]
        assert [g.id for g in await work.grants.for_pod(BOB)] == ["g3"]
        assert [g.id for g in await work.grants.for_data_user(BANK)] == ["g5", "g2"]


async def _pages(ask: Callable[[Work, int], Awaitable[list[str]]], work: Work) -> list[list[str]]:
    return [await ask(work, minute) for minute in (99, 4, 1)]


async def test_a_list_goes_on_before_the_last_one_seen(five: Database) -> None:
    async def requests(work: Work, minute: int) -> list[str]:
        before = NOON + timedelta(minutes=minute)
        return [r.id for r in await work.requests.for_pod(ALICE, before=before, limit=2)]

    async def grants(work: Work, minute: int) -> list[str]:
        before = NOON + timedelta(minutes=minute)
        return [g.id for g in await work.grants.for_pod(ALICE, before=before, limit=2)]

    async with five.reading() as work:
        assert await _pages(requests, work) == [["r5", "r4"], ["r2", "r1"], []]
        assert await _pages(grants, work) == [["g5", "g4"], ["g2", "g1"], []]
        before = NOON + timedelta(minutes=4)
        assert [r.id for r in await work.requests.for_data_user(HR, before=before, limit=1)] == ["r3"]
        assert [g.id for g in await work.grants.for_data_user(HR, before=before, limit=1)] == ["g3"]


async def test_only_unanswered_requests_lapse_the_longest_over_first(store: Database) -> None:
    ends = {"r1": 3, "r2": 1, "r3": 9, "r4": 2}
    async with store.writing() as work:
        for name, days in ends.items():
            await work.requests.add(a_request(name, lapses=NOON + timedelta(days=days)))
        await work.requests.replace(replace(a_request("r4"), state=RequestState.REFUSED, version=2))
    async with store.reading() as work:
        assert [r.id for r in await work.requests.lapsed(NOON + timedelta(days=3))] == ["r2", "r1"]
        assert [r.id for r in await work.requests.lapsed(NOON + timedelta(days=3), limit=1)] == ["r2"]
        assert await work.requests.lapsed(NOON) == []


async def test_active_and_paused_grants_lapse_and_ended_ones_do_not(store: Database) -> None:
    states = {
        "g1": GrantState.ACTIVE,
        "g2": GrantState.PAUSED,
        "g3": GrantState.REVOKED,
        "g4": GrantState.EXPIRED,
        "g5": GrantState.ACTIVE,
    }
    async with store.writing() as work:
        for number, (name, state) in enumerate(states.items(), 1):
            await work.grants.add(a_grant(name, state=state, until=NOON + timedelta(days=number)))
    async with store.reading() as work:
        assert [g.id for g in await work.grants.lapsed(NOON + timedelta(days=4))] == ["g1", "g2"]
        assert [g.id for g in await work.grants.lapsed(NOON + timedelta(days=9), limit=2)] == ["g1", "g2"]


async def test_a_longer_grant_lapses_later(store: Database) -> None:
    async with store.writing() as work:
        await work.grants.add(a_grant())
        await work.grants.replace(replace(a_grant(), until=NOON + timedelta(days=60), version=2))
    async with store.reading() as work:
        assert await work.grants.lapsed(NOON + timedelta(days=59)) == []
        assert len(await work.grants.lapsed(NOON + timedelta(days=60))) == 1


async def test_a_deposit_is_found_by_place_and_by_reference(store: Database) -> None:
    async with store.writing() as work:
        await work.deposits.put(a_deposit())
        await work.deposits.put(a_deposit(pod=BOB))
    async with store.reading() as work:
        assert await work.deposits.get(at("/diplomas/a")) == a_deposit()
        assert await work.deposits.by_reference(ALICE, "diploma", "ref-1") == a_deposit()
        assert await work.deposits.get(at("/diplomas/b")) is None
        assert await work.deposits.by_reference(ALICE, "wage", "ref-1") is None
        assert await work.deposits.by_reference(ALICE, "diploma", "ref-2") is None


async def test_a_deposit_put_again_is_the_new_one(store: Database) -> None:
    newer = replace(a_deposit(), reference="ref-2", mutation="2", withdrawn=True, modified=NOON)
    async with store.writing() as work:
        await work.deposits.put(a_deposit())
        await work.deposits.put(newer)
    async with store.reading() as work:
        assert await work.deposits.get(at("/diplomas/a")) == newer
        assert await work.deposits.by_reference(ALICE, "diploma", "ref-2") == newer
        assert await work.deposits.by_reference(ALICE, "diploma", "ref-1") is None


async def test_of_one_reference_in_two_places_the_last_delivered_is_found(store: Database) -> None:
    later = a_deposit("/diplomas/b", delivered=NOON + timedelta(days=1))
    async with store.writing() as work:
        await work.deposits.put(later)
        await work.deposits.put(a_deposit())
    async with store.reading() as work:
        assert await work.deposits.by_reference(ALICE, "diploma", "ref-1") == later


async def test_deposits_of_a_pod_come_by_path_and_by_type(store: Database) -> None:
    deposits = [a_deposit("/diplomas/b"), a_deposit("/wages/1", data_type="wage"), a_deposit("/diplomas/a")]
    async with store.writing() as work:
        for deposited in [*deposits, a_deposit("/diplomas/c", pod=BOB)]:
            await work.deposits.put(deposited)
    async with store.reading() as work:
        assert await work.deposits.for_pod(ALICE) == [deposits[2], deposits[0], deposits[1]]
        assert await work.deposits.for_pod(ALICE, data_type="wage") == [deposits[1]]
        assert await work.deposits.for_pod(ALICE, data_type="home") == []


async def test_deposits_of_a_pod_are_cleared_in_steps(store: Database) -> None:
    async with store.writing() as work:
        await work.deposits.put(a_deposit())
        await work.deposits.put(a_deposit(pod=BOB))
    for removed in (1, 0):
        async with store.writing() as work:
            assert await work.deposits.clear(ALICE, limit=1) == removed
    async with store.reading() as work:
        assert await work.deposits.for_pod(ALICE) == []
        assert await work.deposits.for_pod(BOB) == [a_deposit(pod=BOB)]
