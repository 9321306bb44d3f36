"""`Replays` and `Tries`: shared by all workers, outside every transaction."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.contracts.stores import NOON, FixedClock
from vault.storage.database import Database

LATER = NOON + timedelta(minutes=4)


@pytest.mark.requirement("RS-6")
async def test_a_proof_is_claimed_once(store: Database) -> None:
    assert await store.replays.claim("jti-1", until=LATER)
    assert not await store.replays.claim("jti-1", until=LATER)
    assert await store.replays.claim("jti-2", until=LATER)


@pytest.mark.requirement("VEC-P38")
async def test_a_proof_claimed_by_one_worker_is_seen_by_the_next(store: Database, elsewhere: Database) -> None:
    assert await store.replays.claim("jti-1", until=LATER)
    assert not await elsewhere.replays.claim("jti-1", until=LATER + timedelta(minutes=1))


@pytest.mark.requirement("VEC-P39")
async def test_of_many_claims_at_once_exactly_one_passes(store: Database, elsewhere: Database) -> None:
    for number in range(20):
        claims = (where.replays.claim(f"jti-{number}", until=LATER) for where in (store, elsewhere) * 5)
        assert sorted(await asyncio.gather(*claims)) == [False] * 9 + [True]


@pytest.mark.requirement("VEC-P39")
async def test_claims_made_together_are_answered_each_for_itself(store: Database, elsewhere: Database) -> None:
    """Those of one turn of the event loop share a transaction, also with somebody who does not wait for his answer."""
    assert await store.replays.claim("seen", until=LATER)
    asked = ["seen", "new", "new", "other", "seen", "given up"]
    claims = [asyncio.create_task(store.replays.claim(proof, until=LATER)) for proof in asked]
    await asyncio.sleep(0)
    claims[-1].cancel()
    found = await asyncio.gather(*claims, return_exceptions=True)
    assert found[:-1] == [False, True, False, True, False]
    assert isinstance(found[-1], asyncio.CancelledError)
    assert [await elsewhere.replays.claim(proof, until=LATER) for proof in asked] == [False] * 6


async def test_a_proof_id_of_any_characters_and_length_is_claimed(store: Database) -> None:
    for odd in ("", "é" * 256, "x" * 100_000, "a\x00b", "\ud800", "' OR 1=1"):
        assert await store.replays.claim(odd, until=LATER)
        assert not await store.replays.claim(odd, until=LATER)
    assert await store.replays.claim("a\x00c", until=LATER)


async def test_a_claim_stands_although_the_transaction_around_it_failed(store: Database) -> None:
    async def claim_and_fail() -> None:
        async with store.writing():
            await store.replays.claim("jti-1", until=LATER)
            raise LookupError

    with pytest.raises(LookupError):
        await claim_and_fail()
    assert not await store.replays.claim("jti-1", until=LATER)


@pytest.mark.requirement("ATK-18")
async def test_a_proof_is_remembered_to_the_end_of_its_time_and_then_forgotten(
    store: Database, clock: FixedClock
) -> None:
    await store.replays.claim("jti-1", until=LATER)
    await store.housekeeping(LATER)
    assert not await store.replays.claim("jti-1", until=LATER)
    await store.housekeeping(LATER + timedelta(seconds=1))
    assert await store.replays.claim("jti-1", until=LATER)


async def test_of_many_proofs_those_are_forgotten_whose_time_is_over(store: Database) -> None:
    for number in range(300):
        await store.replays.claim(f"old-{number}", until=NOON)
        await store.replays.claim(f"new-{number}", until=LATER)
    now = NOON + timedelta(seconds=1)
    rounds = [await store.replays.forget(now, limit=70) for _ in range(12)]
    assert sum(rounds) == 300
    assert max(rounds) <= 71
    assert await store.replays.forget(now, limit=1000) == 0
    for number in range(300):
        assert await store.replays.claim(f"old-{number}", until=LATER)
        assert not await store.replays.claim(f"new-{number}", until=LATER)


async def test_tries_are_counted_by_key_within_the_window(store: Database, elsewhere: Database) -> None:
    for seconds in (0, 100, 290):
        await store.tries.add("alice@example.org", now=NOON + timedelta(seconds=seconds))
    await elsewhere.tries.add("192.0.2.1", now=NOON)
    now = NOON + timedelta(seconds=300)
    assert await elsewhere.tries.count("alice@example.org", window_seconds=300, now=now) == 2
    assert await store.tries.count("alice@example.org", window_seconds=301, now=now) == 3
    assert await store.tries.count("192.0.2.1", window_seconds=400, now=now) == 1
    assert await store.tries.count("192.0.2.2", window_seconds=400, now=now) == 0


async def test_cleared_tries_are_those_of_one_key(store: Database) -> None:
    for key in ("a", "a", "b"):
        await store.tries.add(key, now=NOON)
    await store.tries.clear("a")
    assert await store.tries.count("a", window_seconds=60, now=NOON) == 0
    assert await store.tries.count("b", window_seconds=60, now=NOON) == 1


async def test_tries_of_yesterday_are_forgotten(store: Database) -> None:
    await store.tries.add("a", now=NOON)
    await store.tries.add("a", now=NOON + timedelta(hours=2))
    now = NOON + timedelta(hours=25)
    assert await store.housekeeping(now) == 1
    assert await store.tries.count("a", window_seconds=10**6, now=now) == 1
