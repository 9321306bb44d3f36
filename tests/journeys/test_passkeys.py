"""Passkeys in a real Chromium, with its virtual authenticator: made, used at the door, used to confirm, a second one,
one taken away; recovery codes from paper; all of it by keyboard, in four languages, and without scripts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, CDPSession, Locator, Page, expect

from tests.journeys.conftest import Visitor, visiting
from tests.journeys.test_accessible import check_everywhere
from tests.journeys.town import AMIR, Town
from vault.ports import Vault, Work
from vault.values import PodName

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.requirement("ATK-30", "PAIN-24")]

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@dataclass
class Device:
    """An authenticator at the browser of a visitor."""

    session: CDPSession
    id: str

    async def credentials(self) -> int:
        found = await self.session.send("WebAuthn.getCredentials", {"authenticatorId": self.id})
        return len(found["credentials"])

    async def touched(self, yes: bool) -> None:
        """Whether a hand is at the device: without one it waits."""
        await self.session.send("WebAuthn.setAutomaticPresenceSimulation", {"authenticatorId": self.id, "enabled": yes})

    async def knows_its_owner(self, yes: bool) -> None:
        await self.session.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": yes})

    async def unplug(self) -> None:
        await self.session.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": self.id})


async def plugged(session: CDPSession, **changes: object) -> Device:
    added = await session.send("WebAuthn.addVirtualAuthenticator", {"options": {**AUTHENTICATOR, **changes}})
    return Device(session, added["authenticatorId"])


@asynccontextmanager
async def with_device(chromium: Browser, town: Town, *, width: int = 1280) -> AsyncIterator[tuple[Visitor, Device]]:
    async with visiting(chromium, town, width=width) as visitor:
        session = await visitor.context.new_cdp_session(visitor.page)
        await session.send("WebAuthn.enable")
        yield visitor, await plugged(session)


@pytest.fixture(autouse=True)
def amir_as_before(town: Town) -> None:
    """Amir has neither passkeys nor codes when a test begins."""

    async def forget(_: Vault, work: Work) -> None:
        account = await work.accounts.by_pod(PodName("amir"))
        assert account is not None
        for passkey in await work.passkeys.of(account.id):
            await work.passkeys.remove(account.id, passkey.id)
        await work.recovery_codes.replace_all(account.id, frozenset())

    town.write(forget)


def box(page: Page) -> Locator:
    return page.locator(".passkey button")


async def add(visitor: Visitor, name: str = "") -> None:
    await visitor.open("my/account/passkeys/new")
    if name:
        await visitor.page.fill("#name", name)
    await box(visitor.page).click()
    await visitor.page.wait_for_url("**/my/account/passkeys?done=added")


async def sign_out(visitor: Visitor) -> None:
    await visitor.page.click(".leave button")
    await visitor.page.wait_for_url("**/idp/signed-out")


async def test_a_passkey_is_made_and_opens_the_vault_again(chromium: Browser, town: Town) -> None:
    async with with_device(chromium, town) as (visitor, device):
        page = visitor.page
        await visitor.sign_in(AMIR)
        await add(visitor, "Mijn telefoon")
        assert await device.credentials() == 1
        await expect(page.locator(".card h2")).to_have_text("Mijn telefoon")
        await sign_out(visitor)
        await device.touched(False)  # or the browser would offer it in the e-mail field, and the device take it
        await visitor.open("idp/login?next=/my/log")
        await expect(box(page)).to_be_visible()
        await box(page).focus()
        await device.touched(True)
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{town.base_url}my/log")
        await visitor.open("my/account/passkeys")
        assert "nog niet" not in await page.inner_text(".card")
        assert not visitor.foreign()


async def test_the_browser_offers_the_passkey_in_the_email_field(chromium: Browser, town: Town) -> None:
    """The virtual device takes what is offered at once; a person would choose it from the field's list."""
    async with with_device(chromium, town) as (visitor, _):
        await visitor.sign_in(AMIR)
        await add(visitor)
        await sign_out(visitor)
        await visitor.open("idp/login?next=/my/data")
        await visitor.page.wait_for_url(f"{town.base_url}my/data")


async def test_a_passkey_confirms_before_something_sensitive(chromium: Browser, town: Town) -> None:
    async with with_device(chromium, town) as (visitor, device):
        page = visitor.page
        await visitor.sign_in(AMIR)
        await add(visitor)
        before = await visitor.context.cookies()
        await visitor.open("idp/confirm?next=/my/account/recovery")
        await device.knows_its_owner(False)
        await box(page).click()
        await expect(page.locator(".passkey .problem")).to_have_text(
            "Er is geen passkey gebruikt. Probeer het opnieuw, of kies een andere manier."
        )
        await device.knows_its_owner(True)
        await box(page).click()
        await page.wait_for_url(f"{town.base_url}my/account/recovery")
        assert before != await visitor.context.cookies()


