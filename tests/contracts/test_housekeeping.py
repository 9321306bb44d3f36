"""What has had its time is forgotten in bounded steps, and nothing before its time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.contracts.stores import NOON, a_code, a_refresh_token, a_session, an_account
from vault.config import IdentitySettings
from vault.storage.database import Database


@pytest.fixture
async def accounts(store: Database) -> Database:
    async with store.writing() as work:
        await work.accounts.add(an_account())
    return store


async def test_a_session_is_forgotten_when_it_was_idle_too_long(accounts: Database) -> None:
    lasting = IdentitySettings(session_idle_seconds=600, session_seconds=36_000)
    async with accounts.writing() as work:
        await work.sessions.add(a_session())
    assert await accounts.housekeeping(NOON + timedelta(seconds=600), identity=lasting) == 0
    assert await accounts.housekeeping(NOON + timedelta(seconds=601), identity=lasting) == 1
    async with accounts.reading() as work:
        assert await work.sessions.get("s1") is None


async def test_a_session_is_forgotten_at_its_end_however_busy(accounts: Database) -> None:
    lasting = IdentitySettings(session_idle_seconds=600, session_seconds=1000)
    async with accounts.writing() as work:
        await work.sessions.add(a_session())
        await work.sessions.replace(replace(a_session(), last_seen=NOON + timedelta(seconds=990)))
    assert await accounts.housekeeping(NOON + timedelta(seconds=1000), identity=lasting) == 0
    assert await accounts.housekeeping(NOON + timedelta(seconds=1001), identity=lasting) == 1


async def test_used_codes_and_tokens_stay_a_day_so_that_reuse_is_seen(accounts: Database) -> None:
    async with accounts.writing() as work:
        await work.codes.add(a_code(expires=NOON))
        await work.refresh_tokens.add(a_refresh_token(expires=NOON))
        await work.codes.claim("c1")
        await work.refresh_tokens.claim("t1")
    day = timedelta(days=1)
    assert await accounts.housekeeping(NOON + day) == 0
    async with accounts.writing() as work:
        code, token = await work.codes.claim("c1"), await work.refresh_tokens.claim("t1")
    assert code is not None
    assert code.used
    assert token is not None
    assert token.used
    assert await accounts.housekeeping(NOON + day + timedelta(seconds=1)) == 2
    async with accounts.writing() as work:
        assert await work.codes.claim("c1") is None
        assert await work.refresh_tokens.claim("t1") is None


async def test_each_visit_forgets_a_bounded_number_until_nothing_is_left(accounts: Database) -> None:
    async with accounts.writing() as work:
        for number in range(450):
            await work.codes.add(a_code(f"c{number}", expires=NOON))
    visits = []
    while gone := await accounts.housekeeping(NOON + timedelta(days=2)):
        visits.append(gone)
    assert sum(visits) == 450
    assert max(visits) < 450
