"""The life of an account in a real browser: opened by a letter, renewed, looked after, closed. Accessible in every
state and language, usable without scripts."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from playwright.async_api import Browser, Page

from tests.journeys.conftest import Visitor, visiting
from tests.journeys.test_accessible import check_everywhere, violations
from tests.journeys.town import Town
from tests.live import serving
from tests.mailbox import Mailbox, link_in, mail_server, mail_settings
from vault.chores import post_letters
from vault.closing import close_accounts
from vault.ports import Vault

pytestmark = pytest.mark.asyncio(loop_scope="session")

PASSWORD = "wandelen langs de Demer"


@dataclass(frozen=True)
class Post:
    """A vault with mail, and the mailbox."""

    town: Town
    box: Mailbox

    def link(self, address: str) -> str:
        """The link in the newest letter, as a path below the vault."""
        self.town.live.within(post_letters)
        return link_in(self.box.to(address)[-1]).removeprefix(self.town.base_url)


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    with mail_server() as box, serving(tmp_path_factory.mktemp("post"), mail=mail_settings(box)) as live:
        yield Post(Town(live), box)


async def send(page: Page, button: str = "main form button[type=submit]") -> None:
    """Presses the main button of the page."""
    await page.locator(button).last.click()
    await page.wait_for_load_state()


async def opened(visitor: Visitor, post: Post, name: str) -> str:
    """An account of one's own, by letter; its address."""
    email, page = f"{name}@people.example", visitor.page
    await visitor.open("idp/signup")
    await page.fill("#email", email)
    await send(page)
    await visitor.open(post.link(email))
    for field, value in (("name", "Noor Claes"), ("pod", name), ("password", PASSWORD)):
        await page.fill(f"#{field}", value)
    await send(page)
    assert page.url.endswith("/my/")
    return email


@pytest.mark.slow
@pytest.mark.requirement("UX-35", "UX-36", "UX-31", "UX-33")
@pytest.mark.parametrize("language", ["nl", "fr", "de", "en"])
async def test_every_page_of_an_accounts_life_is_accessible(
    chromium: Browser, post: Post, axe: str, language: str
) -> None:
    """Dutch in every colour and width; the other languages, whose words are longer or shorter, on a small telephone."""
    async with visiting(chromium, post.town) as visitor:
        page, name = visitor.page, f"n{secrets.token_hex(4)}"
        email = f"{name}@people.example"
        await visitor.speak(language)

        async def check(where: str) -> None:
            assert await page.get_attribute("html", "lang") == language
            if language == "nl":
                await check_everywhere(visitor, axe, where)
                return
            await page.set_viewport_size({"width": 320, "height": 640})
            assert await violations(visitor, axe) == [], f"{where} in {language}"
            assert await page.evaluate("document.documentElement.scrollWidth") <= 320, f"{where} in {language}"

        await visitor.open("idp/signup")
        await check("the address first")
        await send(page)
        await check("no address")
        await page.fill("#email", email)
        await send(page)
        await check("a letter was sent")
        link = post.link(email)
        await visitor.open(link)
        await check("sign-up behind a link")
        for field, value in (("name", "Noor Claes"), ("pod", name), ("password", PASSWORD)):
            await page.fill(f"#{field}", value)
        await send(page)
        await visitor.open(link)
        await check("a used link")
        for path in ("my/account", "my/account/address", "my/account/sessions", "my/account/close"):
            await visitor.open(path)
            await check(path)
        await send(page)
        await check("not sure")
        await visitor.open("my/account/address")
        await page.fill("#new", f"{name}-2@people.example")
        await send(page)
        await check("a letter to the new address")
        await visitor.open(post.link(f"{name}-2@people.example"))
        await check("the new address")
        await send(page)
        await check("the address changed")
        email = f"{name}-2@people.example"
        await renewed(visitor, post, email, check)
        await page.fill("#email", email)
        await page.fill("#password", f"{PASSWORD} en terug")
        await send(page)
        await closed(visitor, post, email, check)
        assert visitor.foreign() == []


async def renewed(visitor: Visitor, post: Post, email: str, check: object) -> None:
    """The pages of a forgotten password; ends at the sign-in page."""
    assert callable(check)
    page = visitor.page
    await visitor.open("idp/forgot")
    await check("forgotten")
    await page.fill("#email", email)
    await send(page)
    await check("a letter about the password")
    await visitor.open(post.link(email))
    await check("a new password")
    await page.fill("#new", "kort")
    await send(page)
    await check("no good password")
    for field in ("new", "again"):
        await page.fill(f"#{field}", f"{PASSWORD} en terug")
    await send(page)
    await check("the password is set")
    await page.click("main a.button")
    await page.wait_for_load_state()
    await check("sign in, with a way to a new password")


async def closed(visitor: Visitor, post: Post, email: str, check: object) -> None:
    """The pages of closing, to the receipt."""
    assert callable(check)
    page = visitor.page
    await visitor.open("my/account/close")
    await page.check("#sure")
    await send(page)
    await check("to be closed")
    receipt = await page.get_attribute("a[href*='receipt=']", "href")
    assert receipt is not None
    for path in ("my/", "my/account"):
        await visitor.open(path)
        await check(f"{path} of an account to be closed")
    await visitor.open(post.link(email))
    await check("keep it?")
    await send(page)
    await check("kept")
    await visitor.open("my/account/close")
    await page.check("#sure")
    await send(page)
    await visitor.open(receipt.removeprefix(post.town.base_url))
    await check("not yet closed")
    post.town.live.within(lambda vault: run_out(vault, email))
    assert post.town.live.within(close_accounts) == 1
    await page.reload()
    await check("the receipt")


async def run_out(vault: Vault, email: str) -> None:
    async with vault.writing() as work:
        account = await work.accounts.by_email(email)
        assert account is not None
        await work.accounts.replace(replace(account, closes=vault.clock() - timedelta(seconds=1)))


@pytest.mark.requirement("UX-39", "UX-33", "UX-31")
async def test_an_account_is_opened_left_and_kept_without_scripts(chromium: Browser, post: Post) -> None:
    async with visiting(chromium, post.town, scripts=False, width=360, height=640) as visitor:
        page = visitor.page
        email = await opened(visitor, post, f"n{secrets.token_hex(4)}")
        await page.click("nav a[href='/my/account']")
        await page.click("a[href='/my/account/sessions']")
        assert await page.locator("main .card").count() == 1
        assert "Chrome" in await page.inner_text("main .card h2")
        await page.click("nav a[href='/my/account']")
        await page.click("a[href='/my/account/close']")
        await page.check("#sure")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("[role=region] button")
        await visitor.open("my/")
        assert "wordt gesloten" in await page.inner_text("[role=region]")
        await page.click("[role=region] button")
        await page.wait_for_url("**/my/account?kept=1")
        assert await page.locator("[role=region]").count() == 0
        await visitor.open("my/account/sessions")
        await page.click("form[action$='everywhere'] button")
        await page.wait_for_url("**/idp/signed-out")
        await visitor.open("my/")
        assert "/idp/login" in page.url
        await page.fill("#email", email)
        await page.fill("#password", PASSWORD)
        await send(page)
        assert page.url.endswith("/my/")
