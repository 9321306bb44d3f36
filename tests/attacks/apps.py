"""Apps that a person let in under a ceiling, and what the person does about them later, all through HTTP."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.browser import App, Browser, register
from tests.live import Live
from tests.people import Answer, Person, Visitor, read_cast
from vault.seed import read_plan, seed

APPS = "/my/account/apps"


def folders(*urls: str, base_url: str) -> list[tuple[str, str]]:
    """The form's choice of these folders."""
    return [("reach", "folders"), *(("folder", url.removeprefix(base_url)) for url in urls)]


@dataclass
class Connected:
    """An app with tokens, and the browser of the person who let it in."""

    http: Visitor
    app: App
    browser: Browser
    person: Person
    tokens: Any

    @property
    def page(self) -> str:
        """The app's page in the person's account."""
        return f"{APPS}/{hashlib.sha256(self.app.client_id.encode()).hexdigest()[:32]}"

    async def send(
        self, method: str, url: str, body: str | None = None, *, kind: str | None = None, **more: str
    ) -> Answer:
        """One request with the app's token and a fresh proof."""
        headers = {name.replace("_", "-"): value for name, value in more.items()}
        headers |= {
            "Authorization": f"DPoP {self.app.holder.token}",
            "DPoP": self.app.holder.proof(method, url.partition("?")[0]),
        }
        return await self.http.send(method, url, body=body, kind=kind, headers=headers)

    async def reads(self, url: str) -> int:
        return (await self.send("GET", url)).status

    async def subscribe(self, kind: str, topic: str, **more: str) -> Answer:
        body = {"@context": ["https://www.w3.org/ns/solid/notification/v1"], "type": kind, "topic": topic, **more}
        place = f"{self.http.base_url}.notifications/{kind}/"
        return await self.send("POST", place, json.dumps(body), kind="application/ld+json")

    async def limit(self, choose: Sequence[tuple[str, str]]) -> Answer:
        """The person chooses anew how far, on the app's page."""
        page = await self.browser.open(self.page)
        assert page.status == 200, page.text
        return await self.browser.submit(page, self.page, choose, press="1")

    async def disconnect(self) -> Answer:
        """The person shows the app out: one question, one press."""
        page = await self.browser.open(f"{self.page}/disconnect")
        assert page.status == 200, page.text
        return await self.browser.submit(page, f"{self.page}/disconnect")


async def connect(
    http: Visitor, person: Person, choose: Sequence[tuple[str, str]], *, app: App | None = None, **asked: str
) -> Connected:
    """An app that the person lets in so far."""
    app = app or await register(http, token_endpoint_auth_method="none")
    browser = Browser(http)
    tokens = (await app.redeem(await app.code_for(browser, person, choose, **asked))).json
    app.holder.token = tokens["access_token"]
    return Connected(http, app, browser, person, tokens)


def newcomer(server: Live, folder: Path) -> Person:
    """Somebody with a pod of their own in which nothing has happened yet: with few folders, all of them are offered."""
    pod = f"new-{secrets.token_hex(4)}"
    account = {
        "email": f"{pod}@people.example",
        "password": secrets.token_urlsafe(16),
        "pod": pod,
        "name": "Nell New",
        "credentials": {"id": f"{pod}-machine", "secret": secrets.token_urlsafe(16)},
    }
    plan = folder / f"{pod}.json"
    plan.write_text(json.dumps({"accounts": [account]}), encoding="utf-8")
    server.within(lambda vault: seed(vault, read_plan(plan), folder))
    return read_cast(server.base_url, plan)[pod]
