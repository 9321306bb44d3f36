"""`reading()` and `writing()`: isolation, order, one fate for each writer, and nothing lost by walking away."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.contracts.stores import ALICE, an_act, at, bytes_at, put
from vault.audit import Intact, verify_chain
from vault.errors import Conflict, Unavailable
from vault.ports import Work
from vault.storage.database import Database


@asynccontextmanager
async def held(store: Database) -> AsyncIterator[None]:
    """Somebody has the turn to write until the block ends: who writes inside the block stands in the line."""
    has_turn, done = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with store.writing():
            has_turn.set()
            await done.wait()

    holder = asyncio.create_task(hold())
    await has_turn.wait()
    try:
        yield
    finally:
        done.set()
        await holder


async def settle() -> None:
    """Lets every task go as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def add_one(work: Work, path: str = "/count") -> int:
    number = int(await bytes_at(work, path) or b"0") + 1
    await put(work, path, str(number).encode())
    return number


async def test_a_reader_sees_nothing_of_a_writer_that_is_not_done(store: Database, elsewhere: Database) -> None:
    async with store.writing() as work:
        await put(work, "/a", b"old")
    async with store.writing() as work:
        await put(work, "/a", b"new")
        await put(work, "/b")
        for where in (store, elsewhere):
            async with where.reading() as other:
                assert await bytes_at(other, "/a") == b"old"
                assert await other.resources.get(at("/b")) is None
    for where in (store, elsewhere):
        async with where.reading() as other:
            assert await bytes_at(other, "/a") == b"new"


async def test_a_reader_keeps_the_state_it_began_with(store: Database, elsewhere: Database) -> None:
    async with store.writing() as work:
        await put(work, "/a", b"old")
    async with store.reading() as reader:
        assert await bytes_at(reader, "/a") == b"old"
        async with elsewhere.writing() as work:
            await put(work, "/a", b"new")
            await put(work, "/b")
        assert await reader.resources.get(at("/b")) is None
        assert await bytes_at(reader, "/a") == b"old"


async def test_reading_waits_for_no_writer(store: Database) -> None:
    async with held(store), asyncio.timeout(1), store.reading() as work:
        assert await work.resources.pod(ALICE) is not None


async def test_what_is_acknowledged_is_seen_by_everybody(store: Database, elsewhere: Database) -> None:
    for number in range(20):
        async with store.writing() as work:
            await put(work, "/a", str(number).encode())
        async with elsewhere.reading() as work:
            assert await bytes_at(work, "/a") == str(number).encode()


async def test_an_error_undoes_everything_its_writer_did(store: Database) -> None:
    async def write_and_fail() -> None:
        async with store.writing() as work:
            await put(work, "/a")
            await work.audit.append(an_act("/a"))
            raise Conflict("on-purpose")

    with pytest.raises(Conflict):
        await write_and_fail()
    async with store.reading() as work:
        assert await work.resources.get(at("/a")) is None
        assert await work.audit.entries(ALICE) == []


async def test_a_failing_writer_leaves_its_neighbours_in_the_batch(store: Database) -> None:
    async def write(number: int) -> bool:
        try:
            async with store.writing() as work:
                await put(work, f"/{number}")
                await work.audit.append(an_act(f"/{number}"))
                if number % 3 == 0:
                    raise Conflict("on-purpose")
        except Conflict:
            return False
        return True

    async with held(store):
        writers = [asyncio.create_task(write(number)) for number in range(60)]
        await settle()
    assert await asyncio.gather(*writers) == [number % 3 != 0 for number in range(60)]
    async with store.reading() as work:
        there = [number for number in range(60) if await work.resources.get(at(f"/{number}")) is not None]
        entries = await work.audit.entries(ALICE)
    assert there == [number for number in range(60) if number % 3]
    assert [entry.subject for entry in entries] == [f"/{number}" for number in there]
    assert isinstance(verify_chain(entries), Intact)


async def test_writers_have_their_turn_in_the_order_they_came(store: Database) -> None:
    order: list[int] = []

    async def write(number: int) -> None:
        async with store.writing() as work:
            order.append(number)
            await asyncio.sleep(0)
            await put(work, "/a")

    async with held(store):
        writers = []
        for number in range(30):
            writers.append(asyncio.create_task(write(number)))
            await asyncio.sleep(0)
    await asyncio.gather(*writers)
    assert order == list(range(30))


async def test_only_one_writer_at_a_time_is_inside(store: Database, elsewhere: Database) -> None:
    inside = 0

    async def write(where: Database) -> int:
        nonlocal inside
        async with where.writing() as work:
            inside += 1
            assert inside == 1
            await asyncio.sleep(0)
            number = await add_one(work)
            await asyncio.sleep(0)
            inside -= 1
        return number

    numbers = await asyncio.gather(*(write(where) for where in (store, elsewhere) * 60))
    assert sorted(numbers) == list(range(1, 121))


async def test_no_update_is_lost_between_many_writers(store: Database, elsewhere: Database) -> None:
    async def write(where: Database) -> None:
        for _ in range(10):
            async with where.writing() as work:
                await add_one(work)

    await asyncio.gather(*(write(where) for where in (store, elsewhere) * 10))
    async with elsewhere.reading() as work:
        assert await bytes_at(work, "/count") == b"200"


