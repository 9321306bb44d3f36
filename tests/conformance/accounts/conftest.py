"""A server with mail, and everybody's mailbox."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from email.message import EmailMessage

import aiohttp
import pytest

from tests.browser import Browser
from tests.live import Live, serving
from tests.mailbox import Mailbox, link_in, mail_server, mail_settings
from tests.people import Answer, Person, Visitor
from vault.chores import post_letters


@dataclass
class Place:
    """A server, the mailbox its letters arrive in, and somebody to knock."""

    live: Live
    box: Mailbox
    http: Visitor

    def browser(self, language: str = "en") -> Browser:
        return Browser(self.http, language=language)

    def post(self) -> int:
        """The chore that sends letters, once."""
        return self.live.within(post_letters)

    def letters(self, address: str) -> list[EmailMessage]:
        """Everything that arrived for this address, by now."""
        self.post()
        return self.box.to(address)

    def link(self, address: str) -> str:
        """The link in the newest letter."""
        return link_in(self.letters(address)[-1])

    async def newcomer(self, **fields: str) -> Person:
        """Somebody with an account of their own, made the way anybody makes one."""
        name = f"p{secrets.token_hex(5)}"
        email, password = f"{name}@people.example", f"a long password {name}"
        browser = self.browser()
        await ask(browser, email)
        page = await browser.open(self.link(email))
        filled = {"name": "New Comer", "pod": name, "password": password, **fields}
        answer = await browser.submit(page, "/idp/signup", **filled, follow=False)
        assert answer.status == 303, answer.text
        webid = f"{self.live.base_url}{name}/profile/card#me"
        return Person("New Comer", email, password, webid, f"{self.live.base_url}{name}/", "", "")


async def ask(browser: Browser, email: str, *, follow: bool = True) -> Answer:
    """Asks to sign up with an address."""
    page = await browser.open("/idp/signup")
    return await browser.submit(page, "/idp/signup", email=email, follow=follow)


@pytest.fixture(scope="module")
def mailing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Live, Mailbox]]:
    with mail_server() as box, serving(tmp_path_factory.mktemp("mailing"), mail=mail_settings(box)) as live:
        yield live, box


@pytest.fixture
async def place(mailing: tuple[Live, Mailbox]) -> AsyncIterator[Place]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield Place(*mailing, Visitor(session, mailing[0].base_url))
