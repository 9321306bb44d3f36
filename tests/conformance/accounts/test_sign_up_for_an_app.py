"""Signing up on the way to an app: the mailed link leads back to its question, in whatever browser it is opened."""

from __future__ import annotations

import re
import secrets
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.browser import App, Browser, forms_of, register, returned
from tests.conformance.accounts.conftest import Place
from tests.people import Answer
from vault.identity.tokens import digest
from vault.ports import Vault


async def asked(browser: Browser, url: str, email: str) -> None:
    """From an app's request to the sign-in page, from there to the page to sign up on, and an address given there."""
    page = await browser.open(url)
    assert "/idp/login" in [form.action for form in forms_of(page)]
    found = re.search(r'href="(/idp/signup\?[^"]*)"', page.text)
    assert found, page.text
    page = await browser.open(unescape(found[1]))
    answer = await browser.submit(page, "/idp/signup", email=email, follow=False)
    assert answer.status == 303


async def opened(browser: Browser, page: Answer, pod: str) -> Answer:
    """The account made on the page behind the link; where that leads."""
    filled = {"name": "Per Son", "pod": pod, "password": "four words are enough"}
    return await browser.submit(page, "/idp/signup", **filled, follow=True)


def is_question(page: Answer) -> bool:
    return page.status == 200 and "/idp/consent" in [form.action for form in forms_of(page)]


@pytest.fixture
def name() -> str:
    return f"p{secrets.token_hex(5)}"


@pytest.fixture
def email(name: str) -> str:
    return f"{name}@people.example"


@pytest.fixture
async def app(place: Place) -> App:
    return await register(place.http)


@pytest.mark.parametrize("elsewhere", [False, True], ids=["same browser", "another browser"])
@pytest.mark.parametrize("pushed", [False, True], ids=["in the URL", "pushed"])
async def test_mailed_link_leads_back_to_the_question_of_the_app(
    place: Place, app: App, name: str, email: str, pushed: bool, elsewhere: bool
) -> None:
    browser, url = place.browser(), app.authorization_url()
    if pushed:
        named = (await app.push()).json["request_uri"]
        url = f"{place.http.base_url}idp/auth?client_id={app.client_id}&request_uri={named}"
    await asked(browser, url, email)
    link = place.link(email)
    assert [key for key, _ in parse_qsl(urlsplit(link).query)] == ["link"]
    follower = place.browser() if elsewhere else browser
    page = await opened(follower, await follower.open(link), name)
    assert is_question(page), page.text
    answer = await follower.submit(page, "/idp/consent", (("reach", "whole"),), press="allow")
    back = returned(answer, app.redirect_uri)
    assert (back["state"], "code" in back) == (app.state, True)


async def test_request_that_is_over_ends_at_a_page_that_says_to_go_back(
    place: Place, app: App, name: str, email: str
) -> None:
    uri = (await app.push()).json["request_uri"]
    url = f"{place.http.base_url}idp/auth?client_id={app.client_id}&request_uri={uri}"
    await asked(place.browser(), url, email)

    async def lapse(vault: Vault) -> bool:
        async with vault.writing() as work:
            return await work.pushed_requests.remove(digest(uri))

    assert place.live.within(lapse)
    browser = place.browser()
    page = await opened(browser, await browser.open(place.link(email)), name)
    assert page.status == 400
    assert "Go back to the app" in page.text
    assert f"You are signed in as {email}." in page.text
    assert f'href="{app.redirect_uri}' not in page.text
    assert (await browser.open("/my/", follow=False)).status == 200


@pytest.mark.requirement("VEC-R23")
async def test_neither_the_mailed_address_nor_the_form_says_where_it_leads(
    place: Place, app: App, name: str, email: str
) -> None:
    browser = place.browser()
    await asked(browser, app.authorization_url(), email)
    link = place.link(email)
    page = await browser.open(f"{link}&next=https://evil.example/")
    assert "evil.example" not in page.text
    fields = {"name": "Per Son", "pod": name, "password": "four words are enough", "next": "https://evil.example/"}
    token = next(value for form in forms_of(page) for key, value in form.fields if key == "csrf")
    pairs = [*fields.items(), ("csrf", token), ("link", dict(parse_qsl(urlsplit(link).query))["link"])]
    assert is_question(await browser.post("/idp/signup", pairs))


async def test_stranger_cannot_have_a_link_lead_elsewhere(place: Place, name: str, email: str) -> None:
    browser = place.browser()
    page = await browser.open("/idp/signup")
    for onward in ("https://evil.example/", "//evil.example/", "/alice/"):
        await browser.submit(page, "/idp/signup", email=email, next=onward, follow=False)
        behind = await browser.open(place.link(email))
        assert 'href="/idp/login?next=%2Fmy%2F"' in behind.text
    done = await opened(browser, behind, name)
    assert done.url.endswith("/my/")
