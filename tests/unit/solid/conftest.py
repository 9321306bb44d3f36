"""A store with Alice's pod in it, and a hand to use it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.solid.hands import ALICE, BASE, NOON, OWNER, Hand
from vault.config import StorageSettings
from vault.solid.provision import create_pod
from vault.storage.database import Database


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncIterator[Database]:
    store = await Database.open(StorageSettings(data=tmp_path / "data"), clock=lambda: NOON)
    yield store
    await store.close()


@pytest.fixture
async def hand(empty: Database) -> Hand:
    """Alice's new pod, and a hand in it."""
    async with empty.writing() as work:
        await create_pod(
            work,
            name=ALICE,
            owner=OWNER,
            display_name='Alice "A." Peeters\\',
            issuer=BASE,
            base_url=BASE,
            quota_bytes=100_000,
            now=NOON,
        )
    return Hand(empty)
