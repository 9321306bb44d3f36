"""A town with a running vault, and a real Chromium to visit it with.

Everything lives in one event loop for the whole run, so that the browser is started once.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.journeys.town import AMIR, DIPLOMA, LOTTE, SILENT, WAGES, Town, built

AXE = Path(__file__).parents[1] / "interop" / "node_modules" / "axe-core" / "axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder drives the browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@dataclass(frozen=True)
class Visitor:
    """A browser context at the vault, with a note of every address it asked for."""

    base_url: str
    context: BrowserContext
    page: Page
    asked: list[str]

    async def open(self, path: str) -> int:
        """Opens a page of the vault; its status."""
        answer = await self.page.goto(self.base_url + path.lstrip("/"))
        assert answer is not None
        return answer.status

    async def follow(self, *links: str) -> None:
        """Follows links by keyboard, one after the other; `links` are their words, or a part of them."""
        for words in links:
            await self.page.get_by_role("link", name=words).focus()
            await self.page.keyboard.press("Enter")

    async def sign_in(self, person: tuple[str, str]) -> None:
        await self.open("my/")
        await self.page.fill("#email", person[0])
        await self.page.fill("#password", person[1])
        await self.page.click("main button[type=submit]")
        await self.page.wait_for_url("**/my/")

    async def speak(self, language: str) -> None:
        """Chooses a language, as the switch in the foot does."""
        await self.context.add_cookies([{"name": "lang", "value": language, "url": self.base_url}])

    def foreign(self) -> list[str]:
        """Everything that was asked of somebody else (UX-41)."""
        return [url for url in self.asked if not url.startswith(self.base_url)]


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with built(tmp_path_factory.mktemp("town")) as found:
        yield found


@pytest.fixture(scope="session")
def states(town: Town) -> dict[str, str]:
    """The pages of the citizen in each of their states: a name → an address."""
    grant = town.approve(town.ask("hr-scheldeland", DIPLOMA))
    town.read(grant)
    town.pause(grant)
    town.read(grant)  # refused, and in the log
    soon = town.approve(town.ask("woonhuys", WAGES, days=20), days=5)
    town.read(soon)
    refused = town.ask("hr-scheldeland", DIPLOMA)
    town.refuse(refused)
    ended = town.approve(approved := town.ask("hr-scheldeland", DIPLOMA))
    town.revoke(ended)
    waiting = town.ask("hr-scheldeland", DIPLOMA, days=50)
    wages = town.ask("woonhuys", WAGES, days=20)
    silent = town.ask("vlinder", SILENT, days=None)
    return {
        "home": "my/",
        "requests": "my/requests?state=all",
        "request": f"my/requests/{waiting}",
        "request with warnings": f"my/requests/{wages}",
        "request of a silent stranger": f"my/requests/{silent}",
        "request already answered": f"my/requests/{approved}",
        "receipt": f"my/requests/{approved}/receipt",
        "receipt of a refusal": f"my/requests/{refused}/receipt",
        "sharing": "my/sharing",
        "nothing found": "my/sharing?q=nobody",
        "grant paused": f"my/sharing/{grant}",
        "grant ended": f"my/sharing/{ended}?done=revoked",
        "revoke": f"my/sharing/{soon}/revoke",
        "stop": "my/sharing/stop",
        "log": "my/log",
        "log with everything": "my/log?what=all",
        "data": "my/data",
        "document": "my/data/diploma/ugent-2018",
        "root folder": "my/folders/",
        "folder": "my/folders/diplomas/",
        "file": "my/folders/diplomas/ugent-2018",
        "delete": "my/folders/diplomas/ugent-2018?delete=1",
        "missing": "my/sharing/nothing-here",
    }


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    async with async_playwright() as playwright:
        # As root Chromium refuses its sandbox; Playwright switches it off by itself.
        browser = await playwright.chromium.launch(executable_path=path, args=["--disable-dev-shm-usage"])
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(chromium: Browser, town: Town) -> AsyncIterator[Visitor]:
    """Somebody who is not signed in."""
    async with visiting(chromium, town) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="session")
async def lotte(chromium: Browser, town: Town) -> AsyncIterator[Visitor]:
    """The citizen with diplomas and wages, signed in."""
    async with visiting(chromium, town) as found:
        await found.sign_in(LOTTE)
        yield found


@pytest_asyncio.fixture(loop_scope="session")
async def amir(chromium: Browser, town: Town) -> AsyncIterator[Visitor]:
    """The citizen with an empty vault, signed in."""
    async with visiting(chromium, town) as found:
        await found.sign_in(AMIR)
        yield found


@pytest.fixture(scope="session")
def axe() -> str:
    """The accessibility checker, to be evaluated in a page: so our CSP stays switched on."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci in tests/interop")
    return AXE.read_text(encoding="utf-8")


@asynccontextmanager
async def visiting(
    chromium: Browser, town: Town, *, scripts: bool = True, width: int = 1280, height: int = 900, **options: object
) -> AsyncIterator[Visitor]:
    """A context of its own, as for another person or device."""
    context = await chromium.new_context(
        java_script_enabled=scripts,
        viewport={"width": width, "height": height},
        locale="nl-BE",
        **options,  # type: ignore[arg-type]
    )
    page = await context.new_page()
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    yield Visitor(town.base_url, context, page, asked)
    await context.close()
