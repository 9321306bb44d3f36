"""What the clock ends: unanswered requests and grants past their end, in batches."""

from __future__ import annotations

from dataclasses import replace

from tests.lock import DAY, LOTTE, NOON, Counter, a_question
from vault.audit import AuditEvent
from vault.datasluis.answer import pause_grant, revoke_grant
from vault.datasluis.grants import GrantState
from vault.datasluis.lapse import lapse
from vault.datasluis.requests import RequestState
from vault.values import GrantId


async def test_an_unanswered_request_lapses_with_its_line(counter: Counter) -> None:
    request = await counter.ask()
    counter.clock.now = request.lapses
    assert await lapse(counter.vault.writing, now=counter.clock()) == 1
    async with counter.vault.reading() as work:
        stored = await work.requests.get(request.id)
    assert stored is not None
    assert stored.state is RequestState.EXPIRED
    line = await counter.last()
    assert (line.event, line.actor, line.facts["organisation"]) == (AuditEvent.REQUEST_EXPIRED, "clock", "HR nv")


async def test_nothing_lapses_before_its_time_nor_twice(counter: Counter) -> None:
    await counter.ask()
    await counter.granted(days=5)
    assert await lapse(counter.vault.writing, now=counter.clock()) == 0
    counter.clock.move(days=40)
    assert await lapse(counter.vault.writing, now=counter.clock()) == 2
    assert await lapse(counter.vault.writing, now=counter.clock()) == 0


async def test_active_and_paused_grants_end_and_revoked_ones_stay_revoked(counter: Counter) -> None:
    active, paused, revoked = [await counter.granted(days=days) for days in (1, 2, 3)]
    await counter.move(pause_grant, paused.id)
    await counter.move(revoke_grant, revoked.id)
    counter.clock.move(days=10)
    assert await lapse(counter.vault.writing, now=counter.clock()) == 2
    states = [(await counter.stored(grant.id)).state for grant in (active, paused, revoked)]
    assert states == [GrantState.EXPIRED, GrantState.EXPIRED, GrantState.REVOKED]
    assert (await counter.stored(active.id)).ended == active.until
    assert (await counter.events()).count(AuditEvent.GRANT_EXPIRED) == 2


async def test_a_batch_is_bounded_and_the_rest_follows(counter: Counter) -> None:
    grant = await counter.granted(days=1)
    async with counter.vault.writing() as work:
        for number in range(24):
            await work.grants.add(replace(grant, id=GrantId(f"more-{number}")))
    counter.clock.move(days=2)
    assert await lapse(counter.vault.writing, now=counter.clock(), limit=10, batches=1) == 10
    assert await lapse(counter.vault.writing, now=counter.clock(), limit=10) == 15


async def test_a_request_that_was_answered_does_not_lapse(counter: Counter) -> None:
    request = await counter.ask(a_question(until=NOON + 5 * DAY))
    await counter.refuse(request.id)
    counter.clock.move(days=40)
    assert await lapse(counter.vault.writing, now=counter.clock()) == 0
    async with counter.vault.reading() as work:
        assert [one.state for one in await work.requests.for_pod(LOTTE)] == [RequestState.REFUSED]
