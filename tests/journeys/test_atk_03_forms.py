"""Forms of the citizen's pages under attack: sent by another site (ATK-03), framed (ATK-04), and misleading text of an
organisation (ATK-05). The list of forms is taken from the table of URLs, so that none is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.journeys.conftest import Visitor
from tests.journeys.town import DIPLOMA, SILENT, Town
from vault.web import assets, citizen
from vault.web.routing import Credentials, Route

pytestmark = pytest.mark.asyncio(loop_scope="session")

POSTS = [route for route in citizen.ROUTES if route.method == "POST"]
GETS = [route for route in citizen.ROUTES if route.method == "GET"]
PRIVATE = [route for route in citizen.ROUTES if route.credentials is not Credentials.NOTHING]  # not the stylesheet


def filled(route: Route, town: Town, request: str, grant: str) -> str:
    """The address of a row of the table, with something real in its places."""
    path = route.path.replace("{request}", request).replace("{grant}", grant).replace("{path:.*}", "inbox/")
    path = path.replace("{type}", "diploma").replace("{name:.+}", "ugent-2018").replace("{name}", "page.css")
    assert "{" not in path, path
    return f"{town.base_url}{path[1:]}"


@pytest_asyncio.fixture(loop_scope="session")
async def session(lotte: Visitor) -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client with everything a thief of a click would have: the citizen's own cookies."""
    cookies = {one["name"]: one["value"] for one in await lotte.context.cookies()}
    async with aiohttp.ClientSession(cookies=cookies, cookie_jar=aiohttp.CookieJar(unsafe=True)) as found:
        yield found


@pytest.fixture(scope="module")
def request_id(town: Town) -> str:
    """One request for all that must not answer it."""
    return town.ask("hr-scheldeland", DIPLOMA)


@pytest.fixture(scope="module")
def grant_id(town: Town) -> str:
    """One permission for all that must not change it."""
    return town.approve(town.ask("hr-scheldeland", DIPLOMA))


async def token(session: aiohttp.ClientSession, town: Town) -> str:
    async with session.get(f"{town.base_url}my/", headers={"Accept": "text/html"}) as answer:
        return (await answer.text()).partition('name="csrf" value="')[2].partition('"')[0]


def own(town: Town) -> dict[str, str]:
    return {"Origin": town.base_url.rstrip("/"), "Sec-Fetch-Site": "same-origin"}


FOREIGN: list[dict[str, str]] = [
    {},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
]


@pytest.mark.requirement("ATK-03")
@pytest.mark.parametrize("headers", FOREIGN, ids=lambda one: " ".join(one.values()) or "nothing said")
@pytest.mark.parametrize("route", POSTS, ids=lambda one: one.path)
async def test_a_form_that_another_site_sent_is_refused(
    session: aiohttp.ClientSession, town: Town, request_id: str, grant_id: str, route: Route, headers: dict[str, str]
) -> None:
    address = filled(route, town, request_id, grant_id)
    data = {"csrf": await token(session, town), "sure": "yes", "act": "delete", "version": "1", "until": "7"}
    async with session.post(address, data=data, headers=headers, allow_redirects=False) as answer:
        assert answer.status == 403
        assert (await answer.json())["reason"] == "cross-site-form"


@pytest.mark.requirement("ATK-03")
@pytest.mark.parametrize("forged", ["", "0.0", "é", "a" * 5000, "stranger"])
@pytest.mark.parametrize("route", POSTS, ids=lambda one: one.path)
async def test_a_form_without_our_token_is_refused(
    session: aiohttp.ClientSession, town: Town, request_id: str, grant_id: str, route: Route, forged: str
) -> None:
    if forged == "stranger":  # a token that is genuine, made for another browser
        async with aiohttp.ClientSession() as other:
            forged = await token(other, town)
    body = urlencode({"csrf": forged, "sure": "yes", "act": "delete"})
    headers = {**own(town), "Content-Type": "application/x-www-form-urlencoded"}
    address = filled(route, town, request_id, grant_id)
    async with session.post(address, data=body, headers=headers, allow_redirects=False) as answer:
        assert answer.status == 403
        assert (await answer.json())["reason"] == "form-token"


@pytest.mark.requirement("ATK-03")
async def test_the_same_form_from_our_own_page_is_taken(session: aiohttp.ClientSession, town: Town) -> None:
    """The counter-proof: what is refused above is refused for the reason given."""
    request = town.ask("hr-scheldeland", DIPLOMA)
    data = {"csrf": await token(session, town), "version": "1"}
    address = f"{town.base_url}my/requests/{request}/refuse"
    async with session.post(address, data=data, headers=own(town), allow_redirects=False) as answer:
        assert answer.status == 303


@pytest.mark.requirement("ATK-03")
async def test_an_upload_without_our_token_is_refused_before_the_file_is_read(
    session: aiohttp.ClientSession, town: Town
) -> None:
    address = f"{town.base_url}my/folders/inbox/?upload=1"
    for fields in ([("csrf", "0.0"), ("file", b"x")], [("file", b"x"), ("csrf", await token(session, town))]):
        form = aiohttp.FormData(default_to_multipart=True)
        for name, value in fields:
            form.add_field(name, value, filename="x.txt" if name == "file" else None)
        async with session.post(address, data=form, headers=own(town), allow_redirects=False) as answer:
            assert answer.status in (400, 403)
    async with session.get(f"{town.base_url}my/folders/inbox/", headers={"Accept": "text/html"}) as answer:
        assert "x.txt" not in await answer.text()


