"""One store for each back end, and a second view of it such as another worker process has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contracts.stores import ALICE, BACK_ENDS, BOB, FixedClock, a_pod
from vault.storage.database import Database


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture(params=sorted(BACK_ENDS))
def back_end(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def empty_store(back_end: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Database]:
    opened = await BACK_ENDS[back_end](tmp_path / "data", clock)
    yield opened
    await opened.close()


@pytest.fixture
async def store(empty_store: Database) -> Database:
    """A store with the pods of Alice and Bob."""
    async with empty_store.writing() as work:
        await work.resources.add_pod(a_pod(ALICE))
        await work.resources.add_pod(a_pod(BOB))
    return empty_store


@pytest.fixture
async def elsewhere(store: Database, back_end: str, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Database]:
    """The same store, opened a second time."""
    opened = await BACK_ENDS[back_end](tmp_path / "data", clock)
    yield opened
    await opened.close()
