"""Letting an app in so far and no further, and showing it out, in a real browser: by keyboard, without scripts, in four
languages, at three widths."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Browser, Page

from tests.elsewhere import Elsewhere, elsewhere_server
from tests.journeys.conftest import Visitor, visiting
from tests.journeys.test_accessible import check_everywhere
from tests.journeys.test_account import authorization
from tests.journeys.town import AMIR, LOTTE, Town
from vault.ports import Work
from vault.values import ClientId, PodName

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.requirement("PAIN-05")]


@pytest.fixture
def app() -> Iterator[Elsewhere]:
    """An app on an origin of its own, described by a Client ID Document there; nobody has let it in yet."""
    with elsewhere_server() as there:
        there.publish("/cb", "<!doctype html><title>Back</title><p>Back at the app.</p>", "text/html")
        describe(there)
        yield there


def describe(there: Elsewhere, name: str = "Loopbaanhulp") -> None:
    described = {
        "client_id": f"{there.base_url}id",
        "client_name": name,
        "redirect_uris": [f"{there.base_url}cb"],
        "client_uri": f"{there.base_url}about",
        "policy_uri": f"{there.base_url}privacy",
    }
    there.publish("/id", json.dumps(described), "application/ld+json")


async def press(page: Page, *keys: str) -> None:
    for key in keys:
        await page.keyboard.press(key)


async def let_in(visitor: Visitor, app: Elsewhere, *folders: str) -> None:
    """Says yes to the app, for these folders or for everything."""
    page = visitor.page
    await visitor.open(authorization(app))
    await page.check("#reach-folders" if folders else "#reach-whole")
    for folder in folders:
        await page.get_by_label(folder, exact=True).first.check()
    await page.click("button[value=allow]")
    await page.wait_for_url(f"{app.base_url}cb?*")


@pytest.mark.parametrize("scripts", [True, False])
async def test_by_keyboard_an_app_is_let_into_one_folder_narrowed_and_shown_out(
    chromium: Browser, town: Town, app: Elsewhere, scripts: bool
) -> None:
    async with visiting(chromium, town, scripts=scripts) as visitor:
        page = visitor.page
        await visitor.sign_in(LOTTE)
        await visitor.open(authorization(app))
        assert await page.locator("#reach-identity").is_checked()  # nothing wider stands ready
        assert not await page.locator(".folders").is_visible()
        await page.focus("#reach-identity")
        await press(page, "Enter")  # decides nothing
        await page.wait_for_url("**/idp/consent")
        await page.focus("#reach-identity")
        await press(page, "ArrowDown", "Tab")
        assert await page.locator(".folders").is_visible()
        assert await page.locator(":focus").get_attribute("name") == "folder"
        await press(page, "Space")
        chosen = await page.locator("input[name=folder]:checked").get_attribute("value")
        assert chosen is not None
        await page.focus("button[value=allow]")
        await press(page, "Space")
        await page.wait_for_url(f"{app.base_url}cb?*")
        assert "code" in parse_qs(urlsplit(page.url).query)

        await visitor.open("my/account")
        await page.click("a[href='/my/account/apps']")
        card = page.locator(".card", has_text=urlsplit(app.base_url).netloc)
        assert chosen.split("/")[-2] in await card.inner_text()
        await card.locator("h2 a").focus()
        await press(page, "Enter")
        await page.focus("#reach-folders")
        await press(page, "ArrowUp")
        await page.focus("button[name=save]")
        await press(page, "Enter")
        await page.wait_for_url("**?done=1")
        assert await page.locator("#reach-identity").is_checked()
        await page.click(".sheet a.danger")
        await page.focus("main button.danger")
        await press(page, "Enter")
        await page.wait_for_url("**/my/account/apps?done=1")
        assert await page.locator(".card", has_text=urlsplit(app.base_url).netloc).count() == 0


async def test_without_a_folder_the_page_says_what_is_missing(chromium: Browser, town: Town, app: Elsewhere) -> None:
    async with visiting(chromium, town) as visitor:
        page = visitor.page
        await visitor.sign_in(LOTTE)
        await visitor.open(authorization(app))
        await page.check("#reach-folders")
        await page.click("button[value=allow]")
        assert await page.locator("#reach-problem").is_visible()
        await page.click("#problems a")
        assert await page.evaluate("document.activeElement.id") == "reach"
        await page.click("button[value=refuse]")
        await page.wait_for_url(f"{app.base_url}cb?*")
        assert parse_qs(urlsplit(page.url).query)["error"] == ["access_denied"]


@pytest.mark.requirement("ATK-23")
async def test_an_app_that_changed_shows_what(chromium: Browser, town: Town, app: Elsewhere) -> None:
    async with visiting(chromium, town) as visitor:
        await visitor.sign_in(LOTTE)
        await let_in(visitor, app, "diplomas")
        town.write(lambda _vault, work: _was_called(work, app, "Belastingdienst"))
        await visitor.open(authorization(app, prompt=""))
        shown = await visitor.page.inner_text("section[aria-labelledby=changes]")
        assert "Loopbaanhulp" in shown
        assert "Belastingdienst" in shown
        assert await visitor.page.get_by_label("diplomas", exact=True).is_checked()  # as far as it was


async def _was_called(work: Work, app: Elsewhere, name: str) -> None:
    """As if the app had another name when Lotte let it in."""
    lotte = await work.accounts.by_pod(PodName("lotte"))
    assert lotte is not None
    consent = await work.clients.consent(lotte.id, ClientId(f"{app.base_url}id"))
    assert consent is not None
    assert consent.seen is not None
    await work.clients.put_consent(replace(consent, seen=replace(consent.seen, name=name)))


@pytest.mark.requirement("UX-30")
async def test_no_webid_and_no_name_of_a_text_is_shown(chromium: Browser, town: Town, app: Elsewhere) -> None:
    async with visiting(chromium, town) as visitor:
        await visitor.sign_in(LOTTE)
        await let_in(visitor, app, "diplomas")
        await visitor.open("my/account/apps")
        texts = [await visitor.page.inner_text("main")]
        for address in await visitor.page.locator(".card h2 a").evaluate_all("all => all.map(one => one.href)"):
            await visitor.page.goto(address)
            texts.append(await visitor.page.inner_text("main"))
        await visitor.open(authorization(app))
        texts.append(await visitor.page.inner_text("main"))
        for text in texts:
            assert "profile/card" not in text
            assert "apps." not in text
            assert town.base_url not in text


@pytest.mark.slow
@pytest.mark.requirement("UX-36", "UX-38")
@pytest.mark.parametrize("language", ["nl", "fr", "de", "en"])
async def test_every_page_about_apps_is_accessible(
    chromium: Browser, town: Town, app: Elsewhere, axe: str, language: str
) -> None:
    async with visiting(chromium, town) as visitor:
        await visitor.speak(language)
        await visitor.sign_in(AMIR)
        await visitor.open("my/account/apps")
        await check_everywhere(visitor, axe, "apps of somebody who let none in")
    async with visiting(chromium, town) as visitor:
        page = visitor.page
        await visitor.speak(language)
        await visitor.sign_in(LOTTE)
        await visitor.open(authorization(app))
        await page.check("#reach-folders")
        await check_everywhere(visitor, axe, "consent with folders")
        await page.click("button[value=allow]")
        await check_everywhere(visitor, axe, "consent without a folder")
        await let_in(visitor, app, "diplomas")
        town.write(lambda _vault, work: _was_called(work, app, "Belastingdienst"))
        await visitor.open(authorization(app, prompt=""))
        await check_everywhere(visitor, axe, "consent to an app that changed")
        await visitor.open("my/account/apps?done=1")
        await check_everywhere(visitor, axe, "apps")
        await page.locator(".card", has_text=urlsplit(app.base_url).netloc).locator("h2 a").click()
        await check_everywhere(visitor, axe, "app")
        await page.click(".sheet a.danger")
        await check_everywhere(visitor, axe, "disconnect")
        assert visitor.foreign() == [url for url in visitor.foreign() if url.startswith(app.base_url)]