@pytest.mark.requirement("ATK-03")
@pytest.mark.parametrize("body", [b"a=%ff%fe", b"\xff\xfe", b"&" * 5000, b"a=1&" * 3000])
async def test_a_form_that_cannot_be_read_is_refused(session: aiohttp.ClientSession, town: Town, body: bytes) -> None:
    headers = {**own(town), "Content-Type": "application/x-www-form-urlencoded"}
    address = f"{town.base_url}my/sharing/stop"
    async with session.post(address, data=body, headers=headers, allow_redirects=False) as answer:
        assert answer.status in (400, 403)


async def test_a_form_beyond_the_limit_is_refused(session: aiohttp.ClientSession, town: Town) -> None:
    address = f"{town.base_url}my/sharing/stop"
    data = {"csrf": await token(session, town), "sure": "y" * 70_000}
    async with session.post(address, data=data, headers=own(town), allow_redirects=False) as answer:
        assert answer.status == 413


@pytest.mark.requirement("ATK-03")
@pytest.mark.parametrize("route", GETS, ids=lambda one: one.path)
async def test_opening_a_page_changes_nothing(
    lotte: Visitor, town: Town, request_id: str, grant_id: str, route: Route
) -> None:
    cookies = {one["name"]: one["value"] for one in await lotte.context.cookies()}
    before = await head_of_log(town)
    address = filled(route, town, request_id, grant_id)
    more = {"sure": "yes", "act": "delete", "delete": "1", "version": "1", "until": "7", "done": "revoked"}
    async with (
        aiohttp.ClientSession(cookies=cookies, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
        session.get(f"{address}?{urlencode(more)}", allow_redirects=False) as answer,
    ):
        assert answer.status < 500
    assert await head_of_log(town) == before


async def head_of_log(town: Town) -> int:
    """How many lines the citizen's log has: whatever changes something leaves one."""

    async def look(vault: Any) -> int:
        async with vault.reading() as work:
            newest = await work.audit.entries("lotte", limit=1, newest_first=True)
            return int(newest[0].number)

    return await asyncio.to_thread(town.live.within, look)


@pytest.mark.requirement("ATK-03")
@pytest.mark.parametrize("route", PRIVATE, ids=lambda one: f"{one.method} {one.path}")
async def test_nobody_who_is_not_signed_in_sees_or_changes_anything(
    town: Town, request_id: str, grant_id: str, route: Route
) -> None:
    address = filled(route, town, request_id, grant_id)
    async with (
        aiohttp.ClientSession() as stranger,
        stranger.request(route.method, address, headers=own(town), allow_redirects=False) as answer,
    ):
        if route.name == "language":
            assert answer.status in (403, 415)
        else:
            assert answer.status == 303
            assert answer.headers["Location"].startswith("/idp/login?")


@pytest.mark.parametrize("path", ["//evil.example/", "https://evil.example/", "/\\evil.example", "/my/\n", "", "x"])
async def test_the_language_switch_leads_nowhere_else(path: str) -> None:
    assert assets.safe_path(path) == "/my/"
    assert assets.safe_path("/my/log?what=all") == "/my/log?what=all"


@contextmanager
def other_site(html: str) -> Iterator[str]:
    """A page of somebody else, on another origin."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.requirement("ATK-04")
async def test_a_page_of_ours_is_never_framed(lotte: Visitor, town: Town) -> None:
    request = town.ask("hr-scheldeland", DIPLOMA)
    html = f'<iframe id="frame" src="{town.base_url}my/requests/{request}"></iframe>'
    with other_site(html) as address:
        await lotte.page.goto(address)
        await lotte.page.wait_for_timeout(500)
        frame = lotte.page.frames[1]
        assert "HR Scheldeland" not in await frame.content()


@pytest.mark.requirement("ATK-03")
async def test_a_form_on_another_site_approves_nothing(lotte: Visitor, town: Town) -> None:
    request = town.ask("hr-scheldeland", DIPLOMA)
    address = f"{town.base_url}my/requests/{request}/refuse"
    html = f'<form method="post" action="{address}"><input name="version" value="1"><button>Win</button></form>'
    with other_site(html) as evil:
        await lotte.page.goto(evil)
        await lotte.page.click("button")
        await lotte.page.wait_for_load_state()
    await lotte.open(f"my/requests/{request}")
    await expect(lotte.page.locator(".bar")).to_be_visible()  # still waiting for an answer


@pytest.mark.requirement("ATK-04", "ATK-17")
@pytest.mark.parametrize("path", ["my/", "my/log", "my/data", "my/folders/", "my/sharing/nothing-here"])
async def test_every_page_says_what_may_run_frame_and_keep_it(lotte: Visitor, town: Town, path: str) -> None:
    answer = await lotte.context.request.get(f"{town.base_url}{path}", headers={"Accept": "text/html"})
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self'" in policy
    assert "unsafe" not in policy
    assert "script-src" not in policy
    assert "no-store" in answer.headers["cache-control"]


@pytest.mark.requirement("ATK-05", "UX-01")
async def test_a_name_that_misleads_is_shown_as_it_is_and_warned_about(lotte: Visitor, town: Town) -> None:
    """The stranger's name holds markup, a writing-direction trick and a Cyrillic letter; nothing of it works."""
    await lotte.open(f"my/requests/{town.ask('vlinder', SILENT, days=None)}")
    name = await lotte.page.inner_text("section[aria-labelledby=who] strong")
    assert name == "Vlinder evil <b>Apps</b> & C\u043e"
    await expect(lotte.page.locator("section[aria-labelledby=who]")).to_contain_text("verschillende schriften")
    await expect(lotte.page.locator("section[aria-labelledby=who]")).to_contain_text("Niet nagegaan")
    assert await lotte.page.locator("main script, main b").count() == 0
