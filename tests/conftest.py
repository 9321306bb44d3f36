"""What every test may use: a real server, the cast, and a client for them. The map of the tests is README.md."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.live import Live, serving
from tests.people import CAST, CONTAINER_LINK, Person, Visitor, read_cast


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("datakluis")
    group.addoption("--base-url", help="Run the conformance tests against this server, seeded with tests/cast.json.")
    group.addoption("--alike", action="append", default=[], help="205:204 takes the one status for the other.")
    group.addoption(
        "--cast", type=Path, default=CAST, help="A file like tests/cast.json, where credentials are others."
    )


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One server for the whole run, or the deployment that --base-url names."""
    elsewhere = request.config.getoption("--base-url")
    if elsewhere:
        base_url = elsewhere if elsewhere.endswith("/") else f"{elsewhere}/"
        yield Live(base_url, read_cast(base_url, request.config.getoption("--cast")))
        return
    with serving(tmp_path_factory.mktemp("vault")) as live:
        yield live


@pytest.fixture
def alice(server: Live) -> Person:
    return server.people["alice"]


@pytest.fixture
def bob(server: Live) -> Person:
    return server.people["bob"]


@pytest.fixture
def carol(server: Live) -> Person:
    return server.people["carol"]


@pytest.fixture
async def http(server: Live, request: pytest.FixtureRequest) -> AsyncIterator[Visitor]:
    """A client for this test, without cookies."""
    pairs = [pair.split(":") for pair in request.config.getoption("--alike")]
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        visitor = Visitor(session, server.base_url, {int(theirs): int(ours) for theirs, ours in pairs})
        yield visitor
        await visitor.leave()


@pytest.fixture
async def home(http: Visitor, alice: Person) -> str:
    """A fresh container in Alice's pod, private to her."""
    url = f"{alice.pod}t-{secrets.token_hex(6)}/"
    answer = await http.put(url, by=alice, Link=CONTAINER_LINK)
    assert answer.status == 201, answer.text
    return url
