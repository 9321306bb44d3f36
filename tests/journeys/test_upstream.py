"""Signing in with the government's login in a real browser: accessible in every state and language, usable by keyboard,
without scripts, and asked for where the operator wants to be sure of the person."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from urllib.parse import urlencode, urlsplit

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page

from tests.journeys.conftest import Visitor, visiting
from tests.journeys.test_accessible import LANGUAGES, check_everywhere
from tests.journeys.test_passkeys import box, with_device
from tests.journeys.town import DIPLOMA, LOTTE, Town, built
from tests.upstream import Forged, forged_provider, trusting

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(scope="module")
def login() -> Iterator[Forged]:
    """The government's login, on an origin of its own."""
    with forged_provider() as far:
        far.configure(end_session_endpoint=f"{far.issuer}/leave")
        yield far


@pytest.fixture(scope="module")
def careful(login: Forged, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The town, where nothing is shared without a level."""
    sections = trusting(login, level_to_share="urn:substantial")
    with built(tmp_path_factory.mktemp("careful"), **sections) as found:
        yield found


def place(page: Page) -> str:
    return urlsplit(page.url).path


async def there_and_back(visitor: Visitor, login: Forged, **claims: object) -> None:
    """Follows the link to the provider and says yes there."""
    login.visitor = dict(claims)
    await visitor.page.click("main a[href^='/idp/upstream']")
    await visitor.page.click("#yes")


@pytest.mark.slow
@pytest.mark.requirement("UX-36")
@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_of_it_is_accessible(
    chromium: Browser, careful: Town, login: Forged, axe: str, language: str
) -> None:
    name = f"axe-{secrets.token_hex(4)}"
    async with visiting(chromium, careful) as visitor:
        page = visitor.page
        await visitor.speak(language)
        await visitor.open("idp/login")
        await check_everywhere(visitor, axe, "sign-in with the button")
        await there_and_back(visitor, login, sub=name, name="Nele Wijns", rrn="85.07.30-033.61")
        assert place(page) == "/idp/upstream/welcome"
        assert await page.get_attribute("html", "lang") == language
        await check_everywhere(visitor, axe, "welcome")
        await page.fill("#name", "")
        await page.click("main button[type=submit]")
        assert await page.locator("#problems a").count() == 2
        await check_everywhere(visitor, axe, "incomplete welcome")
        assert await visitor.open("idp/upstream/callback?state=x&code=y") == 403
        await check_everywhere(visitor, axe, "refused")
    async with visiting(chromium, careful) as visitor:
        await visitor.speak(language)
        await visitor.sign_in(LOTTE)
        await visitor.open("my/account/elsewhere")
        await check_everywhere(visitor, axe, "nothing joined")
        await visitor.open("idp/upstream/level?level=urn:high&next=/my/log")
        await check_everywhere(visitor, axe, "a level is needed")
        await visitor.open("my/account/elsewhere")
        login.visitor = {"sub": name, "name": "Lotte Peeters"}
        await visitor.page.click("main a[href='/my/account/elsewhere/add']")
        await visitor.page.click("#yes")
        assert place(visitor.page) == "/my/account/elsewhere/link"
        await check_everywhere(visitor, axe, "join?")
        await visitor.page.click("button[value=link]")
        assert await visitor.page.locator(".notice.good").is_visible()
        await check_everywhere(visitor, axe, "joined")
        await visitor.open("idp/confirm")
        await check_everywhere(visitor, axe, "confirm, with the button")
        await visitor.open("my/account/elsewhere")
        await visitor.page.click("main .danger")
        await check_everywhere(visitor, axe, "ended")
        await visitor.page.click("form[action='/idp/logout'] button")
        assert place(visitor.page) == "/idp/signed-out"
        await check_everywhere(visitor, axe, "signed out, and there?")
        login.there.documents["/leave"] = bring_back
        await visitor.page.click("main a[href='/idp/upstream/sign-out']")
        assert place(visitor.page) == "/idp/upstream/signed-out"
        assert "Burgerlogin" in await visitor.page.inner_text("main .lead")
        await check_everywhere(visitor, axe, "signed out there too")


async def bring_back(request: web.Request) -> web.StreamResponse:
    """The provider signs her out and sends her where we asked it to."""
    query = dict(request.query)
    assert query["client_id"]
    raise web.HTTPFound(f"{query['post_logout_redirect_uri']}?{urlencode({'state': query['state']})}")


@pytest.mark.requirement("UX-36", "UX-43")
async def test_a_first_visit_by_keyboard_without_scripts(chromium: Browser, careful: Town, login: Forged) -> None:
    name = f"keys-{secrets.token_hex(4)}"
    login.visitor = {"sub": name, "name": name.title(), "email": f"{name}@people.example", "email_verified": True}
    async with visiting(chromium, careful, scripts=False) as visitor:
        page = visitor.page
        await visitor.open("my/data")
        await page.focus("#password")
        for _ in range(2):  # past the button for the password
            await page.keyboard.press("Tab")
        assert (await page.locator(":focus").inner_text()) == "Aanmelden met Burgerlogin"
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#yes")
        await page.focus("#yes")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#pod")
        assert await page.input_value("#pod") == name
        await page.focus("#pod")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/my/data")
        # Cancelled is no accident: back at the sign-in page, and from there it still works.
        await visitor.context.clear_cookies()
        await visitor.open("my/log")
        await page.click("main a[href^='/idp/upstream']")
        await page.click("#no")
        assert place(page) == "/idp/login"
        await page.click("main a[href^='/idp/upstream']")
        await page.click("#yes")
        assert place(page) == "/my/log"


@pytest.mark.requirement("UP-8")
async def test_sharing_needs_the_level_and_leads_back_to_the_request(
    chromium: Browser, careful: Town, login: Forged
) -> None:
    asked = careful.ask("hr-scheldeland", DIPLOMA)
    async with visiting(chromium, careful) as visitor:
        page = visitor.page
        await visitor.sign_in(LOTTE)
        await visitor.open(f"my/requests/{asked}")
        await approve(page)
        assert place(page) == "/idp/upstream/level"
        await there_and_back(visitor, login, sub="lotte-there", name="Lotte Peeters", acr="urn:substantial")
        await page.click("button[value=link]")  # the first time it is joined to her vault on the way
        assert place(page) == f"/my/requests/{asked}"
        await approve(page)
        assert place(page) == f"/my/requests/{asked}/receipt"
        # To pause needs nothing; to share again does, in a session that has no level.
        await visitor.context.clear_cookies()
        await visitor.sign_in(LOTTE)
        await visitor.open("my/sharing")
        await page.click("main a[href^='/my/sharing/']:not([href$=stop])")
        grant = place(page)
        await page.click(f"form[action='{grant}/pause'] button")
        assert place(page) == grant
        await page.click(f"form[action='{grant}/resume'] button")
        assert place(page) == "/idp/upstream/level"
        await there_and_back(visitor, login, sub="lotte-there", acr="urn:low")
        assert "niet zeker genoeg" in await page.inner_text("main")
        await page.click("main a.button:not(.plain)")
        await there_and_back(visitor, login, sub="lotte-there", acr="urn:high")
        assert place(page) == grant
        await page.click(f"form[action='{grant}/resume'] button")
        assert page.url.endswith("?done=resumed")
        # To refuse needs nothing either.
        await visitor.context.clear_cookies()
        await visitor.sign_in(LOTTE)
        other = careful.ask("hr-scheldeland", DIPLOMA)
        await visitor.open(f"my/requests/{other}")
        await page.locator(".bar button").nth(1).click()
        assert place(page) == f"/my/requests/{other}/receipt"


async def approve(page: Page) -> None:
    """Chooses the first document and an end, and says yes."""
    await page.locator("input[name=document]").first.check()
    await page.locator("input[name=until]").first.check()
    await page.locator(".bar button").first.click()


@pytest.mark.requirement("ATK-30")
async def test_a_first_visit_opens_a_vault_with_a_passkey(chromium: Browser, careful: Town, login: Forged) -> None:
    name = f"key-{secrets.token_hex(4)}"
    async with with_device(chromium, careful, width=360) as (visitor, device):
        page = visitor.page
        await visitor.open("my/data")
        await there_and_back(visitor, login, sub=name, name=name.title())
        await page.focus("#email")
        await page.keyboard.press("Enter")  # the passkey is the first choice; the page says what is missing
        await page.wait_for_selector("#problems")
        await page.fill("#email", f"{name}@people.example")
        await box(page).click()
        await page.wait_for_url("**/my/data")
        assert await device.credentials() == 1
        await visitor.context.clear_cookies()
        await visitor.open("idp/login")  # the device takes what the browser offers
        await page.wait_for_url("**/my/")
