"""kill -9 between the commit and the letter: it arrives when the server is up again, once."""

from __future__ import annotations

import time
from pathlib import Path

import aiohttp

from tests.browser import Browser
from tests.conformance.accounts.conftest import ask
from tests.mailbox import Mailbox, free_port, link_in, mail_server
from tests.people import Visitor
from tests.server_process import server_process
from vault.identity.post import LEASE

ANN = "ann@people.example"


async def test_letter_survives_kill_9_and_arrives_once(tmp_path: Path) -> None:
    box = Mailbox(free_port())  # nobody answers there so far
    mail = {
        "smtp_host": "127.0.0.1",
        "smtp_port": str(box.port),
        "smtp_security": "none",
        "mail_from": "datakluis@vault.example",
        "mail_retry_seconds": "1",
    }
    with server_process(tmp_path / "data", workers=1, **mail) as server:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            browser = Browser(Visitor(session, server.base_url))
            page = await ask(browser, ANN)
            assert "mailbox" in page.text
            server.kill()
            with mail_server(mailbox=box):
                server.start()
                arrived(box)
                page = await browser.open(link_in(box.received[0]))
                assert page.status == 200
                server.stop()
                server.start()
                await ask(browser, "bob@people.example")
                arrived(box, 2)
    assert [str(message["To"]) for message in box.received] == [ANN, "bob@people.example"]


def arrived(box: Mailbox, count: int = 1) -> None:
    # One that was being tried at the moment of the kill is free again when its lease has ended.
    end = time.monotonic() + 20 + LEASE.total_seconds()
    while len(box.received) < count:
        assert time.monotonic() < end
        time.sleep(0.05)
