"""mashlib, the data browser of SolidOS, in a real Chromium: an app of another origin, served from a second port."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlencode

import pytest
from playwright.async_api import Page, Route, expect

from tests.interop.node import require
from tests.interop.web_apps import chromium, consent, served, sign_in
from tests.live import Live
from tests.people import TURTLE, Person, Visitor

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app() -> Iterator[str]:
    """Where browse.html is served."""
    with served(require("mashlib") / "dist") as base_url:
        yield f"{base_url}browse.html"


@dataclass
class Tab:
    """A page of the browser, and what went wrong in it."""

    page: Page
    errors: list[str] = field(default_factory=list)


@asynccontextmanager
async def browsing() -> AsyncIterator[Tab]:
    async def refuse(route: Route) -> None:
        await route.abort()

    async with chromium() as browser:
        context = await browser.new_context(locale="en-GB")
        # Its icons and some vocabularies live on the net, where a test has no business.
        await context.route(lambda url: "//localhost" not in url, refuse)
        tab = Tab(await context.new_page())
        tab.page.on("pageerror", lambda error: tab.errors.append(str(error)))
        yield tab


async def test_mashlib_shows_a_profile_to_everybody(server: Live, app: str, alice: Person) -> None:
    async with browsing() as tab:
        await tab.page.goto(f"{app}?{urlencode({'uri': alice.webid})}")
        await expect(tab.page.locator("#OutlineView")).to_contain_text(alice.name, timeout=30_000)
        assert tab.errors == []


async def test_mashlib_signs_in_reads_writes_and_stays_signed_in(
    server: Live, app: str, http: Visitor, home: str, alice: Person
) -> None:
    """Dynamic registration, PKCE, consent, a token bound to a key of the browser, CORS everywhere, and a refresh."""
    doc = f"{home}notes.ttl"
    await http.put(doc, '<#it> <http://purl.org/dc/terms/title> "One".', by=alice, kind=TURTLE)
    place = f"{app}?{urlencode({'uri': home})}"
    async with browsing() as tab:
        page = tab.page
        await page.goto(place)
        await expect(page.locator("#OutlineView")).to_contain_text("not publicly readable", timeout=30_000)
        await page.evaluate(
            "([idp, back]) => { setTimeout(() => SolidLogic.authSession.login(idp, back)) }", [server.base_url, place]
        )
        await page.wait_for_url("**/idp/login**")
        await sign_in(page, alice)
        await consent(page)
        await page.wait_for_url(f"{app}**")
        assert await page.evaluate("SolidLogic.authn.checkUser().then(me => me?.value)") == alice.webid
        assert await page.evaluate(_LISTING, home) == [doc]
        await page.evaluate(_EDIT, doc)
        assert '"Two"' in (await http.get(doc, by=alice)).text
        assert '"One"' not in (await http.get(doc, by=alice)).text
        tab.errors.clear()  # the folder was first asked for without credentials, and for a .meta that it does not have
        # A new page has no token in memory: it gets one with the refresh token, for the key in the browser's store.
        await page.goto(f"{app}?{urlencode({'uri': alice.webid})}")
        assert await page.evaluate("SolidLogic.authn.checkUser().then(me => me?.value)") == alice.webid
        assert await page.evaluate(_LISTING, home) == [doc]
        assert tab.errors == []


_LISTING = """async folder => {
  const { store } = SolidLogic, here = $rdf.sym(folder)
  await store.fetcher.load(here, { force: true })
  return store.each(here, $rdf.sym('http://www.w3.org/ns/ldp#contains'), null, here).map(one => one.value)
}"""
_EDIT = """async url => {
  const { store } = SolidLogic, doc = $rdf.sym(url), title = $rdf.sym('http://purl.org/dc/terms/title')
  await store.fetcher.load(doc, { force: true })
  const two = $rdf.st($rdf.sym(`${url}#it`), title, 'Two', doc)
  await store.updater.update(store.statementsMatching(null, title, null, doc), [two])
}"""
