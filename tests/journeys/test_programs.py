"""Programs of an account in a real Chromium: made, renewed and ended by keyboard, without scripts; four languages."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser

from tests.journeys.conftest import visiting
from tests.journeys.test_accessible import check_everywhere
from tests.journeys.town import AMIR, Town

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_program_is_made_renewed_and_ended_by_keyboard_alone(chromium: Browser, town: Town) -> None:
    async with visiting(chromium, town, scripts=False) as visitor:
        page = visitor.page
        await visitor.sign_in(AMIR)
        await visitor.open("my/account")
        await visitor.follow("Programma’s", "Een programma toevoegen")
        await page.focus("#name")
        await page.keyboard.type("Loonadministratie")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#client-secret")
        first = await page.inner_text("#client-secret")
        await page.get_by_role("link", name="Ik heb dit bewaard").click()
        await visitor.follow("Loonadministratie")
        await page.focus("#days-1")
        await page.keyboard.press("Space")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#client-secret")
        assert await page.inner_text("#client-secret") != first
        assert "Geldt tot" in await page.inner_text("main")
        await page.get_by_role("link", name="Ik heb dit bewaard").click()
        await page.get_by_role("link", name="Loonadministratie").click()
        await page.get_by_role("link", name="Programma stoppen").click()
        await page.locator("main button[type=submit]").focus()
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/my/account/programs?done=revoked")
        assert "Loonadministratie" not in await page.inner_text("main")


@pytest.mark.slow
@pytest.mark.requirement("UX-35", "UX-36")
@pytest.mark.parametrize("language", ["nl", "fr", "de", "en"])
async def test_every_page_of_programs_is_accessible(chromium: Browser, town: Town, axe: str, language: str) -> None:
    async with visiting(chromium, town) as visitor:
        page = visitor.page
        await visitor.speak(language)
        await visitor.sign_in(AMIR)
        await visitor.open("my/account/programs/new")
        await page.locator("main button[type=submit]").click()
        await page.wait_for_selector("#problems")
        await check_everywhere(visitor, axe, "a name is missing")
        await page.fill("#name", "HR")
        await page.check("#way-key")
        await page.fill("#keys", "no key")
        await page.locator("main button[type=submit]").click()
        await page.wait_for_selector("#keys-problem")
        await check_everywhere(visitor, axe, "a wrong key")
        await page.check("#way-secret")
        await page.locator("main button[type=submit]").click()
        await page.wait_for_selector("#client-secret")
        await check_everywhere(visitor, axe, "credentials")
        await visitor.open("my/account/programs")
        await check_everywhere(visitor, axe, "programs")
        await page.locator(".card a").first.click()
        path = urlsplit(page.url).path
        await check_everywhere(visitor, axe, "one program")
        await visitor.open(f"{path}/revoke")
        await check_everywhere(visitor, axe, "ending")
        await page.locator("main button[type=submit]").click()
        await page.wait_for_url("**?done=revoked")
        assert not visitor.foreign()
