"""The citizen's browser, for a script: cookies, links, and forms filled in and sent as a person would.

The pages work without JavaScript, so a session and a form parser are all a browser needs to be here. The same steps in
a real Chromium are in tests/journeys.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Self
from urllib.parse import urljoin

import aiohttp


@dataclass
class Form:
    """A form as the page shows it: where it goes, and the fields with their values of now."""

    action: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)  # boxes and radio buttons that can be ticked
    buttons: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Page:
    """One page: its address, its text without markup, its forms."""

    url: str
    status: int
    text: str
    forms: list[Form]

    def form(self, action: str) -> Form:
        """The form whose action ends in `action`."""
        for form in self.forms:
            if form.action.rstrip("/").endswith(action):
                return form
        raise LookupError(f"{self.url} has no form for {action}: {self.text[:300]}")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.words: list[str] = []
        self._select: str | None = None
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in ("script", "style", "head"):
            self._silent += 1
        if tag == "form":
            self.forms.append(Form(given.get("action", "")))
        if not self.forms:
            return
        form, name, value = self.forms[-1], given.get("name", ""), given.get("value", "")
        if tag == "input" and name:
            if given.get("type") in ("checkbox", "radio"):
                form.choices.setdefault(name, []).append(value)
                if "checked" in given:
                    form.fields.setdefault(name, []).append(value)
            else:
                form.fields.setdefault(name, []).append(value)
        elif tag == "button" and name:
            form.buttons.append((name, value))
        elif tag == "textarea" and name:
            form.fields.setdefault(name, []).append("")
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in given or self._select not in form.fields):
            form.fields[self._select] = [value]

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style", "head"):
            self._silent -= 1
        if tag == "select":
            self._select = None

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip():
            self.words.append(" ".join(data.split()))


@dataclass
class Browser:
    """A browser with its own cookies; it follows redirects as browsers do."""

    http: aiohttp.ClientSession = field(default_factory=lambda: aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar()))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.close()

    async def open(self, url: str) -> Page:
        async with self.http.get(url, headers={"Accept": "text/html"}) as answer:
            return _page(str(answer.url), answer.status, await answer.text())

    async def send(self, page: Page, form: Form, **values: str | list[str]) -> Page:
        """Sends a form with these values set; everything else goes as the page had it."""
        filled = {**form.fields, **{name: [v] if isinstance(v, str) else v for name, v in values.items()}}
        data = [(name, value) for name, several in filled.items() for value in several]
        origin = "/".join(page.url.split("/")[:3])
        async with self.http.post(
            urljoin(page.url, form.action),
            data=aiohttp.FormData(data),
            headers={"Accept": "text/html", "Origin": origin, "Sec-Fetch-Site": "same-origin"},
        ) as answer:
            return _page(str(answer.url), answer.status, await answer.text())


def _page(url: str, status: int, html: str) -> Page:
    reader = _Reader()
    reader.feed(html)
    return Page(url, status, " ".join(reader.words), reader.forms)
