"""`AuditLog` and `Outbox`: one chain per pod, without a gap, and notices in the order of their commits."""

from __future__ import annotations

import asyncio
from datetime import timedelta, timezone

import pytest

from tests.contracts.stores import ALICE, BOB, NOON, FixedClock, an_act, rows_of
from vault.audit import GENESIS, SERVER, AuditEntry, Intact, link, verify_chain
from vault.storage.database import Database
from vault.values import Notice, PodName


async def _append(store: Database, *subjects: str, pod: PodName = ALICE) -> list[AuditEntry]:
    async with store.writing() as work:
        return [await work.audit.append(an_act(subject, pod=pod)) for subject in subjects]


@pytest.mark.requirement("UX-21")
async def test_entries_link_into_a_chain_that_verifies(store: Database) -> None:
    written = await _append(store, "/a", "/b") + await _append(store, "/c")
    assert [entry.number for entry in written] == [1, 2, 3]
    assert written[0].previous == GENESIS
    async with store.reading() as work:
        found = await work.audit.entries(ALICE)
    assert found == written
    assert verify_chain(found) == Intact(3, written[-1].digest)


async def test_an_entry_is_what_link_makes_of_the_draft(store: Database) -> None:
    moment = NOON.astimezone(timezone(timedelta(hours=2))) + timedelta(microseconds=123_457)
    draft = an_act("/é", when=moment, zebra="1", aap="noot ✓")
    async with store.writing() as work:
        written = await work.audit.append(draft)
    assert written == link(draft, number=1, previous=GENESIS)
    async with store.reading() as work:
        assert await work.audit.entries(ALICE) == [written]
        assert verify_chain(await work.audit.entries(ALICE)) == Intact(1, written.digest)


async def test_each_pod_and_the_server_have_a_chain_of_their_own(store: Database) -> None:
    await _append(store, "/a1", "/a2")
    await _append(store, "/b1", pod=BOB)
    await _append(store, "operator", pod=SERVER)
    async with store.reading() as work:
        assert await work.audit.pods() == [SERVER, ALICE, BOB]
        assert [entry.subject for entry in await work.audit.entries(BOB)] == ["/b1"]
        assert (await work.audit.entries(SERVER))[0].previous == GENESIS
        assert await work.audit.entries(PodName("nobody")) == []


async def test_before_the_first_act_there_is_no_chain(store: Database) -> None:
    async with store.reading() as work:
        assert await work.audit.pods() == []


async def test_entries_come_in_pages_from_either_end(store: Database) -> None:
    await _append(store, *(f"/{number}" for number in range(1, 8)))
    async with store.reading() as work:

        async def numbers(after: int, limit: int, newest_first: bool) -> list[int]:
            entries = await work.audit.entries(ALICE, after=after, limit=limit, newest_first=newest_first)
            return [entry.number for entry in entries]

        assert await numbers(0, 3, False) == [1, 2, 3]
        assert await numbers(3, 3, False) == [4, 5, 6]
        assert await numbers(6, 3, False) == [7]
        assert await numbers(7, 3, False) == []
        assert await numbers(0, 3, True) == [7, 6, 5]
        assert await numbers(5, 3, True) == [4, 3, 2]
        assert await numbers(2, 3, True) == [1]
        assert await numbers(1, 3, True) == []


async def test_a_rolled_back_entry_leaves_no_gap(store: Database) -> None:
    await _append(store, "/a")

    async def append_and_fail() -> None:
        async with store.writing() as work:
            await work.audit.append(an_act("/never"))
            raise LookupError

    with pytest.raises(LookupError):
        await append_and_fail()
    await _append(store, "/b")
    async with store.reading() as work:
        entries = await work.audit.entries(ALICE)
    assert [entry.subject for entry in entries] == ["/a", "/b"]
    assert isinstance(verify_chain(entries), Intact)


@pytest.mark.requirement("UX-21")
async def test_many_writers_in_two_workers_keep_one_chain(store: Database, elsewhere: Database) -> None:
    wheres = (store, elsewhere) * 50
    await asyncio.gather(*(_append(where, f"/{number}") for number, where in enumerate(wheres)))
    async with store.reading() as work:
        entries = await work.audit.entries(ALICE)
    assert sorted(entry.subject for entry in entries) == sorted(f"/{number}" for number in range(100))
    assert isinstance(verify_chain(entries), Intact)
    assert [entry.number for entry in entries] == list(range(1, 101))


async def test_notices_are_appended_inside_the_transaction(store: Database) -> None:
    notice = Notice(
        "https://vault.example/alice/a", "Create", NOON, target="https://vault.example/alice/", state="1-ttl"
    )
    bare = Notice("https://vault.example/alice/b", "Delete", NOON)
    async with store.writing() as work:
        await work.outbox.append(ALICE, notice)
        await work.outbox.append(ALICE, bare)

    async def append_and_fail() -> None:
        async with store.writing() as work:
            await work.outbox.append(ALICE, notice)
            raise LookupError

    with pytest.raises(LookupError):
        await append_and_fail()
    week = NOON + timedelta(days=7)
    assert await store.housekeeping(week) == 0
    assert await store.housekeeping(week + timedelta(seconds=1)) == 2


async def test_notices_number_upward_even_when_all_older_ones_are_gone(
    store: Database, elsewhere: Database, clock: FixedClock
) -> None:
    async def append_and_see(where: Database) -> list[int]:
        async with where.writing() as work:
            await work.outbox.append(ALICE, Notice("https://vault.example/alice/a", "Update", clock()))
        return [row[0] for row in await rows_of(where, "SELECT number FROM outbox ORDER BY number")]

    first = await append_and_see(store)
    both = await append_and_see(elsewhere)
    assert len(both) == 2
    assert both[0] == first[0] < both[1]
    clock.move(days=8)
    assert await store.housekeeping(clock()) == 2
    last = await append_and_see(store)
    assert len(last) == 1
    assert last[0] > both[1]


async def test_two_notices_appended_together_come_one_after_the_other(
    store: Database, elsewhere: Database, clock: FixedClock
) -> None:
    """On a clock that stands still, behind a clock that ran ahead, and where nothing is left of what was before."""

    async def append_both(where: Database) -> None:
        async with where.writing() as work:
            first = Notice("https://vault.example/alice/a", "Create", clock(), None, "1-ttl")
            second = Notice("https://vault.example/alice/a", "Add", clock(), "https://vault.example/alice/")
            await work.outbox.append(ALICE, first, second)

    asked = "SELECT number, kind, target, state FROM outbox ORDER BY number"
    for where in (store, elsewhere, store):
        await append_both(where)
    clock.move(seconds=-60)
    await append_both(elsewhere)
    clock.move(days=8)
    await append_both(store)
    rows = await rows_of(store, asked)
    assert [row[1] for row in rows] == ["Create", "Add"] * 5
    assert len({row[0] for row in rows}) == 10
    assert rows[0][2:] == (None, "1-ttl")
    assert rows[1][2:] == ("https://vault.example/alice/", None)
    assert await store.housekeeping(clock()) == 8
    await append_both(elsewhere)
    assert [row[1] for row in await rows_of(store, asked)] == ["Create", "Add"] * 2
