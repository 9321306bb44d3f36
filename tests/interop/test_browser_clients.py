"""Apps that sign people in from the browser: Inrupt's library and uvdsl's, each with its whole life."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.interop.node import require
from tests.interop.web_apps import Place, apps, chromium, consent, log_in, read, shows, sign_in
from tests.live import Live
from tests.people import Person, Visitor, read_cast
from tests.server_process import server_process

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    require("@inrupt/solid-client-authn-browser")
    worker = require("@uvdsl/solid-oidc-client-browser") / "dist" / "esm" / "web" / "RefreshWorker.js"
    with apps(tmp_path_factory.mktemp("apps"), "inrupt", "uvdsl") as found:
        (found.folder / worker.name).write_bytes(worker.read_bytes())  # the library looks for it beside itself
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A browser that knows nobody yet."""
    context = await browser.new_context(locale="en-GB")
    yield await context.new_page()
    await context.close()


async def private_note(base_url: str, person: Person) -> str:
    """A new document of the person's own; its text is "for me alone"."""
    url = f"{person.pod}note-{secrets.token_hex(6)}.txt"
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        answer = await Visitor(session, base_url).put(url, "for me alone", by=person, kind="text/plain")
    assert answer.status == 201, answer.text
    return url


@pytest.mark.requirement("OP-3", "OP-6", "OP-10", "OP-16")
async def test_inrupts_library_with_registration_logs_in_stays_and_leaves(
    server: Live, place: Place, page: Page, alice: Person
) -> None:
    note = await private_note(server.base_url, alice)
    await page.goto(place.page("inrupt"))
    await shows(page, "nobody")
    assert await read(page, note) == (401, "")
    await log_in(page, server.base_url)
    await sign_in(page, alice)
    await consent(page)
    await shows(page, alice.webid)
    assert await read(page, note) == (200, "for me alone")
    assert (await read(page, server.people["bob"].pod))[0] == 403
    # A reload loses the token; the library gets another with prompt=none, and nobody is asked.
    await page.reload()
    await shows(page, alice.webid)
    assert await read(page, note) == (200, "for me alone")
    await page.evaluate("app.logout({ logoutType: 'app' })")
    assert await read(page, note) == (401, "")
    await page.reload()
    await shows(page, "nobody")


@pytest.mark.requirement("OP-4", "OP-16", "RFC9207-2")
async def test_inrupts_library_with_a_document_logs_in_and_out_everywhere(
    server: Live, place: Place, page: Page, alice: Person
) -> None:
    note, start = await private_note(server.base_url, alice), place.page("inrupt")
    client_id = place.client_document("inrupt", post_logout_redirect_uris=[start])
    await page.goto(start)
    await shows(page, "nobody")
    await log_in(page, server.base_url, client_id)
    await sign_in(page, alice)
    await expect(page.locator("main")).to_contain_text("inrupt with a document")
    await consent(page)
    await shows(page, alice.webid)
    assert await read(page, note) == (200, "for me alone")
    # The app alone forgets her: coming back she need not sign in. The library wants her asked again (prompt=consent).
    await page.evaluate("app.logout({ logoutType: 'app' })")
    await log_in(page, server.base_url, client_id)
    await consent(page)
    await shows(page, alice.webid)
    # RP-initiated logout: signed out there and here, and back at the app with its state.
    out = {"logoutType": "idp", "postLogoutUrl": start, "state": "ended"}
    await page.evaluate("out => { setTimeout(() => app.logout(out)) }", out)
    await page.wait_for_url(f"{start}?state=ended")
    await shows(page, "nobody")
    await log_in(page, server.base_url, client_id)
    await expect(page.locator("#password")).to_be_visible()


@pytest.mark.requirement("OP-16", "RFC9207-2")
async def test_inrupts_library_hears_a_no(server: Live, place: Place, page: Page, alice: Person) -> None:
    note = await private_note(server.base_url, alice)
    await page.goto(place.page("inrupt"))
    await shows(page, "nobody")
    await log_in(page, server.base_url)
    await sign_in(page, alice)
    await consent(page, "refuse")
    await shows(page, "refused: access_denied")
    assert await read(page, note) == (401, "")


@pytest.mark.requirement("PAIN-08", "OP-14")
@pytest.mark.slow
async def test_inrupts_library_does_not_notice_restarts(tmp_path: Path, place: Place, page: Page) -> None:
    with server_process(tmp_path / "data", insecure_allow_loopback="true") as process:

        def restart() -> None:
            process.kill()
            process.start()

        alice = read_cast(process.base_url)["alice"]
        note = await private_note(process.base_url, alice)
        await page.goto(place.page("inrupt"))
        await shows(page, "nobody")
        await log_in(page, process.base_url)  # registered before the restart
        restart()
        await sign_in(page, alice)
        await expect(page.locator("#reach-whole")).to_be_visible()
        restart()
        await consent(page)
        await shows(page, alice.webid)
        restart()
        assert await read(page, note) == (200, "for me alone")
        await page.reload()
        await shows(page, alice.webid)


@pytest.mark.requirement("OP-3", "OP-4", "OP-6", "OP-13", "OP-16")
@pytest.mark.parametrize("documented", [False, True], ids=["registered", "with a document"])
async def test_uvdsls_library_logs_in_refreshes_and_leaves(
    server: Live, place: Place, page: Page, alice: Person, documented: bool
) -> None:
    note = await private_note(server.base_url, alice)
    if documented:
        await page.add_init_script(f"globalThis.clientId = {place.client_document('uvdsl')!r}")
    await page.goto(place.page("uvdsl"))
    await shows(page, "nobody")
    await log_in(page, server.base_url)
    await sign_in(page, alice)
    await consent(page)
    await shows(page, alice.webid)
    tokens = set()
    for _ in range(3):
        async with page.expect_request(note) as asked:
            assert await read(page, note) == (200, "for me alone")
        tokens.add((await asked.value).headers["authorization"])
        # Where no page is left its worker ends, and with it the token: the next page gets another with the refresh
        # token, for the key that cannot leave the browser's store.
        await page.goto("about:blank")
        await page.goto(place.page("uvdsl"))
        await shows(page, alice.webid)
    assert len(tokens) == 3
    await page.evaluate("app.logout()")
    assert await read(page, note) == (401, "")
    await page.reload()
    await shows(page, "nobody")
