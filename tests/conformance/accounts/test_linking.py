"""Word by mail of a WebID from elsewhere that an account signs in as, and of one that it no longer does."""

from __future__ import annotations

import re
import secrets
from html import unescape

from tests.browser import Browser
from tests.conformance.accounts.conftest import Place
from tests.elsewhere import Elsewhere, elsewhere_server
from tests.mailbox import text_of
from tests.people import Answer
from vault.identity.tokens import digest

IDENTITIES = "/my/account/identities"


async def linked(browser: Browser, there: Elsewhere) -> tuple[str, Answer]:
    """A WebID that carries what it has to, and the answer to linking it."""
    path = f"/card-{secrets.token_hex(4)}"
    webid = there.publish(path, "<#me> a <#Person>.") + "#me"
    page = await browser.submit(await browser.open(f"{IDENTITIES}/webid"), f"{IDENTITIES}/webid", webid=webid)
    lines = re.search(r'<pre[^>]*id="lines"[^>]*>([^<]+)</pre>', page.text)
    assert lines, page.text
    there.publish(path, unescape(lines[1]))
    return webid, await browser.submit(page, f"{IDENTITIES}/webid")


async def test_owner_gets_a_letter_when_a_webid_is_linked_and_when_it_is_unlinked(place: Place) -> None:
    ann = await place.newcomer()
    browser = place.browser("fr")
    await browser.sign_in(ann)
    before = len(place.letters(ann.email))
    with elsewhere_server() as there:
        webid, done = await linked(browser, there)
    assert webid in done.text
    (letter,) = place.letters(ann.email)[before:]
    assert letter["Content-Language"] == "fr"
    assert "WebID d’ailleurs a été lié" in text_of(letter)
    assert webid not in text_of(letter)  # a mailbox is not a place for it
    one = f"{IDENTITIES}/{digest(webid)[:32]}/unlink"
    await browser.submit(await browser.open(one), one)
    (last,) = place.letters(ann.email)[before + 1 :]
    assert "WebID d’ailleurs n’est plus lié" in text_of(last)


async def test_webid_that_was_not_linked_is_no_reason_for_a_letter(place: Place) -> None:
    ann = await place.newcomer()
    browser = place.browser()
    await browser.sign_in(ann)
    before = len(place.letters(ann.email))
    with elsewhere_server() as there:
        webid = there.publish("/card", "<#me> a <#Person>.") + "#me"
        await browser.submit(await browser.open(f"{IDENTITIES}/webid"), f"{IDENTITIES}/webid", webid=webid)
    assert len(place.letters(ann.email)) == before
