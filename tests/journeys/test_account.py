"""The account pages in a real browser: accessible in every state and language, usable by keyboard, without scripts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.async_api import Browser, Page

from tests.browser import challenge
from tests.elsewhere import Elsewhere, elsewhere_server
from tests.journeys.conftest import visiting
from tests.journeys.test_accessible import check_everywhere
from tests.journeys.town import LOTTE, Town

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(scope="module")
def app() -> Iterator[Elsewhere]:
    """An app on an origin of its own, described by a Client ID Document there."""
    with elsewhere_server() as there:
        there.publish("/cb", "<!doctype html><title>Back</title><p>Back at the app.</p>", "text/html")
        described = {
            "client_id": f"{there.base_url}id",
            "client_name": "Loopbaanhulp",
            "redirect_uris": [f"{there.base_url}cb"],
            "post_logout_redirect_uris": [f"{there.base_url}cb"],
        }
        there.publish("/id", json.dumps(described), "application/ld+json")
        yield there


def authorization(app: Elsewhere, **changes: str) -> str:
    asked = {
        "response_type": "code",
        "client_id": f"{app.base_url}id",
        "redirect_uri": f"{app.base_url}cb",
        "scope": "openid webid offline_access",
        "state": "s1",
        "code_challenge": challenge("v" * 43),
        "code_challenge_method": "S256",
        "prompt": "consent",
        **changes,
    }
    return f"idp/auth?{urlencode(asked)}"


async def send(page: Page) -> None:
    """Presses the main button of the page."""
    await page.locator("main button[type=submit]").first.click()


@pytest.mark.slow
@pytest.mark.requirement("UX-36")
@pytest.mark.parametrize("language", ["nl", "fr", "de", "en"])
async def test_every_account_page_is_accessible(
    chromium: Browser, town: Town, app: Elsewhere, axe: str, language: str
) -> None:
    async with visiting(chromium, town) as visitor:
        await visitor.speak(language)
        signed_out = ["idp/login", "idp/signup", "idp/signed-out", authorization(app), "idp/auth?client_id=x"]
        for path in signed_out:
            await visitor.open(path)
            await check_everywhere(visitor, axe, path)
        await visitor.open("idp/login")
        await visitor.page.fill("#email", "nobody@people.example")
        await send(visitor.page)
        await check_everywhere(visitor, axe, "refused sign-in")
        await visitor.open("idp/signup")
        await send(visitor.page)
        await check_everywhere(visitor, axe, "empty sign-up")
        await visitor.sign_in(LOTTE)
        signed_in = ["my/account", "idp/confirm", "idp/password", "idp/password?done=1", "idp/end-session"]
        for path in [*signed_in, authorization(app)]:
            await visitor.open(path)
            await check_everywhere(visitor, axe, path)
        assert not visitor.foreign()


async def test_sign_in_and_consent_by_keyboard_without_scripts(chromium: Browser, town: Town, app: Elsewhere) -> None:
    async with visiting(chromium, town, scripts=False) as visitor:
        page = visitor.page
        await visitor.open(authorization(app, prompt="login consent"))
        await page.keyboard.press("Tab")  # to the skip link
        assert await page.locator(":focus").get_attribute("href") == "#main"
        await page.focus("#email")
        await page.keyboard.type(LOTTE[0])
        await page.keyboard.press("Tab")
        await page.keyboard.type(LOTTE[1])
        await page.keyboard.press("Enter")
        await page.wait_for_selector("button[value=allow]")
        assert "Loopbaanhulp" in await page.inner_text("h1")
        allow, refuse = page.locator("button[value=allow]"), page.locator("button[value=refuse]")
        one, other = await allow.bounding_box(), await refuse.bounding_box()
        assert one is not None
        assert other is not None
        # Equal, and one step each (UX-07).
        assert abs(one["height"] - other["height"]) < 1
        assert abs(one["width"] - other["width"]) < 1
        await refuse.focus()
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{app.base_url}cb?*")
        assert parse_qs(urlsplit(page.url).query)["error"] == ["access_denied"]
        await visitor.open(authorization(app))
        await page.locator("button[value=allow]").focus()
        await page.keyboard.press("Space")
        await page.wait_for_url(f"{app.base_url}cb?*")
        answered = parse_qs(urlsplit(page.url).query)
        assert answered["state"] == ["s1"]
        assert answered["iss"] == [town.base_url]
        assert "code" in answered


async def test_sign_out_for_an_app_asks_first_and_comes_back(chromium: Browser, town: Town, app: Elsewhere) -> None:
    async with visiting(chromium, town) as visitor:
        await visitor.sign_in(LOTTE)
        asked = {"client_id": f"{app.base_url}id", "post_logout_redirect_uri": f"{app.base_url}cb", "state": "bye"}
        await visitor.open(f"idp/end-session?{urlencode(asked)}")
        await send(visitor.page)
        await visitor.page.wait_for_url(f"{app.base_url}cb?state=bye")
        await visitor.open("my/")
        assert urlsplit(visitor.page.url).path == "/idp/login"


async def test_consent_cannot_be_framed(chromium: Browser, town: Town, app: Elsewhere) -> None:
    """ATK-04."""
    async with visiting(chromium, town) as visitor:
        await visitor.sign_in(LOTTE)
        frame = f'<!doctype html><iframe src="{town.base_url}{authorization(app)}"></iframe>'.replace("&", "&amp;")
        app.publish("/frame", frame, "text/html")
        await visitor.page.goto(f"{app.base_url}frame")
        await visitor.page.wait_for_timeout(500)
        for inner in visitor.page.frames[1:]:
            assert "Loopbaanhulp" not in await inner.content()
