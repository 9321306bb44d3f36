"""Accounts in the browser: signing in, up and out, sessions and their cookies, the password page (ATK-02, ATK-03)."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from tests.browser import Browser, forms_of
from tests.live import Live, serving
from tests.people import Answer, Person, Visitor, visiting
from vault.identity.tokens import digest
from vault.ports import Vault
from vault.web.sessions import cookie_name

COOKIE = "datakluis"


async def is_signed_in(browser: Browser) -> bool:
    """The password page is for signed-in people only."""
    page = await browser.open("/idp/password", follow=False)
    return page.status == 200


@pytest.mark.requirement("ATK-02")
async def test_sign_in_gives_a_cookie_that_no_script_reads(http: Visitor, alice: Person) -> None:
    browser = Browser(http)
    answer = await browser.sign_in(alice, follow=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/my/")
    (line,) = [line for line in answer.headers.getall("Set-Cookie") if line.startswith(f"{COOKIE}=")]
    attributes = {part.strip().lower() for part in line.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/"} <= attributes
    assert not any(part.startswith(("domain", "max-age", "expires")) for part in attributes)
    assert len(browser.cookies[COOKIE]) >= 43
    assert await is_signed_in(browser)


@pytest.mark.requirement("ATK-02")
def test_over_https_the_cookie_is_bound_to_the_host() -> None:
    assert cookie_name("https://vault.example/") == "__Host-datakluis"
    assert cookie_name("http://localhost:3000/") == "datakluis"


@pytest.mark.requirement("ATK-02")
async def test_over_https_the_cookie_is_secure(tmp_path: Path) -> None:
    with serving(tmp_path, server={"base_url": "https://vault.example/"}) as live:
        assert live.machine is not None
        port = live.machine.vault.settings.server.port
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            browser = Behind(Visitor(session, f"http://localhost:{port}/"), "https://vault.example")
            answer = await browser.sign_in(live.people["alice"], follow=False)
    (line,) = [line for line in answer.headers.getall("Set-Cookie") if line.startswith("__Host-datakluis=")]
    assert {"secure", "httponly", "samesite=lax", "path=/"} <= {part.strip().lower() for part in line.split(";")}
    assert "max-age=" in answer.headers["Strict-Transport-Security"]


class Behind(Browser):
    """A browser that sees the server under the name its proxy gives it."""

    def __init__(self, visitor: Visitor, origin: str) -> None:
        super().__init__(visitor)
        self.origin = origin

    async def _once(self, method: str, url: str, body: str | None) -> Answer:
        send = self.visitor.send

        async def renamed(*args: object, headers: dict[str, str], **more: object) -> Answer:
            headers["Host"] = self.origin.partition("://")[2]
            if "Origin" in headers:
                headers["Origin"] = self.origin
            return await send(*args, headers=headers, **more)  # type: ignore[arg-type]

        self.visitor.send = renamed  # type: ignore[method-assign,assignment]
        try:
            return await super()._once(method, url, body)
        finally:
            self.visitor.send = send  # type: ignore[method-assign]


@pytest.mark.requirement("ATK-02")
async def test_each_sign_in_has_a_value_of_its_own_and_ends_the_one_before(http: Visitor, alice: Person) -> None:
    browser = Browser(http)
    browser.cookies[COOKIE] = "x" * 43  # what an attacker planted
    await browser.sign_in(alice)
    first = browser.cookies[COOKIE]
    assert first != "x" * 43
    await browser.sign_in(alice, await browser.open("/idp/login?again=1"))
    assert browser.cookies[COOKIE] != first
    browser.cookies[COOKIE] = first
    assert not await is_signed_in(browser)


@pytest.mark.requirement("ATK-02")
async def test_sign_out_ends_the_session_on_the_server(http: Visitor, alice: Person) -> None:
    browser = Browser(http)
    await browser.sign_in(alice)
    kept, page = browser.cookies[COOKIE], await browser.open("/idp/password")
    page = await browser.submit(page, "/idp/logout")
    assert page.url.endswith("/idp/signed-out")
    assert COOKIE not in browser.cookies
    browser.cookies[COOKIE] = kept
    assert not await is_signed_in(browser)


@pytest.mark.requirement("ATK-03")
async def test_get_signs_nobody_out(http: Visitor, alice: Person) -> None:
    browser = Browser(http)
    await browser.sign_in(alice)
    assert (await browser.open("/idp/logout", follow=False)).status == 405
    page = await browser.open("/idp/end-session", follow=False)
    assert page.status == 200  # asked, since no app proved that it speaks of this person
    assert await is_signed_in(browser)
    page = await browser.submit(page, "/idp/end-session")
    assert page.url.endswith("/idp/signed-out")
    assert not await is_signed_in(browser)


@pytest.mark.requirement("CO-10")
async def test_cookie_opens_no_resource(http: Visitor, alice: Person) -> None:
    browser = Browser(http)
    await browser.sign_in(alice)
    assert (await browser.open(alice.pod)).status == 401
    answer = await http.get(f"{http.base_url}idp/userinfo", Cookie=f"{COOKIE}={browser.cookies[COOKIE]}")
    assert answer.status == 401


@pytest.mark.requirement("CO-10")
async def test_token_opens_no_page(http: Visitor, alice: Person) -> None:
    answer = await http.get(f"{http.base_url}idp/password", by=alice)
    assert answer.status == 303
    assert answer.headers["Location"].startswith("/idp/login?")


@pytest.fixture
async def visitor(tmp_path: Path) -> AsyncIterator[tuple[Live, Visitor]]:
    settings = {"session_idle_seconds": 600, "session_seconds": 3600, "step_up_seconds": 300}
    with serving(tmp_path, identity=settings) as live:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            yield live, Visitor(session, live.base_url)


def aged(live: Live, browser: Browser, **by: int) -> None:
    """Moves the moments of this browser's session back by seconds."""

    async def move(vault: Vault) -> None:
        async with vault.writing() as work:
            session = await work.sessions.get(digest(browser.cookies[COOKIE]))
            assert session is not None
            moved = {name: getattr(session, name) - timedelta(seconds=seconds) for name, seconds in by.items()}
            await work.sessions.replace(replace(session, **moved))

    live.within(move)


