"""Several vaults of one account in a real Chromium: one more is made and looked at by keyboard; axe on every page."""

from __future__ import annotations

import secrets

import pytest
from playwright.async_api import Browser

from tests.journeys.conftest import visiting
from tests.journeys.test_accessible import check_everywhere
from tests.journeys.town import AMIR, Town

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_second_vault_is_made_and_looked_at_by_keyboard_alone(chromium: Browser, town: Town) -> None:
    name = f"club-{secrets.token_hex(3)}"
    async with visiting(chromium, town, scripts=False) as visitor:
        page = visitor.page
        await visitor.sign_in(AMIR)
        await visitor.open("my/account")
        await visitor.follow("Kluizen en WebID’s", "Een kluis toevoegen")
        await page.focus("#name")
        await page.keyboard.type("Zwemclub")
        await page.keyboard.press("Tab")
        await page.keyboard.type(name)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/my/account/identities?done=pod")
        await page.get_by_role("button", name=f"{name} bekijken").focus()
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/my/account/identities?done=looked")
        await visitor.open("my/folders/profile/card")
        assert "Zwemclub" in await page.inner_text("main")


@pytest.mark.slow
@pytest.mark.requirement("UX-35", "UX-36")
@pytest.mark.parametrize("language", ["nl", "fr", "de", "en"])
async def test_every_page_of_vaults_and_webids_is_accessible(
    chromium: Browser, town: Town, axe: str, language: str
) -> None:
    async with visiting(chromium, town) as visitor:
        page = visitor.page
        await visitor.speak(language)
        await visitor.sign_in(AMIR)
        await visitor.open("my/account/identities/pod")
        await page.locator("main button[type=submit]").click()
        await page.wait_for_selector("#problems")
        await check_everywhere(visitor, axe, "a name is missing")
        await page.fill("#name", "Club")
        await page.fill("#pod", f"club-{secrets.token_hex(3)}")
        await page.locator("main button[type=submit]").click()
        await page.wait_for_url("**?done=pod")
        await check_everywhere(visitor, axe, "vaults and WebIDs")
        await visitor.open("my/account/identities/webid")
        await page.fill("#webid", "not a WebID")
        await page.locator("main button[type=submit]").click()
        await page.wait_for_selector("#problems")
        await check_everywhere(visitor, axe, "no WebID")
        await page.fill("#webid", f"{town.base_url}lotte/profile/card#somebody")
        await page.locator("main button[type=submit]").click()
        await page.wait_for_selector("#lines")
        await check_everywhere(visitor, axe, "the lines to add")
        await page.locator("main button[type=submit]").click()
        await page.wait_for_selector("#webid-problem")
        await check_everywhere(visitor, axe, "the lines are missing")
        assert not visitor.foreign()
