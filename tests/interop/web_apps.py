"""Apps of another origin in a real Chromium: bundled from apps/, served from a second port, used by a person."""

from __future__ import annotations

import functools
import http.server
import json
import secrets
import shutil
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.interop.node import HERE, node, require
from tests.people import Person

_PAGE = '<!doctype html><html lang="en"><title>{0}</title><output></output><script type="module" src="{0}.js"></script>'


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def guess_type(self, path: Any) -> str:
        return "application/ld+json" if str(path).endswith(".jsonld") else super().guess_type(path)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: the browser's own notes are looked at instead."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serves the files of a folder until the block ends; its URL, with a slash."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder))) as found:
        thread = threading.Thread(target=found.serve_forever, daemon=True)
        thread.start()
        yield f"http://localhost:{found.server_address[1]}/"
        found.shutdown()
        thread.join(10)


@dataclass(frozen=True)
class Place:
    """Where the apps are, and what stands beside them."""

    folder: Path
    base_url: str

    def page(self, app: str) -> str:
        return f"{self.base_url}{app}.html"

    def client_document(self, app: str, **more: Any) -> str:
        """Publishes a Client ID Document for an app; the client's id."""
        name = f"{app}-{secrets.token_hex(4)}.jsonld"
        document = {
            "@context": "https://www.w3.org/ns/solid/oidc-context.jsonld",
            "client_id": self.base_url + name,
            "client_name": f"{app} with a document",
            "redirect_uris": [self.page(app)],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "scope": "openid webid offline_access",
            "token_endpoint_auth_method": "none",
            **more,
        }
        (self.folder / name).write_text(json.dumps(document))
        return self.base_url + name


@contextmanager
def apps(folder: Path, *names: str) -> Iterator[Place]:
    """Bundles these apps and serves them until the block ends."""
    esbuild = require("esbuild") / "bin" / "esbuild"
    sources = [str(HERE / "apps" / f"{name}.mjs") for name in names]
    shape = ["--bundle", "--format=esm", "--platform=browser", "--log-level=error", f"--outdir={folder}"]
    subprocess.run([node(), str(esbuild), *sources, *shape], check=True, timeout=60)
    for name in names:
        (folder / f"{name}.html").write_text(_PAGE.format(name))
    with served(folder) as base_url:
        yield Place(folder, base_url)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A running Chromium, or a skip."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--disable-dev-shm-usage"])
        yield browser
        await browser.close()


async def log_in(page: Page, issuer: str, *client_id: str) -> None:
    """What the app's button for signing in does; ends at the provider."""
    asked = [issuer, *client_id]
    await page.evaluate("asked => { setTimeout(() => app.login(...asked)) }", asked)
    await page.wait_for_url(f"{issuer}**")


async def sign_in(page: Page, person: Person) -> None:
    """The provider's sign-in page."""
    await page.fill("#email", person.email)
    await page.fill("#password", person.password)
    await page.click("main button[type=submit]")


async def consent(page: Page, choice: str = "allow") -> None:
    """The provider's consent page: all that the person may do herself, or no."""
    await page.check("#reach-whole")
    await page.click(f"button[value={choice}]")


async def shows(page: Page, whom: str) -> None:
    """The app has come to an end, and shows this."""
    await expect(page.locator("output")).to_have_text(whom, timeout=20_000)


async def read(page: Page, url: str) -> tuple[int, str]:
    """What the app gets there: status and text."""
    status, text = await page.evaluate("url => app.read(url)", url)
    return status, text