@pytest.mark.requirement("ATK-02")
async def test_idle_session_ends(visitor: tuple[Live, Visitor]) -> None:
    live, http = visitor
    browser = Browser(http)
    await browser.sign_in(live.people["alice"])
    aged(live, browser, last_seen=590)
    assert await is_signed_in(browser)  # and that was a use, which is noted
    aged(live, browser, last_seen=590)
    assert await is_signed_in(browser)
    aged(live, browser, last_seen=601)
    assert not await is_signed_in(browser)


@pytest.mark.requirement("ATK-02")
async def test_session_ends_although_it_is_used(visitor: tuple[Live, Visitor]) -> None:
    live, http = visitor
    browser = Browser(http)
    await browser.sign_in(live.people["alice"])
    aged(live, browser, created=3590)
    assert await is_signed_in(browser)
    aged(live, browser, created=20)
    assert not await is_signed_in(browser)


@pytest.mark.requirement("ATK-02", "UX-08")
async def test_password_once_more_steps_up_under_a_new_value(visitor: tuple[Live, Visitor]) -> None:
    live, http = visitor
    alice, browser = live.people["alice"], Browser(http)
    await browser.sign_in(alice)
    before = browser.cookies[COOKIE]
    page = await browser.open("/idp/confirm?next=/my/log")
    wrong = await browser.submit(page, "/idp/confirm", password="not it", follow=False)
    assert (wrong.status, browser.cookies[COOKIE]) == (403, before)
    answer = await browser.submit(page, "/idp/confirm", password=alice.password, follow=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/my/log")
    assert browser.cookies[COOKIE] != before
    assert await is_signed_in(browser)
    browser.cookies[COOKIE] = before
    assert not await is_signed_in(browser)


async def sign_up(browser: Browser, **fields: str) -> Answer:
    page = await browser.open("/idp/signup")
    name = f"p{secrets.token_hex(4)}"
    filled = {"name": "Per Son", "email": f"{name}@people.example", "pod": name, "password": "four words are enough"}
    return await browser.submit(page, "/idp/signup", **{**filled, **fields}, follow=False)


@pytest.mark.requirement("CH-8", "WP-2", "D10")
async def test_sign_up_makes_a_private_pod_and_signs_in(http: Visitor) -> None:
    browser, name = Browser(http), f"p{secrets.token_hex(4)}"
    answer = await sign_up(browser, pod=name)
    assert answer.status == 303, answer.text
    assert await is_signed_in(browser)
    card = await http.get(f"{http.base_url}{name}/profile/card", accept="text/turtle")
    assert card.status == 200
    assert f"<{http.base_url}>" in card.text
    assert (await http.get(f"{http.base_url}{name}/")).status == 401


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "", "Give your name"),
        ("email", "nobody", "Give an e-mail address"),
        ("pod", "no", "Choose a name"),
        ("pod", "idp", "Choose a name"),
        ("pod", "../etc", "Choose a name"),
        ("password", "short", "at least 8"),
        ("password", "password123", "others would try first"),
        ("password", "aaaaaaaaaaaa", "others would try first"),
        ("password", "x" * 20 + "y" * 20 + "z" * 217 + "1", "too long"),
    ],
)
async def test_sign_up_says_what_is_wrong_with_which_field(http: Visitor, field: str, value: str, words: str) -> None:
    browser = Browser(http)
    answer = await sign_up(browser, **{field: value})
    assert answer.status == 422
    assert words in answer.text
    assert f'id="{field}-problem"' in answer.text  # told beside the field, and to a screen reader
    assert "four words are enough" not in answer.text  # a password never comes back in a page
    assert not await is_signed_in(browser)


