"""An account is opened with a passkey, in a real Chromium with its virtual authenticator: by mouse and by keyboard, on
the open page and behind the link of a letter on the way to an app; with recovery codes after it, and a password in its
place where somebody wants one or there is no script."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, Page, expect

from tests.journeys.conftest import visiting
from tests.journeys.test_accessible import check_everywhere
from tests.journeys.test_account_life import Post
from tests.journeys.test_passkeys import box, sign_out, with_device
from tests.journeys.town import AMIR, Town
from tests.live import serving
from tests.mailbox import mail_server, mail_settings
from vault.identity.accounts import Account
from vault.ports import Vault, Work
from vault.values import PodName

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.requirement("ATK-30", "PAIN-24")]

PASSWORD = "vier woorden zijn genoeg"


@pytest.fixture
def name() -> str:
    return f"new-{secrets.token_hex(4)}"


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    with mail_server() as letters, serving(tmp_path_factory.mktemp("post"), mail=mail_settings(letters)) as live:
        yield Post(Town(live), letters)


async def fill(page: Page, name: str, **more: str) -> None:
    for field, value in {"name": "Noor Claes", "pod": name, **more}.items():
        await page.fill(f"#{field}", value)


def account_of(town: Town, pod: str) -> Account | None:
    async def find(_: Vault, work: Work) -> Account | None:
        return await work.accounts.by_pod(PodName(pod))

    return town.write(find)


async def test_an_account_is_opened_with_a_passkey_and_opens_with_it_again(
    chromium: Browser, town: Town, name: str
) -> None:
    async with with_device(chromium, town) as (visitor, device):
        page = visitor.page
        await visitor.open("idp/signup")
        first, second = page.locator("main form button").first, page.locator("main form button").last
        assert (await first.inner_text(), await second.inner_text()) == (
            "Datakluis openen met een passkey",
            "Openen met een wachtwoord",
        )
        await fill(page, name, email=f"{name}@people.example")
        await first.click()
        await page.wait_for_url("**/my/account/recovery?**")
        await expect(page.get_by_role("status")).to_contain_text("Uw datakluis is open")
        await page.locator("main button[type=submit]").click()
        await page.wait_for_selector(".codes")
        await page.get_by_role("link", name="Ik heb ze bewaard").click()
        await page.wait_for_url(f"{town.base_url}my/")
        account = account_of(town, name)
        assert account is not None
        assert account.password_hash is None
        assert await device.credentials() == 1
        await sign_out(visitor)
        await visitor.open("idp/login")  # the device takes what the browser offers
        await page.wait_for_url(f"{town.base_url}my/")
        assert not visitor.foreign()


async def test_by_keyboard_alone_enter_means_the_passkey(chromium: Browser, town: Town, name: str) -> None:
    async with with_device(chromium, town, width=360) as (visitor, device):
        page = visitor.page
        await visitor.open("idp/signup")
        await page.focus("#name")
        for text in ("Noor Claes", f"{name}@people.example", name):
            await page.keyboard.type(text)
            await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.textContent") == "Datakluis openen met een passkey"
        await page.keyboard.press("Shift+Tab")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/my/account/recovery?**")
        await visitor.follow("Later, ga verder")
        await page.wait_for_url(f"{town.base_url}my/")
        assert await device.credentials() == 1


async def test_enter_in_the_field_of_the_password_means_the_password(chromium: Browser, town: Town, name: str) -> None:
    async with with_device(chromium, town) as (visitor, device):
        page = visitor.page
        await visitor.open("idp/signup")
        await fill(page, name, email=f"{name}@people.example", password=PASSWORD)
        await page.focus("#password")
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{town.base_url}my/")
        account = account_of(town, name)
        assert account is not None
        assert account.password_hash is not None
        assert await device.credentials() == 0


async def test_the_page_says_what_is_missing_before_a_passkey_is_made(chromium: Browser, town: Town, name: str) -> None:
    async with with_device(chromium, town) as (visitor, device):
        page = visitor.page
        await visitor.open("idp/signup")
        await fill(page, "NO", email=f"{name}@people.example")
        await box(page).click()
        await expect(page.locator("#problems a")).to_have_count(1)
        assert await page.input_value("#name") == "Noor Claes"
        await page.fill("#pod", "lotte")
        await box(page).click()
        await expect(page.locator(".passkey [role=alert]")).to_contain_text("kan niet gebruikt worden")
        assert await device.credentials() == 0
        await page.fill("#pod", name)
        await box(page).click()
        await page.wait_for_url("**/my/account/recovery?**")
        assert await device.credentials() == 1


async def test_device_forgets_a_passkey_that_opens_nothing(chromium: Browser, town: Town, name: str) -> None:
    async with with_device(chromium, town) as (visitor, device):
        page = visitor.page
        await visitor.open("idp/signup")
        can_be_told = await page.evaluate("'signalUnknownCredential' in PublicKeyCredential")
        await fill(page, name, email=AMIR[0])
        await box(page).click()
        await expect(page.locator(".passkey [role=alert]")).to_contain_text("kan niet gebruikt worden")
        assert account_of(town, name) is None
        assert await device.credentials() == (0 if can_be_told else 1)


async def test_who_changes_her_mind_opens_nothing_and_may_try_again(chromium: Browser, town: Town, name: str) -> None:
    async with with_device(chromium, town) as (visitor, device):
        page = visitor.page
        await visitor.open("idp/signup")
        await fill(page, name, email=f"{name}@people.example")
        await device.knows_its_owner(False)
        await box(page).click()
        await expect(page.locator(".passkey [role=alert]")).to_contain_text("Er is geen passkey gebruikt")
        assert account_of(town, name) is None
        await device.knows_its_owner(True)
        await box(page).click()
        await page.wait_for_url("**/my/account/recovery?**")


async def test_the_link_of_a_letter_is_followed_on_another_device(chromium: Browser, post: Post, name: str) -> None:
    email = f"{name}@people.example"
    async with visiting(chromium, post.town, scripts=False) as visitor:
        await visitor.open("idp/signup?next=/my/log")
        await visitor.page.fill("#email", email)
        await visitor.page.locator("main button[type=submit]").click()
        await visitor.page.wait_for_url("**sent=1**")
    async with with_device(chromium, post.town) as (visitor, device):
        page = visitor.page
        await visitor.open(post.link(email))
        assert email in await page.inner_text("main")
        await fill(page, name)
        await box(page).click()
        await page.wait_for_url("**/my/account/recovery?**")
        await page.get_by_role("link", name="Later, ga verder").click()
        await page.wait_for_url(f"{post.town.base_url}my/log")
        assert await device.credentials() == 1


@pytest.mark.requirement("UX-39")
async def test_without_scripts_the_page_says_so_and_the_password_works(
    chromium: Browser, town: Town, name: str
) -> None:
    async with visiting(chromium, town, scripts=False) as visitor:
        page = visitor.page
        await visitor.open("idp/signup")
        assert "alleen met JavaScript" in await page.inner_text(".passkey")
        await expect(box(page)).to_be_hidden()
        await fill(page, name, email=f"{name}@people.example", password=PASSWORD)
        await page.focus("#pod")
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{town.base_url}my/")


@pytest.mark.slow
@pytest.mark.requirement("UX-35", "UX-36")
@pytest.mark.parametrize("language", ["nl", "fr", "de", "en"])
async def test_every_page_of_opening_an_account_is_accessible(
    chromium: Browser, town: Town, axe: str, name: str, language: str
) -> None:
    async with with_device(chromium, town) as (visitor, _):
        page = visitor.page
        await visitor.speak(language)
        await visitor.open("idp/auth?client_id=x&request_uri=urn:ietf:params:oauth:request_uri:x")
        await check_everywhere(visitor, axe, "a request that is over")
        await visitor.open("idp/signup")
        await box(page).click()
        await expect(page.locator("#problems")).to_be_visible()
        await check_everywhere(visitor, axe, "fields are missing")
        await fill(page, "lotte", email=f"{name}@people.example")
        await box(page).click()
        await expect(page.locator(".passkey [role=alert]")).not_to_be_empty()
        await check_everywhere(visitor, axe, "a name that is taken")
        await fill(page, name, email=f"{name}@people.example")
        await box(page).click()
        await page.wait_for_url("**/my/account/recovery?**")
        await check_everywhere(visitor, axe, "codes are offered")
        await page.locator("main button[type=submit]").click()
        await page.wait_for_selector(".codes")
        await check_everywhere(visitor, axe, "codes on the way")
        assert not visitor.foreign()
