"""OP-14: registrations that nobody uses come to an end, but never under a consent or a live refresh token."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.contracts.stores import ALICE, NOON, a_client, a_refresh_token, an_account
from vault.audit import SERVER, AuditEvent
from vault.identity.accounts import Consent
from vault.identity.clients import Client
from vault.identity.register import forget_disused
from vault.storage.database import Database
from vault.values import AccountId, ClientId

ALICES = AccountId("account-alice")
LATER = NOON + timedelta(days=181)


def app(name: str, **changes: object) -> Client:
    return replace(a_client(), **{"id": ClientId(name), "dynamic": True, "account": None, "created": NOON, **changes})  # type: ignore[arg-type]


@pytest.fixture
async def clients(store: Database) -> Database:
    """Registrations in every state."""
    async with store.writing() as work:
        await work.accounts.add(an_account(ALICE))
        for client in (
            app("forgotten"),
            app("used-lately", last_used=LATER - timedelta(days=30)),
            app("consented"),
            app("refreshing"),
            app("refreshed-once"),
            app("by-the-operator", dynamic=False),
            app("a-machine", dynamic=True, account=ALICES),
            app("young", created=LATER - timedelta(days=1)),
        ):
            await work.clients.put(client)
        await work.clients.put_consent(Consent(ALICES, ClientId("consented"), frozenset(), NOON))
        for name, expires in (("refreshing", LATER + timedelta(days=1)), ("refreshed-once", LATER - timedelta(days=1))):
            token = replace(a_refresh_token(), client=ClientId(name), token_hash=name, family=name, expires=expires)
            await work.refresh_tokens.add(replace(token, account=ALICES))
    return store


async def names(store: Database) -> set[str]:
    async with store.reading() as work:
        found = [client.id for client in await work.clients.registered("", limit=1000)]
        machine = await work.clients.get(ClientId("a-machine"))
    return {*found, *([machine.id] if machine is not None else [])}


async def forget(store: Database, now: datetime) -> int:
    return await forget_disused(store.reading, store.writing, now=now)


@pytest.mark.requirement("OP-14")
async def test_only_what_nobody_uses_and_nothing_stands_on_is_forgotten(clients: Database) -> None:
    before = await names(clients)
    assert await forget(clients, NOON + timedelta(days=179)) == 0
    assert await names(clients) == before
    assert await forget(clients, LATER) == 2
    assert before - await names(clients) == {"forgotten", "refreshed-once"}
    assert await forget(clients, LATER) == 0
    async with clients.reading() as work:
        entries = await work.audit.entries(SERVER, after=0)
    ended = [(entry.event, entry.subject) for entry in entries]
    assert sorted(ended) == [(AuditEvent.CLIENT_REVOKED, name) for name in ("forgotten", "refreshed-once")]


@pytest.mark.requirement("OP-14")
async def test_registrations_are_looked_through_page_by_page(store: Database) -> None:
    async with store.writing() as work:
        for number in range(450):
            await work.clients.put(app(f"client-{number:03}", created=NOON if number % 2 else LATER))
    async with store.reading() as work:
        page = await work.clients.registered("client-099", limit=3)
        assert [client.id for client in page] == ["client-100", "client-101", "client-102"]
        assert not await work.clients.in_use(page[0].id, now=NOON)
    assert await forget(store, LATER) == 225
    assert len(await names(store)) == 225


async def test_refresh_token_is_looked_at_without_being_claimed(store: Database) -> None:
    async with store.writing() as work:
        await work.accounts.add(an_account(ALICE))
        token = replace(a_refresh_token(), account=ALICES)
        await work.refresh_tokens.add(token)
        assert await work.refresh_tokens.get(token.token_hash) == token
        assert await work.refresh_tokens.get(token.token_hash) == token
        assert await work.refresh_tokens.claim(token.token_hash) == token
        assert await work.refresh_tokens.get(token.token_hash) == replace(token, used=True)
        assert await work.refresh_tokens.get("another") is None