@pytest.mark.requirement("ATK-29")
async def test_taken_name_and_taken_address_get_one_answer(http: Visitor, alice: Person) -> None:
    for taken in ({"pod": "alice"}, {"email": alice.email}, {"email": alice.email.upper()}):
        answer = await sign_up(Browser(http), **taken)
        assert answer.status == 409
        assert "cannot be used" in answer.text


async def test_closed_server_takes_no_new_accounts(tmp_path: Path) -> None:
    with serving(tmp_path, identity={"sign_up": "closed"}) as live:
        async with visiting(live.base_url) as http:
            assert (await Browser(http).open("/idp/signup")).status == 403
            assert "/idp/signup" not in (await Browser(http).open("/idp/login")).text
            answer = await http.post(f"{http.base_url}idp/signup", "a=b", kind="application/x-www-form-urlencoded")
            assert answer.status == 403


@pytest.mark.requirement("ATK-03")
@pytest.mark.parametrize("path", ["/idp/login", "/idp/signup", "/idp/logout", "/idp/password", "/idp/confirm"])
async def test_form_of_another_site_is_refused(http: Visitor, alice: Person, path: str) -> None:
    browser = Browser(http)
    await browser.sign_in(alice)
    page = await browser.open("/idp/password")
    token = dict(forms_of(page)[0].fields)["csrf"]
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    for headers in (
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example"},
        {},
    ):
        answer = await http.send(
            "POST",
            http.base_url[:-1] + path,
            body=f"csrf={token}&email={alice.email}&password={alice.password}&old={alice.password}",
            kind="application/x-www-form-urlencoded",
            headers={**headers, "Cookie": cookie},
        )
        assert answer.status == 403
    assert await is_signed_in(browser)


async def test_new_password_signs_every_other_browser_out(server: Live, http: Visitor) -> None:
    carol, one, other = server.people["carol"], Browser(http), Browser(http)
    await one.sign_in(carol)
    await other.sign_in(carol)
    fresh = "another long password for carol"
    page = await one.open("/idp/password")
    for old, new, again, words in (
        ("not it", fresh, fresh, "not your present password"),
        (carol.password, fresh, "other", "not the same"),
        (carol.password, "short", "short", "at least 8"),
    ):
        answer = await one.submit(page, "/idp/password", old=old, new=new, again=again)
        assert answer.status in (403, 422)
        assert words in answer.text
    try:
        page = await one.submit(page, "/idp/password", old=carol.password, new=fresh, again=fresh)
        assert "was changed" in page.text
        assert not await is_signed_in(other)
        assert (await Browser(http).sign_in(carol)).status == 403
    finally:
        page = await one.open("/idp/password")
        page = await one.submit(page, "/idp/password", old=fresh, new=carol.password, again=carol.password)
    assert "was changed" in page.text
    assert await is_signed_in(one)


@pytest.mark.parametrize("language", ["nl", "fr", "de", "en"])
@pytest.mark.parametrize("path", ["/idp/login", "/idp/signup", "/idp/signed-out", "/idp/confirm", "/idp/password"])
async def test_account_pages_speak_four_languages_and_need_no_script(
    http: Visitor, alice: Person, language: str, path: str
) -> None:
    browser = Browser(http, language=language)
    if path in ("/idp/confirm", "/idp/password"):
        await browser.sign_in(alice)
    page = await browser.open(path)
    assert page.status == 200
    assert f'<html lang="{language}">' in page.text
    assert "account." not in page.text
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    if path in ("/idp/login", "/idp/signup", "/idp/confirm"):  # where passkeys are; the form below them needs none
        assert page.text.count("<script") == 1
        assert re.search(r'<script src="/static/passkey\.js\?v=[0-9a-f]+" defer></script>', page.text)
        assert f"; script-src {http.base_url}static/passkey.js; " in policy
        assert path in [form.action for form in forms_of(page)]
    else:
        assert "<script" not in page.text
        assert "script-src" not in policy
