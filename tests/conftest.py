"""What every test may use: a real server, the cast, and a client for them. The map of the tests is README.md."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.live import Live, serving
from tests.people import CONTAINER_LINK, Person, Visitor, read_cast

_REQUIREMENTS = pytest.StashKey[dict[str, dict[str, str]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("datakluis")
    group.addoption("--base-url", help="Run the conformance tests against this server, seeded with tests/cast.json.")
    group.addoption("--requirements", help="Write a JSON file: requirement → its tests and their outcomes.")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_REQUIREMENTS] = {}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Notes which requirement each test proves, before any of them runs."""
    found = config.stash[_REQUIREMENTS]
    for item in items:
        for marker in item.iter_markers("requirement"):
            for requirement in marker.args:
                found.setdefault(requirement, {})[item.nodeid] = "not run"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report: pytest.TestReport = yield  # type: ignore[assignment]
    for marker in item.iter_markers("requirement"):
        for requirement in marker.args:
            tests = item.config.stash[_REQUIREMENTS][requirement]
            if report.when == "call" or report.outcome != "passed":
                tests[item.nodeid] = report.outcome
    return report  # type: ignore[return-value]


def pytest_sessionfinish(session: pytest.Session) -> None:
    target = session.config.getoption("--requirements")
    if target:
        table = dict(sorted(session.config.stash[_REQUIREMENTS].items()))
        Path(target).write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One server for the whole run, or the deployment that --base-url names."""
    elsewhere = request.config.getoption("--base-url")
    if elsewhere:
        base_url = elsewhere if elsewhere.endswith("/") else f"{elsewhere}/"
        yield Live(base_url, read_cast(base_url))
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
async def http(server: Live) -> AsyncIterator[Visitor]:
    """A client for this test, without cookies."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield Visitor(session, server.base_url)


@pytest.fixture
async def home(http: Visitor, alice: Person) -> str:
    """A fresh container in Alice's pod, private to her."""
    url = f"{alice.pod}t-{secrets.token_hex(6)}/"
    answer = await http.put(url, by=alice, Link=CONTAINER_LINK)
    assert answer.status == 201, answer.text
    return url
