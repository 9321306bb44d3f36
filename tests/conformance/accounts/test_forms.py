"""The forms of an account's life: none is taken from another site, and a link is followed once however many try."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

import pytest

from tests.browser import forms_of
from tests.conformance.accounts.conftest import Place
from tests.conformance.accounts.test_renewing import forget
from vault.web import address, closing, devices, forgotten, passwords, signing_up
from vault.web.routing import Route

POSTS = [
    route
    for module in (signing_up, forgotten, passwords, address, devices, closing)
    for route in module.ROUTES
    if route.method == "POST"
]
KIND = "application/x-www-form-urlencoded"


@pytest.mark.requirement("ATK-03")
@pytest.mark.parametrize("route", POSTS, ids=lambda route: route.path)
async def test_form_of_another_site_changes_nothing(place: Place, route: Route) -> None:
    alice, browser = place.live.people["alice"], place.browser()
    await browser.sign_in(alice)
    token = dict(forms_of(await browser.open("/my/account"))[0].fields)["csrf"]
    fields = {"email": alice.email, "new": "x@y.example", "sure": "yes", "link": "x.y", "session": "x"}
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    own = {"Origin": place.http.base_url[:-1], "Sec-Fetch-Site": "same-origin"}
    for csrf, headers in (
        (token, {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}),
        (token, {"Origin": "https://evil.example"}),
        (token, {}),
        ("", own),
        ("0.0", own),
    ):
        body = urlencode({**fields, "csrf": csrf})
        sent = {**headers, "Cookie": cookie}
        answer = await place.http.send(
            "POST", place.http.base_url[:-1] + route.path, body=body, kind=KIND, headers=sent
        )
        assert answer.status == 403, (route.path, headers)
    assert (await browser.open("/my/account", follow=False)).status == 200


@pytest.mark.requirement("ATK-29")
async def test_of_many_who_follow_a_link_at_once_one_gets_through(place: Place) -> None:
    ann = await place.newcomer()
    await forget(place.browser(), ann.email)
    link = place.link(ann.email)
    browsers = [place.browser() for _ in range(4)]
    pages = [await browser.open(link) for browser in browsers]

    async def choose(number: int) -> int:
        password = f"quite another password {number}"
        browser, page = browsers[number], pages[number]
        answer = await browser.submit(page, "/idp/reset", new=password, again=password, follow=False)
        return answer.status

    told = await asyncio.gather(*(choose(number) for number in range(4)))
    assert sorted(told) == [303, 410, 410, 410]
