"""Where somebody is signed in: told in words, ended one by one or all at once, and ended for good."""

from __future__ import annotations

import re

import pytest

from tests.browser import Browser, forms_of, register
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
