"""This server as a client of another provider that proves itself by key (private_key_jwt, OpenID Connect Core §9): a
second Datakluis takes ours, also after a change of keys, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.browser import Browser
from tests.live import Live, serving
from tests.people import Person, Visitor
from tests.upstream import CLIENT, at, departed, path_of, second_datakluis, sign_in_there
from vault.identity.rotate import reload_keys, rotate_keys
from vault.ports import Vault
from vault.values import ClientId


@pytest.fixture(scope="module")
def north(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The provider; it looks for a key that it does not know whenever one is named."""
    with serving(tmp_path_factory.mktemp("north"), outbound={"negative_cache_seconds": 0}) as live:
        yield live


@pytest.fixture(scope="module")
def south(north: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with second_datakluis(tmp_path_factory.mktemp("south"), north, by_key=True) as live:
        yield live


@pytest.fixture
def alice(north: Live) -> Person:
    return north.people["alice"]


async def comes_in(near: Browser, far: Browser, person: Person) -> int:
    """Signs in there and comes back; the status of the page she sees then."""
    page = await near.open(await sign_in_there(far, await departed(near), person))
    assert page.status != 200 or path_of(page) == "/idp/upstream/welcome"
    return page.status


@pytest.mark.requirement("UP-12")
async def test_a_second_datakluis_takes_our_key_and_the_next_one(
    http: Visitor, north: Live, south: Live, alice: Person
) -> None:
    near, far = at(http, south), at(http, north)
    assert await comes_in(near, far, alice) == 200

    async def rotate(vault: Vault) -> str:
        before = vault.keys.key_id
        at_once = replace(vault.settings.identity, key_overlap_seconds=0)
        async with vault.writing() as work:
            await rotate_keys(work, settings=at_once, now=vault.clock())
        await reload_keys(vault.keys, vault.reading, now=vault.clock())
        assert vault.keys.key_id != before
        return before

    south.within(rotate)
    assert await comes_in(near, far, alice) == 200


@pytest.mark.requirement("UP-12", "VEC-K08")
async def test_by_a_key_that_is_not_ours_nobody_comes_in(
    http: Visitor, north: Live, south: Live, alice: Person
) -> None:
    near, far = at(http, south), at(http, north)

    async def know(vault: Vault, keys_at: str) -> None:
        async with vault.writing() as work:
            client = await work.clients.get(ClientId(CLIENT))
            assert client is not None
            await work.clients.put(replace(client, jwks_uri=keys_at))

    north.within(lambda vault: know(vault, f"{north.base_url}idp/jwks"))  # somebody else's keys
    try:
        assert await comes_in(near, far, alice) == 503
    finally:
        north.within(lambda vault: know(vault, f"{south.base_url}idp/jwks"))
    assert await comes_in(near, far, alice) == 200
