"""Inrupt's library in a web server: a person signs in once, and the server keeps her session without her."""

from __future__ import annotations

from collections.abc import Iterator

import aiohttp
import pytest

from tests.interop.node import client, require
from tests.interop.person import at_a_browser
from tests.live import Live, serving


@pytest.fixture
def brief(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server whose tokens end after seven seconds: the library renews them five before that."""
    with serving(tmp_path_factory.mktemp("brief"), identity={"access_token_seconds": 7}) as live:
        yield live


@pytest.mark.requirement("OP-3", "OP-6", "OP-8", "OP-13")
async def test_inrupts_library_keeps_a_persons_session_alive_and_finds_it_again(brief: Live) -> None:
    require("@inrupt/solid-client-authn-node")
    alice = brief.people["alice"]
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as web:
        seen = await client("inrupt_code", brief, home=alice.pod, visit=at_a_browser(web, brief, alice))
    assert seen == {
        "alive": {"webId": alice.webid, "first": 200, "renewed": True, "later": 200, "ended": 401},
        "stored": {"webIds": [alice.webid] * 2, "homes": [200, 200], "rotated": 2, "ended": 401},
    }
