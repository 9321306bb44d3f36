"""Signing out where one came from (OpenID Connect RP-Initiated Logout 1.0): offered, never forced, and back again."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.browser import App, Browser, register, returned
from tests.live import Live
from tests.people import Answer, Person, Visitor
from tests.upstream import (
    CLIENT,
    NAME,
    SIGNED_OUT_THERE,
    FarAndNear,
    Forged,
    at,
    departed,
    forged_upstream,
    is_signed_in,
    path_of,
    query,
    second_datakluis,
    session_of,
    sign_in_there,
)
from vault.identity.accounts import hash_password
from vault.ports import Vault
from vault.values import PodName, Secret

THERE = "/idp/upstream/sign-out"


@pytest.fixture(scope="module")
def south(server: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A second Datakluis, whose people may come from the first."""
    with second_datakluis(tmp_path_factory.mktemp("south"), server) as live:
        yield live


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("leaving")


@pytest.fixture(scope="module")
def place(folder: Path) -> Iterator[FarAndNear]:
    with forged_upstream(folder) as found:
        yield found


@pytest.fixture
def far(place: FarAndNear) -> Forged:
    place.far.configure(end_session_endpoint=f"{place.far.issuer}/leave?tenant=1")
    return place.far


@pytest.fixture
def near(http: Visitor, place: FarAndNear) -> Browser:
    return at(http, place.near)


async def come_in(near: Browser, callback: str) -> str:
    """Somebody comes back from the provider, and opens a vault where she has none; its name."""
    name = f"new-{secrets.token_hex(4)}"
    page = await near.open(callback)
    if path_of(page) == "/idp/upstream/welcome":
        email = f"{name}@people.example"
        page = await near.submit(page, "/idp/upstream/welcome", name="Nele Nieuw", email=email, pod=name)
    assert await is_signed_in(near), page.text
    return name


async def let_in(app: App, near: Browser) -> str:
    """Says yes to an app, if she is asked; the code it gets."""
    page = await near.open(app.authorization_url())
    if page.status == 200:
        page = await near.submit(page, "/idp/consent", [("reach", "whole")], press="allow")
    return returned(page, app.redirect_uri)["code"]


async def leave(near: Browser) -> Answer:
    """Presses "sign out"; the page after it."""
    page = await near.submit(await near.open("/my/account"), "/idp/logout")
    assert path_of(page) == "/idp/signed-out"
    assert not await is_signed_in(near)
    return page


@pytest.mark.requirement("UP-13")
async def test_who_came_from_another_datakluis_signs_out_there_too_and_comes_back(
    http: Visitor, server: Live, south: Live, alice: Person
) -> None:
    near, far = at(http, south), at(http, server)
    await come_in(near, await sign_in_there(far, await departed(near), alice))
    page = await leave(near)
    assert f'href="{THERE}"' in page.text
    assert await is_signed_in(far)  # an offer, and no more
    location = await departed(near, THERE)
    assert location.startswith(f"{server.base_url}idp/end-session?")
    assert query(location) == {
        "client_id": CLIENT,
        "post_logout_redirect_uri": south.base_url + SIGNED_OUT_THERE[1:],
        "state": query(location)["state"],
        "ui_locales": "en",
    }
    question = await far.open(location)
    assert await is_signed_in(far)  # it asks, because we prove nothing about her
    answer = await far.submit(question, "/idp/end-session", follow=False)
    assert not await is_signed_in(far)
    back = answer.headers["Location"]
    assert back.startswith(south.base_url + SIGNED_OUT_THERE[1:])
    page = await near.open(back)
    assert "You are signed out of Datakluis Noord too." in page.text
    # And whoever sits down here next is asked there who she is.
    page = await far.open(await departed(near))
    assert 'action="/idp/login"' in page.text


@pytest.mark.requirement("UP-13")
async def test_that_she_was_signed_out_there_is_said_to_whom_we_sent_and_nobody_else(
    http: Visitor, near: Browser, far: Forged, place: FarAndNear
) -> None:
    state = query(await departed(near, THERE))["state"]
    done = f"You are signed out of {NAME} too."
    assert done in (await near.open(f"{SIGNED_OUT_THERE}?state={state}")).text
    other = at(http, place.near)
    await other.open("/idp/login")
    for browser, path in (
        (other, f"{SIGNED_OUT_THERE}?state={state}"),
        (near, SIGNED_OUT_THERE),
        (near, f"{SIGNED_OUT_THERE}?state={state}0"),
        (near, "/idp/signed-out"),
    ):
        page = await browser.open(path)
        assert (page.status, done in page.text, "You are signed out" in page.text) == (200, False, True)


@pytest.mark.requirement("UP-13")
async def test_an_endpoint_with_a_query_of_its_own_keeps_it(near: Browser, far: Forged) -> None:
    location = await departed(near, THERE)
    assert location.startswith(f"{far.issuer}/leave?tenant=1&client_id=")
    assert "id_token_hint" not in location