async def test_a_second_device_is_added_and_the_first_taken_away(chromium: Browser, town: Town) -> None:
    async with with_device(chromium, town) as (visitor, first):
        page = visitor.page
        await visitor.sign_in(AMIR)
        await add(visitor, "Oud")
        await visitor.open("my/account/passkeys/new")
        await box(page).click()
        await expect(page.locator(".passkey .problem")).to_contain_text("heeft hier al een passkey")
        assert await page.locator(".passkey .problem").get_attribute("role") == "alert"
        await first.unplug()
        second = await plugged(first.session, transport="usb")
        await add(visitor, "Nieuw")
        await page.get_by_role("link", name="Oud", exact=True).click()
        await page.get_by_role("link", name="Passkey verwijderen").click()
        await page.locator("main button[type=submit]").click()
        await page.wait_for_url("**/my/account/passkeys?done=removed")
        assert await page.locator(".card").count() == 1
        await sign_out(visitor)
        await visitor.open("idp/login")
        await box(page).click()
        await page.wait_for_url(f"{town.base_url}my/")
        assert await second.credentials() == 1


async def test_a_passkey_that_was_taken_away_opens_nothing(chromium: Browser, town: Town) -> None:
    async with with_device(chromium, town) as (visitor, _):
        page = visitor.page
        await visitor.sign_in(AMIR)
        await add(visitor)
        await page.locator(".card a").click()
        await page.get_by_role("link", name="Passkey verwijderen").click()
        await page.locator("main button[type=submit]").click()
        await page.wait_for_url("**?done=removed")
        await sign_out(visitor)
        await visitor.open("idp/login")
        await expect(page.locator(".passkey .problem")).to_contain_text("opent hier niets")
        await box(page).click()
        await expect(page.locator(".passkey .problem")).to_contain_text("opent hier niets")
        assert urlsplit(page.url).path == "/idp/login"


async def test_recovery_codes_from_paper_by_keyboard_alone(chromium: Browser, town: Town) -> None:
    async with visiting(chromium, town, scripts=False) as visitor:
        page = visitor.page
        await visitor.sign_in(AMIR)
        await visitor.open("my/account/recovery")
        await page.locator("main button[type=submit]").focus()
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".codes")
        codes = [text.strip() for text in await page.locator(".codes code").all_inner_texts()]
        assert len(codes) == 10
        await sign_out(visitor)
        await visitor.open("idp/login?next=/my/log")
        await visitor.follow("Gebruik een herstelcode")
        await page.wait_for_url("**/idp/recover?*")
        await page.focus("#email")
        await page.keyboard.type(AMIR[0])
        await page.keyboard.press("Tab")
        await page.keyboard.type(codes[0].upper())
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/my/account/recovered?**")
        assert "nog 9 herstelcodes" in await page.inner_text("main")
        await visitor.follow("Later, ga verder")
        await page.wait_for_url(f"{town.base_url}my/log")


@pytest.mark.requirement("UX-39")
async def test_without_scripts_the_pages_say_so_and_the_password_works(chromium: Browser, town: Town) -> None:
    async with visiting(chromium, town, scripts=False) as visitor:
        page = visitor.page
        await visitor.open("idp/login")
        assert "alleen met JavaScript" in await page.inner_text(".passkey")
        await expect(box(page)).to_be_hidden()
        await visitor.sign_in(AMIR)
        await visitor.open("my/account/passkeys/new")
        assert "alleen met JavaScript" in await page.inner_text(".passkey")
        await expect(box(page)).to_be_hidden()


@pytest.mark.requirement("UX-40")
async def test_codes_are_fit_to_print(chromium: Browser, town: Town, tmp_path: Path) -> None:
    async with visiting(chromium, town) as visitor:
        page = visitor.page
        await visitor.sign_in(AMIR)
        await visitor.open("my/account/recovery")
        await page.locator("main button[type=submit]").click()
        await page.wait_for_selector(".codes")
        await page.emulate_media(media="print")
        assert await page.locator(".codes code").count() == 10
        await expect(page.locator(".codes")).to_be_visible()
        await expect(page.locator("header.top")).to_be_hidden()
        assert len(await page.pdf()) > 5_000


@pytest.mark.slow
@pytest.mark.requirement("UX-35", "UX-36")
@pytest.mark.parametrize("language", ["nl", "fr", "de", "en"])
async def test_every_page_of_passkeys_and_codes_is_accessible(
    chromium: Browser, town: Town, axe: str, language: str
) -> None:
    async with with_device(chromium, town) as (visitor, device):
        page = visitor.page
        await visitor.speak(language)
        await visitor.open("idp/recover")
        await page.fill("#email", "nobody@people.example")
        await page.locator("main button[type=submit]").click()
        await expect(page.locator("#problems")).to_be_visible()
        await check_everywhere(visitor, axe, "refused code")
        await visitor.sign_in(AMIR)
        await add(visitor)
        await check_everywhere(visitor, axe, "a passkey")
        await page.locator(".card a").click()
        await page.wait_for_selector("#name")
        path = urlsplit(page.url).path
        await check_everywhere(visitor, axe, "one passkey")
        await visitor.open(f"{path}/remove")
        await check_everywhere(visitor, axe, "removing")
        await visitor.open("my/account/recovered")
        await check_everywhere(visitor, axe, "recovered")
        await visitor.open("my/account/passkeys/new")
        await box(page).click()
        await expect(page.locator(".passkey .problem")).not_to_be_empty()
        await check_everywhere(visitor, axe, "a problem told by the script")
        await visitor.open("my/account/recovery")
        await page.locator("main button[type=submit]").click()
        await page.wait_for_selector(".codes")
        await check_everywhere(visitor, axe, "codes")
        await visitor.open("my/account/no-password")
        await check_everywhere(visitor, axe, "the password may go")
        assert await device.credentials() == 1
        assert not visitor.foreign()
