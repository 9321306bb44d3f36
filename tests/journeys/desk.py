"""The HR company's own page, on its own server: what it knows of an applicant, asked of the vault anew at every look.

It imports nothing of the vault: client credentials, DPoP and Turtle are all it needs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import escape
from typing import Any

import pyoxigraph
from aiohttp import web
from aiohttp.test_utils import TestServer

from examples.manage_my_career.party import Party

DCT = "http://purl.org/dc/terms/"
ELM = "http://data.europa.eu/snb/model/elm/"
V = "https://w3id.org/datakluis/v1#"
FIELDS = {f"{DCT}title": "title", f"{ELM}awardingDate": "date", f"{ELM}noteLiteral": "grade"}


@dataclass
class Desk:
    """One vacancy, one applicant, and the request that was sent to her vault."""

    party: Party
    address: str = ""
    request: str = ""
    reads: int = 0

    async def ask(self, lock: str, body: dict[str, Any]) -> None:
        answer = await self.party.call("POST", f"{lock}requests", json=body)
        assert answer.status == 201, answer.text
        self.request = answer.headers["Location"]

    async def page(self, _: web.Request) -> web.Response:
        """What the vault says now. Nothing is kept from one look to the next."""
        asked = await self.party.call("GET", self.request)
        if asked.data["state"] != "approved":
            return _html(f"<p id=state>{escape(asked.data['state'])}</p>")
        grant = await self.party.call("GET", asked.data["grant"])
        parts = []
        for item in grant.data["items"]:
            answer = await self.party.call("GET", item["view"], headers={"Accept": "text/turtle"})
            self.reads += 1
            if answer.status != 200:
                return _html(f"<p id=state>{answer.status} {escape(answer.data['reason'])}</p>")
            parts.append(_shown(answer.text, item["view"]))
        return _html("".join(parts))


@asynccontextmanager
async def opened(party: Party) -> AsyncIterator[Desk]:
    """The company's page, on a port of its own."""
    desk = Desk(party)
    app = web.Application()
    app.router.add_get("/", desk.page)
    async with TestServer(app) as server:
        desk.address = str(server.make_url("/"))
        yield desk


def _shown(turtle: str, base: str) -> str:
    """A row for each value that came, and whether it is as the source delivered it."""
    rows, verified = [], False
    for triple in pyoxigraph.parse(turtle.encode(), format=pyoxigraph.RdfFormat.TURTLE, base_iri=base):
        value = triple.object
        if (
            triple.predicate.value in FIELDS
            and isinstance(value, pyoxigraph.Literal)
            and value.language in (None, "nl")
        ):
            rows.append(f"<li class={FIELDS[triple.predicate.value]}>{escape(value.value)}</li>")
        verified |= triple.predicate.value == f"{V}verification" and str(value) == f"<{V}AsDelivered>"
    mark = "<strong>verified</strong>" if verified else "<strong>not verified</strong>"
    return f"<article>{mark}<ul>{''.join(sorted(rows))}</ul></article>"


def _html(body: str) -> web.Response:
    return web.Response(text=f"<!doctype html><title>HR</title>{body}", content_type="text/html")
