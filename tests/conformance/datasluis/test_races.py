"""Several windows, several processes: exactly one decision wins, and a revocation bites between two reads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from tests.lock import DIPLOMA, LOTTE, Counter
from vault.audit import AuditEvent
from vault.datasluis.answer import pause_grant, resume_grant, revoke_grant
from vault.datasluis.grants import GrantState
from vault.datasluis.read import View, Withheld
from vault.datasluis.requests import RequestState
from vault.errors import Conflict

_DECISIONS = {
    AuditEvent.GRANT_ISSUED: RequestState.APPROVED,
    AuditEvent.REQUEST_REFUSED: RequestState.REFUSED,
    AuditEvent.REQUEST_WITHDRAWN: RequestState.WITHDRAWN,
}


async def _at_once(*acts: Awaitable[object]) -> tuple[list[object], list[BaseException]]:
    done = await asyncio.gather(*acts, return_exceptions=True)
    failed = [one for one in done if isinstance(one, BaseException)]
    return [one for one in done if not isinstance(one, BaseException)], failed


@pytest.mark.parametrize("turn", range(6))
async def test_approve_refuse_and_withdraw_at_once_and_exactly_one_wins(counter: Counter, turn: int) -> None:
    request = await counter.ask()
    acts: list[Awaitable[object]] = [
        counter.approve(request),
        counter.refuse(request.id),
        counter.withdraw(request.id),
        counter.approve(request),
    ]
    won, lost = await _at_once(*acts[turn % 4 :], *acts[: turn % 4])
    assert len(won) == 1
    assert all(isinstance(one, Conflict) for one in lost)
    events = [event for event in await counter.events() if event in _DECISIONS]
    async with counter.vault.reading() as work:
        stored = await work.requests.get(request.id)
        grants = await work.grants.for_pod(LOTTE)
    assert stored is not None
    assert [_DECISIONS[event] for event in events] == [stored.state]
    assert len(grants) == (stored.state is RequestState.APPROVED)


async def test_the_same_request_decided_in_two_windows_makes_one_grant(counter: Counter) -> None:
    request = await counter.ask()
    won, lost = await _at_once(*(counter.approve(request) for _ in range(8)))
    assert (len(won), len(lost)) == (1, 7)


@pytest.mark.requirement("UX-15", "ATK-25")
async def test_no_read_succeeds_after_the_revocation_has_answered(counter: Counter) -> None:
    """Readers never stop while the citizen revokes: the log has reads, the revocation, and refusals only after it."""
    grant = await counter.granted()
    stop = asyncio.Event()

    async def reader() -> list[type]:
        outcomes = []
        while not stop.is_set():
            outcomes.append(type(await counter.look(grant)))
            await asyncio.sleep(0)
        return outcomes

    readers = [asyncio.create_task(reader()) for _ in range(4)]
    await asyncio.sleep(0.2)
    await counter.move(revoke_grant, grant.id)
    after = [type(await counter.look(grant)) for _ in range(5)]
    stop.set()
    outcomes = [one for task in readers for one in await task]
    assert after == [Withheld] * 5
    assert View in outcomes
    events = await counter.events()
    revoked = events.index(AuditEvent.GRANT_REVOKED)
    assert AuditEvent.GRANT_READ not in events[revoked:]
    assert AuditEvent.GRANT_READ_REFUSED not in events[:revoked]
    assert (await counter.stored(grant.id)).reads == events.count(AuditEvent.GRANT_READ) == outcomes.count(View)


async def test_as_many_lines_as_reads_when_many_read_at_once(counter: Counter) -> None:
    grant = await counter.granted()
    won, lost = await _at_once(*(counter.look(grant) for _ in range(20)))
    assert (len(won), lost) == (20, [])
    assert (await counter.events()).count(AuditEvent.GRANT_READ) == 20
    assert (await counter.stored(grant.id)).reads == 20


async def test_pause_resume_and_revoke_at_once_end_in_one_of_the_orders_they_could_have_had(counter: Counter) -> None:
    grant = await counter.granted()
    await _at_once(
        counter.move(pause_grant, grant.id),
        counter.move(resume_grant, grant.id),
        counter.move(revoke_grant, grant.id),
        counter.move(pause_grant, grant.id),
    )
    assert (await counter.stored(grant.id)).state is GrantState.REVOKED
    assert await counter.refused(grant) == "grant-revoked"


async def test_the_document_changes_while_it_is_read_and_the_view_is_one_of_the_two(counter: Counter) -> None:
    grant = await counter.granted("title")

    async def writer() -> None:
        for number in range(20):
            await counter.write("diploma", body=DIPLOMA.replace("Master", f"Master{number}"), delivered=True)

    writing = asyncio.create_task(writer())
    views = [await counter.look(grant) for _ in range(10)]
    await writing
    digests = [entry.facts["digest"] for entry in await counter.log() if entry.event is AuditEvent.GRANT_READ]
    assert [view.digest for view in views if isinstance(view, View)] == digests
    assert len(digests) == 10
