"""The memory of what was fetched: lifetimes, one load at a time, and bounds."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from vault.errors import Unauthenticated
from vault.outbound.caches import Cache


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def turn(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Source:
    """Something to load; counts how often it was."""

    def __init__(self) -> None:
        self.loads = 0
        self.broken = False
        self.slow = asyncio.Event()
        self.slow.set()

    async def load(self) -> str:
        self.loads += 1
        number = self.loads
        await self.slow.wait()
        if self.broken:
            raise Unauthenticated("broken")
        return f"answer {number}"


def cache(clock: Clock, most: int = 8) -> Cache[str]:
    return Cache(good_seconds=300, bad_seconds=15, clock=clock, most=most)


@pytest.mark.requirement("RS-10")
async def test_good_answers_last_minutes_and_failures_seconds() -> None:
    clock, source = Clock(), Source()
    memory = cache(clock)
    assert await memory.get("k", source.load) == "answer 1"
    clock.turn(299)
    assert await memory.get("k", source.load) == "answer 1"
    clock.turn(1)
    source.broken = True
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            await memory.get("k", source.load)
    assert source.loads == 2
    source.broken = False
    clock.turn(15)
    assert await memory.get("k", source.load) == "answer 3"


@pytest.mark.requirement("RS-10")
async def test_many_at_once_share_one_load_and_none_can_cancel_it() -> None:
    clock, source = Clock(), Source()
    memory = cache(clock)
    source.slow.clear()
    waiting = [asyncio.create_task(memory.get("k", source.load)) for _ in range(10)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    source.slow.set()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert answers[1:] == ["answer 1"] * 9
    assert source.loads == 1


@pytest.mark.requirement("VEC-T15")
async def test_renewal_happens_at_most_as_often_as_failures_are_retried() -> None:
    clock, source = Clock(), Source()
    memory = cache(clock)
    await memory.get("k", source.load)
    assert await memory.renew("k", source.load) == "answer 1"
    clock.turn(15)
    assert await memory.renew("k", source.load) == "answer 2"
    assert await memory.renew("k", source.load) == "answer 2"


@pytest.mark.requirement("VEC-T15", "RS-10")
async def test_renewal_that_fails_leaves_what_is_known_until_its_own_end() -> None:
    clock, source = Clock(), Source()
    memory = cache(clock)
    assert await memory.get("k", source.load) == "answer 1"
    clock.turn(15)
    source.broken = True
    for _ in range(3):
        assert await memory.renew("k", source.load) == "answer 1"
    assert source.loads == 2  # tried once, and not again at once
    clock.turn(284)
    assert await memory.get("k", source.load) == "answer 1"
    clock.turn(1)
    with pytest.raises(Unauthenticated):
        await memory.get("k", source.load)


async def test_memory_is_bounded() -> None:
    clock, source = Clock(), Source()
    memory = cache(clock, most=3)
    for key in "abcd":
        await memory.get(key, source.load)
    await memory.get("d", source.load)
    assert source.loads == 4
    await memory.get("a", source.load)
    assert source.loads == 5


async def test_refusal_is_a_fresh_one_each_time() -> None:
    clock, source = Clock(), Source()
    memory, seen = cache(clock), []
    source.broken = True
    for _ in range(3):
        with pytest.raises(Unauthenticated) as refusal:
            await memory.get("k", source.load)
        seen.append(refusal.value)
    assert len({id(each) for each in seen}) == 3
    assert {each.reason for each in seen} == {"broken"}


async def test_what_is_forgotten_is_loaded_anew_and_nothing_else() -> None:
    clock, source = Clock(), Source()
    memory = cache(clock)
    assert await memory.get("alice app 1", source.load) == "answer 1"
    assert await memory.get("alice app2 1", source.load) == "answer 2"
    memory.forget("alice app ")
    assert await memory.get("alice app2 1", source.load) == "answer 2"
    assert await memory.get("alice app 1", source.load) == "answer 3"


async def test_a_load_under_way_while_it_was_forgotten_is_not_remembered() -> None:
    clock, source = Clock(), Source()
    memory = cache(clock)
    source.slow.clear()
    early = asyncio.create_task(memory.get("k", source.load))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    memory.forget("k")
    late = asyncio.create_task(memory.get("k", source.load))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    source.slow.set()
    assert (await early, await late) == ("answer 1", "answer 2")
    assert await memory.get("k", source.load) == "answer 2"
