"""Where somebody is signed in: told in words, ended one by one or all at once, and ended for good."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.browser import Browser, ask, forms_of, refused, register
from tests.conformance.accounts.conftest import Place
from tests.people import Answer, Person

COOKIE = "datakluis"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Mobile Safari/604.1"


class Named(Browser):
    """A browser that says what it is."""

    def __init__(self, place: Place, name: str) -> None:
        super().__init__(place.http, language="en")
        self.name = name

    async def _once(self, method: str, url: str, body: str | None) -> Answer:
        send = self.visitor.send

        async def named(*args: object, headers: dict[str, str], **more: object) -> Answer:
            headers["User-Agent"] = self.name
            return await send(*args, headers=headers, **more)  # type: ignore[arg-type]

        self.visitor.send = named  # type: ignore[method-assign,assignment]
        try:
            return await super()._once(method, url, body)
        finally:
            self.visitor.send = send  # type: ignore[method-assign]


async def two(place: Place, person: Person) -> tuple[Named, Named]:
    desk, pocket = Named(place, FIREFOX), Named(place, IPHONE)
    await desk.sign_in(person)
    await pocket.sign_in(person)
    return desk, pocket


async def signed_in(browser: Browser) -> bool:
    return (await browser.open("/my/account", follow=False)).status == 200


@pytest.mark.requirement("UX-31")
async def test_list_names_each_browser_and_marks_this_one(place: Place) -> None:
    ann = await place.newcomer()
    desk, _ = await two(place, ann)
    page = await desk.open("/my/account/sessions")
    # The one the account was opened with is among them; this one stands first.
    names = [re.sub(r"\s+", " ", found).strip() for found in re.findall(r"<h2>(.*?)</h2>", page.text, re.S)]
    assert names[0] == "Firefox on Linux"
    assert "Safari on iPhone" in names
    assert page.text.count("This browser") == 1
    assert "127.0.0.0" in page.text
    assert "127.0.0.1" not in page.text  # the network, not the address
    assert desk.cookies[COOKIE] not in page.text


@pytest.mark.requirement("UX-31", "ATK-02")
async def test_one_is_ended_and_its_cookie_is_nobody(place: Place) -> None:
    ann = await place.newcomer()
    desk, pocket = await two(place, ann)
    page = await pocket.open("/my/account/sessions")
    handles = {dict(form.fields)["session"] for form in forms_of(page) if form.action == "/my/account/sessions"}
    for handle in handles:  # every browser but this one
        fields = {"session": handle}
        page = await pocket.submit(page, "/my/account/sessions", **fields, follow=True)
        assert "is signed out" in page.text
        page = await pocket.open("/my/account/sessions")
    assert await signed_in(pocket)
    assert not await signed_in(desk)
    assert not [form for form in forms_of(page) if form.action == "/my/account/sessions"]


@pytest.mark.requirement("UX-31", "ATK-02")
async def test_everywhere_is_this_browser_too_and_every_app(place: Place) -> None:
    ann = await place.newcomer()
    desk, pocket = await two(place, ann)
    app = await register(place.http)
    granted = await app.redeem(await app.code_for(place.browser(), ann))
    taken = [desk.cookies[COOKIE], pocket.cookies[COOKIE]]
    page = await desk.submit(await desk.open("/my/account/sessions"), "/my/account/sessions/everywhere")
    assert page.url.endswith("/idp/signed-out")
    assert COOKIE not in desk.cookies
    for cookie in taken:
        thief = place.browser()
        thief.cookies[COOKIE] = cookie
        assert not await signed_in(thief)
    assert (await app.refresh(granted.json["refresh_token"])).status == 400
    await desk.sign_in(ann)
    assert await signed_in(desk)


@pytest.mark.requirement("UX-31", "ATK-02", "ATK-24")
async def test_everywhere_ends_a_token_of_the_same_second_and_none_that_comes_after(place: Place) -> None:
    """Whoever renews a stolen token all the time has one that was made a moment before."""
    ann, browser = await place.newcomer(), place.browser()
    app = await register(place.http)
    await browser.sign_in(ann)
    assert place.live.machine is not None
    vault = place.live.machine.vault
    clock, second = vault.clock, vault.clock().replace(microsecond=0) + timedelta(seconds=1)

    def at(milliseconds: int) -> None:
        object.__setattr__(vault, "clock", lambda: second + timedelta(milliseconds=milliseconds))

    async def opens(token: str) -> bool:
        answer = await ask(place.http, replace(app.holder, token=token), ann.pod)
        assert answer.status == 200 or refused(answer, "invalid_token"), answer.text
        return not refused(answer, "invalid_token")

    try:
        at(100)
        stolen = (await app.redeem(await app.code_for(browser, ann))).json["access_token"]
        at(300)
        await browser.submit(await browser.open("/my/account/sessions"), "/my/account/sessions/everywhere")
        at(500)
        fresh = (await app.redeem(await app.code_for(browser, ann))).json
        renewed = (await app.refresh(fresh["refresh_token"])).json["access_token"]
    finally:
        object.__setattr__(vault, "clock", clock)
    assert not await opens(stolen)
    assert await opens(fresh["access_token"])
    assert await opens(renewed)


@pytest.mark.requirement("ATK-02")
async def test_session_of_somebody_else_cannot_be_ended(place: Place) -> None:
    ann, bob = await place.newcomer(), await place.newcomer()
    desk, pocket = await two(place, ann)
    page = await pocket.open("/my/account/sessions")
    handle = next(dict(form.fields)["session"] for form in forms_of(page) if form.action == "/my/account/sessions")
    thief, other = await two(place, bob)
    page = await thief.open("/my/account/sessions")
    for wrong in (handle, "", "x" * 64, "é"):
        await thief.submit(page, "/my/account/sessions", session=wrong)
    assert await signed_in(desk)
    assert await signed_in(pocket)
    assert await signed_in(other)
