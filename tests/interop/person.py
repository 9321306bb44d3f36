"""The person whom a client without a browser of its own sends to the sign-in page."""

from __future__ import annotations

from urllib.parse import urlencode

import aiohttp

from tests.browser import App, Browser
from tests.interop.node import Visit
from tests.live import Live
from tests.people import Person, Visitor

REDIRECT = "https://app.example/cb"  # where every one of these clients waits for her


def at_a_browser(web: aiohttp.ClientSession, place: Live, person: Person) -> Visit:
    """Somebody who opens what a client gives, signs in, says yes, and tells where that led."""
    http = Visitor(web, place.base_url)
    app, browser = App(http, "", REDIRECT), Browser(http)

    async def visit(url: str) -> str:
        if url.startswith(f"{place.base_url}idp/auth"):
            return f"{REDIRECT}?{urlencode(await app.led(browser, person, url))}"
        return (await browser.open(url)).location

    return visit