async def test_a_transaction_that_is_over_answers_nothing(store: Database) -> None:
    async with store.reading() as reader:
        pass
    async with store.writing() as writer:
        pass
    for over in (reader, writer):
        with pytest.raises(RuntimeError):
            await over.resources.get(at("/a"))
    with pytest.raises(RuntimeError):
        await put(writer, "/a")


async def test_a_writer_that_waits_may_walk_away(store: Database) -> None:
    async def write(path: str) -> None:
        async with store.writing() as work:
            await put(work, path)

    async with held(store):
        first, leaving, last = (asyncio.create_task(write(path)) for path in ("/first", "/leaving", "/last"))
        await settle()
        leaving.cancel()
    await asyncio.gather(first, last)
    with pytest.raises(asyncio.CancelledError):
        await leaving
    async with store.reading() as work:
        found = [await work.resources.get(at(path)) is not None for path in ("/first", "/leaving", "/last")]
    assert found == [True, False, True]


async def test_a_writer_cancelled_inside_is_undone_and_the_next_goes_on(store: Database) -> None:
    inside = asyncio.Event()

    async def write_for_ever() -> None:
        async with store.writing() as work:
            await put(work, "/a")
            inside.set()
            await asyncio.sleep(60)

    writer = asyncio.create_task(write_for_ever())
    await inside.wait()
    writer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writer
    async with asyncio.timeout(2), store.writing() as work:
        assert await work.resources.get(at("/a")) is None
        await put(work, "/b")


async def test_a_writer_cancelled_while_it_waits_for_the_disk_harms_nobody(store: Database) -> None:
    done = asyncio.Event()

    async def write(path: str) -> None:
        async with store.writing() as work:
            await put(work, path)
            done.set()

    first = asyncio.create_task(write("/first"))
    await done.wait()  # its commit has begun, and this runs before anybody can hear of its end
    first.cancel()
    await write("/second")
    with pytest.raises(asyncio.CancelledError):
        await first
    async with store.reading() as work:
        assert await work.resources.get(at("/second")) is not None
    async with asyncio.timeout(2), store.writing() as work:
        await put(work, "/third")


async def test_a_storm_of_cancellations_loses_nothing_that_was_acknowledged(
    store: Database, elsewhere: Database
) -> None:
    chance = random.Random(20261124)

    async def write(where: Database, number: int) -> int:
        async with where.writing() as work:
            await put(work, f"/{number}", str(number).encode())
            if number % 4 == 0:
                await asyncio.sleep(0)
            await work.audit.append(an_act(f"/{number}"))
        return number

    acknowledged: set[int] = set()
    for round_ in range(10):
        numbers = range(round_ * 40, round_ * 40 + 40)
        wheres = (store, elsewhere)
        tasks = [asyncio.create_task(write(wheres[number % 2], number)) for number in numbers]
        for _ in range(25):
            await asyncio.sleep(0 if chance.random() < 0.7 else 0.001)
            chance.choice(tasks).cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(result) for result in results} <= {int, asyncio.CancelledError}
        acknowledged |= {result for result in results if isinstance(result, int)}
    async with asyncio.timeout(5), elsewhere.writing() as work:
        await put(work, "/after")
    async with store.reading() as work:
        entries = await work.audit.entries(ALICE)
        there = {number for number in range(400) if await bytes_at(work, f"/{number}") == str(number).encode()}
    assert acknowledged
    assert acknowledged <= there
    assert isinstance(verify_chain(entries), Intact)
    assert {entry.subject for entry in entries} == {f"/{number}" for number in there}


async def test_more_readers_than_there_are_connections_wait_for_one(store: Database) -> None:
    most = 0
    inside = 0

    async def read() -> bool:
        nonlocal inside, most
        async with store.reading() as work:
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.002)
            inside -= 1
            return await work.resources.pod(ALICE) is not None

    readers = [asyncio.create_task(read()) for _ in range(200)]
    await asyncio.sleep(0)
    for reader in readers[150:170]:
        reader.cancel()
    results = await asyncio.gather(*readers, return_exceptions=True)
    assert results.count(True) == 180
    assert 2 <= most <= 64
    async with asyncio.timeout(2), store.reading() as work:
        assert await work.resources.pod(ALICE) is not None


async def test_closing_lets_what_has_begun_finish_and_refuses_the_rest(store: Database, elsewhere: Database) -> None:
    async def write() -> None:
        async with store.writing() as work:
            await put(work, "/begun")

    async with held(store):
        begun = asyncio.create_task(write())
        await settle()
        closing = asyncio.create_task(store.close())
        await settle()
        with pytest.raises(Unavailable):
            async with store.writing():
                raise AssertionError("a writer came in after the close")
        with pytest.raises(Unavailable):
            async with store.reading():
                raise AssertionError("a reader came in after the close")
        assert not closing.done()
    await asyncio.gather(begun, closing)
    async with elsewhere.reading() as work:
        assert await work.resources.get(at("/begun")) is not None


async def test_closing_waits_for_a_reader(store: Database) -> None:
    async with store.reading() as work:
        closing = asyncio.create_task(store.close())
        await settle()
        assert not closing.done()
        assert await work.resources.pod(ALICE) is not None
    await asyncio.wait_for(closing, 2)


async def test_ready_says_whether_a_write_reaches_the_disk(store: Database) -> None:
    assert await store.ready()
    assert await store.ready()
    await store.close()
    await asyncio.sleep(1.05)
    assert not await store.ready()