@pytest.mark.requirement("UP-13")
async def test_every_way_out_offers_it_and_a_password_in_between_forgets_nothing(
    near: Browser, far: Forged, place: FarAndNear
) -> None:
    person = await come_in(near, far.back(await departed(near), sub="sub-ways"))
    assert session_of(place.near, near).issuer == far.issuer
    assert f'href="{THERE}"' in (await leave(near)).text
    # Everywhere at once.
    await come_in(near, far.back(await departed(near), sub="sub-ways"))
    page = await near.submit(await near.open("/my/account/sessions"), "/my/account/sessions/everywhere")
    assert f'href="{THERE}"' in page.text
    # An app asks for it, and wants her nowhere afterwards; one that wants her back gets her back at once.
    bye = "https://app.example/bye"
    app = await register(near.visitor, post_logout_redirect_uris=[bye])
    for wish, end in (({}, "/idp/signed-out?there=1"), ({"post_logout_redirect_uri": bye}, bye)):
        await come_in(near, far.back(await departed(near), sub="sub-ways"))
        asked = urlencode({"client_id": app.client_id, **wish})
        answer = await near.submit(await near.open(f"/idp/end-session?{asked}"), "/idp/end-session", follow=False)
        assert answer.headers["Location"] == end
    # Her password, or a passkey, in between.
    await come_in(near, far.back(await departed(near), sub="sub-ways"))
    await asyncio.to_thread(give_password, place.near, person, "a long enough password")
    page = await near.open("/idp/confirm?next=/my/account")
    await near.submit(page, "/idp/confirm", password="a long enough password")
    assert session_of(place.near, near).methods == ("pwd",)
    assert f'href="{THERE}"' in (await leave(near)).text


def give_password(live: Live, pod: str, password: str) -> None:
    async def give(vault: Vault) -> None:
        async with vault.writing() as work:
            account = await work.accounts.by_pod(PodName(pod))
            assert account is not None
            await work.accounts.replace(replace(account, password_hash=hash_password(Secret(password))))

    live.within(give)


@pytest.mark.requirement("UP-13")
async def test_nothing_is_offered_to_whom_it_does_not_concern(near: Browser, far: Forged, place: FarAndNear) -> None:
    # She came by password.
    await near.sign_in(place.near.people["bob"])
    assert session_of(place.near, near).issuer is None
    assert THERE not in (await leave(near)).text
    # The provider has no such place, or has one that no browser should be sent to.
    far.configure()
    await come_in(near, far.back(await departed(near), sub="sub-nowhere"))
    assert THERE not in (await leave(near)).text
    assert (await near.open(THERE)).status == 503
    far.configure(end_session_endpoint="http://far.example/leave")
    page = await near.open("/idp/signed-out?there=1")
    assert (page.status, THERE in page.text) == (200, False)


@pytest.mark.requirement("UP-10", "UP-13")
async def test_a_provider_that_is_gone_keeps_nobody_signed_in(near: Browser, far: Forged) -> None:
    await come_in(near, far.back(await departed(near), sub="sub-gone"))
    far.there.documents.pop("/.well-known/openid-configuration")
    assert THERE not in (await leave(near)).text
    page = await near.open(THERE)
    assert (page.status, page.headers["Retry-After"].isdigit()) == (503, True)


async def test_where_there_is_no_other_provider_there_is_no_such_address(http: Visitor) -> None:
    browser = Browser(http)
    assert [(await browser.open(path)).status for path in (THERE, SIGNED_OUT_THERE)] == [404, 404]
    page = await browser.open("/idp/signed-out?there=1")
    assert (page.status, THERE in page.text) == (200, False)


@pytest.mark.requirement("UP-11", "UP-13")
async def test_no_id_token_is_kept(near: Browser, far: Forged, folder: Path) -> None:
    """In one there may be a national number."""
    given: list[str] = []

    def sign(claims: Mapping[str, Any]) -> str:
        given.append(far.signed(claims))
        return given[-1]

    far.sign = sign
    await come_in(near, far.back(await departed(near), sub="sub-kept", rrn="85073003328"))
    (token,) = given
    kept = await asyncio.to_thread(everything_in, folder)
    assert b"sub-kept" in kept
    for part in (*token.split("."), "85073003328"):
        assert part.encode() not in kept


def everything_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


@pytest.mark.requirement("UX-31", "UP-7")
async def test_after_signing_out_everywhere_a_sign_in_there_that_is_older_brings_an_app_its_tokens(
    near: Browser, far: Forged
) -> None:
    earlier = int(time.time()) - 3600  # she has been signed in there for an hour
    await come_in(near, far.back(await departed(near), sub="sub-hour", auth_time=earlier))
    app = await register(near.visitor)
    held = (await app.redeem(await let_in(app, near))).json
    await near.submit(await near.open("/my/account/sessions"), "/my/account/sessions/everywhere")
    assert (await app.refresh(held["refresh_token"])).status == 400
    await come_in(near, far.back(await departed(near), sub="sub-hour", auth_time=earlier))
    again = await app.redeem(await let_in(app, near))
    assert again.status == 200, again.text
