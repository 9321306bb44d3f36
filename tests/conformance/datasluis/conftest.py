"""A vault without HTTP for the use cases, and a live server with organisations in it for the doors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.lock import Counter, counter_in
from tests.lock_live import lock, lock_server

__all__ = ["counter", "lock", "lock_server"]


@pytest.fixture
async def counter(tmp_path: Path) -> AsyncIterator[Counter]:
    async with counter_in(tmp_path / "data") as opened:
        yield opened
