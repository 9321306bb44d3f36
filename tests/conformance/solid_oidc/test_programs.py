"""Programs of an account: credentials made on the pages, renewed with an overlap, and ended; by secret and by key."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from joserfc.jwk import Key

from tests.browser import Browser, forms_of
from tests.forge import ASSERTION_TYPE, Holder, jws, new_key, public
from tests.live import Live
from tests.people import Answer, Person, Visitor
from vault.audit import AuditEvent
from vault.identity.accounts import Account
from vault.identity.tokens import digest
from vault.ports import Vault, Work
from vault.values import ClientId, PodName

PROGRAMS = "/my/account/programs"


@pytest.fixture
async def browser(http: Visitor, alice: Person) -> Browser:
    made = Browser(http)
    await made.sign_in(alice)
    return made


@pytest.fixture(autouse=True)
def no_programs(server: Live) -> Iterator[None]:
    """What a test makes does not outlive it."""
    yield

    async def forget(work: Work, account: Account) -> None:
        for client in await work.clients.of(account.id):
            if client.name.startswith("test"):
                await work.clients.remove(client.id)

    within(server, forget)


def within(server: Live, act: Callable[[Work, Account], Awaitable[None]]) -> None:
    async def run(vault: Vault) -> None:
        async with vault.writing() as work:
            account = await work.accounts.by_pod(PodName("alice"))
            assert account is not None
            await act(work, account)

    server.within(run)


def shown(page: Answer, name: str) -> str:
    found = re.search(rf'id="client-{name}">([^<]+)<', page.text)
    assert found, page.text
    return found[1]


async def made(browser: Browser, name: str = "test payroll") -> Answer:
    page = await browser.open(f"{PROGRAMS}/new")
    return await browser.submit(page, f"{PROGRAMS}/new", name=name, way="secret")


def robot(alice: Person, page: Answer) -> Person:
    """Whoever holds what the page shows."""
    found = (shown(page, "id"), shown(page, "secret"))
    return Person(alice.name, alice.email, alice.password, alice.webid, alice.pod, *found)


def path_of(client_id: str) -> str:
    return f"{PROGRAMS}/{digest(client_id)[:32]}"


async def refused(http: Visitor, who: Person) -> bool:
    who.token, who.token_ends = "", 0.0
    try:
        await http.token_of(who)
    except AssertionError as answer:
        return "invalid_client" in str(answer)
    return False


def happened(server: Live, event: AuditEvent, client_id: str) -> bool:
    found: list[str] = []

    async def look(work: Work, account: Account) -> None:
        entries = await work.audit.entries(account.pod, newest_first=True, limit=50)
        found.extend(entry.subject for entry in entries if entry.event is event)

    within(server, look)
    return client_id in found


async def test_program_is_made_with_a_secret_that_is_shown_once(
    server: Live, http: Visitor, browser: Browser, home: str, alice: Person
) -> None:
    page = await made(browser)
    assert page.status == 200
    assert "no-store" in page.headers["Cache-Control"]
    who = robot(alice, page)
    assert (await http.get(home, by=who)).status == 200
    for address in (PROGRAMS, path_of(who.client_id)):
        again = await browser.open(address)
        assert who.client_id in again.text
        assert who.client_secret not in again.text
    assert happened(server, AuditEvent.CLIENT_REGISTERED, who.client_id)


async def test_last_use_is_shown(http: Visitor, browser: Browser, alice: Person) -> None:
    who = robot(alice, await made(browser))
    assert "not yet" in (await browser.open(path_of(who.client_id))).text.lower()
    await http.token_of(who)
    assert "not yet" not in (await browser.open(path_of(who.client_id))).text.lower()


@pytest.mark.parametrize("days", [0, 1, 7])
async def test_former_secret_counts_as_long_as_was_chosen(
    server: Live, http: Visitor, browser: Browser, alice: Person, days: int
) -> None:
    old = robot(alice, await made(browser))
    path = path_of(old.client_id)
    page = await browser.submit(await browser.open(path), f"{path}/secret", [("days", str(days))])
    new = robot(alice, page)
    assert new.client_id == old.client_id
    assert new.client_secret != old.client_secret
    await http.token_of(new)
    assert await refused(http, old) is (days == 0)
    assert happened(server, AuditEvent.CLIENT_CHANGED, old.client_id)

    async def later(work: Work, _account: Account) -> None:
        client = await work.clients.get(ClientId(old.client_id))
        assert client is not None
        if client.former_until is not None:
            await work.clients.put(replace(client, former_until=client.former_until - timedelta(days=days)))

    within(server, later)
    assert await refused(http, old)
    assert not await refused(http, new)


async def test_overlap_that_is_not_offered_is_refused(http: Visitor, browser: Browser, alice: Person) -> None:
    who = robot(alice, await made(browser))
    path = path_of(who.client_id)
    form = await browser.open(path)
    longer = replace(form, body=form.body.replace(b'value="7"', b'value="365"'))
    page = await browser.submit(longer, f"{path}/secret", [("days", "365")])
    assert page.status == 422
    assert not await refused(http, who)


@pytest.mark.requirement("VEC-T28", "VEC-K03")
async def test_vec_t28_revoked_program_reads_nothing_and_gets_no_token(
    server: Live, http: Visitor, browser: Browser, home: str, alice: Person
) -> None:
    who = robot(alice, await made(browser))
    await http.token_of(who)
    path = path_of(who.client_id)
    done = await browser.submit(await browser.open(f"{path}/revoke"), f"{path}/revoke")
    assert "can no longer get in" in done.text
    answer = await http.get(home, by=who)
    assert answer.status == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert await refused(http, who)
    assert (await browser.open(path)).status == 404
    assert happened(server, AuditEvent.CLIENT_REVOKED, who.client_id)


async def asserted(http: Visitor, client_id: str, key: Key) -> int:
    """Asks for a token by key (RFC 7523); the status."""
    endpoint, now = f"{http.base_url}idp/token", int(time.time())
    claims = {"iss": client_id, "sub": client_id, "aud": http.base_url, "iat": now, "exp": now + 60}
    signed = jws({"alg": "ES256", "kid": "one"}, {**claims, "jti": secrets.token_hex(8)}, key)
    sent = {
        "grant_type": "client_credentials",
        "client_assertion": signed,
        "client_assertion_type": ASSERTION_TYPE,
    }
    response = await http.session.post(endpoint, data=sent, headers={"DPoP": Holder().proof("POST", endpoint)})
    return response.status


@pytest.mark.requirement("VEC-K04")
async def test_program_with_a_key_proves_itself_by_it_alone(http: Visitor, browser: Browser) -> None:
    first, second = new_key(), new_key()

    def jwks(key: Key) -> str:
        return json.dumps({"keys": [{**public(key), "kid": "one"}]})

    page = await browser.open(f"{PROGRAMS}/new")
    answer = await submit_with_keys(browser, page, f"{PROGRAMS}/new", name="test by key", way="key", keys=jwks(first))
    client_id = shown(answer, "id")
    assert "client-secret" not in answer.text
    assert await asserted(http, client_id, first) == 200
    assert await asserted(http, client_id, second) == 401
    path = path_of(client_id)
    await submit_with_keys(browser, await browser.open(path), f"{path}/keys", keys=jwks(second))
    assert await asserted(http, client_id, first) == 401
    assert await asserted(http, client_id, second) == 200


@pytest.mark.parametrize("keys", ["", "not JSON", "[]", "{}", '{"keys": []}', '{"keys": [{"kty": "oct", "k": "AAAA"}]}',
                                  "http://10.0.0.1/jwks", "https://user@keys.example/"])  # fmt: skip
async def test_keys_that_cannot_be_used_make_no_program(server: Live, browser: Browser, keys: str) -> None:
    page = await browser.open(f"{PROGRAMS}/new")
    answer = await submit_with_keys(browser, page, f"{PROGRAMS}/new", name="test no key", way="key", keys=keys)
    assert answer.status == 422

    async def none(work: Work, account: Account) -> None:
        assert "test no key" not in [client.name for client in await work.clients.of(account.id)]

    within(server, none)


async def submit_with_keys(browser: Browser, page: Answer, action: str, **fields: str) -> Answer:
    """A text area is no input: what it holds is added to what the form sends."""
    form = next(form for form in forms_of(page) if form.action == action)
    form_page = replace(page, body=page.body.replace(b"<textarea", b'<input name="keys"><textarea'))
    assert form.method == "post"
    return await browser.submit(form_page, action, press=None, follow=True, **fields)


async def test_program_of_somebody_else_is_not_there(
    http: Visitor, browser: Browser, alice: Person, bob: Person
) -> None:
    who = robot(alice, await made(browser))
    other = Browser(http)
    await other.sign_in(bob)
    assert who.client_id not in (await other.open(PROGRAMS)).text
    assert (await other.open(path_of(who.client_id))).status == 404
    assert (await other.open(f"{path_of(who.client_id)}/revoke")).status == 404


async def test_program_acts_as_no_webid_of_another_account(browser: Browser, bob: Person) -> None:
    page = await browser.open(f"{PROGRAMS}/new")
    with_webid = replace(page, body=page.body.replace(b'<input id="name"', b'<input name="webid"><input id="name"'))
    answer = await browser.submit(with_webid, f"{PROGRAMS}/new", name="test other", way="secret", webid=bob.webid)
    assert answer.status == 403


async def test_every_change_asks_who_is_there(server: Live, http: Visitor, browser: Browser, alice: Person) -> None:
    who = robot(alice, await made(browser))
    path = path_of(who.client_id)
    pages = [(await browser.open(one), one) for one in (path, f"{path}/revoke", f"{PROGRAMS}/new")]

    async def age(work: Work, account: Account) -> None:
        for session in await work.sessions.of(account.id):
            earlier = session.authenticated_at - timedelta(hours=1)
            await work.sessions.replace(replace(session, authenticated_at=earlier))

    within(server, age)
    answers = [
        await browser.submit(pages[0][0], f"{path}/secret", [("days", "0")], follow=False),
        await browser.submit(pages[1][0], f"{path}/revoke", follow=False),
        await browser.submit(pages[2][0], f"{PROGRAMS}/new", name="test late", follow=False),
    ]
    assert all(answer.status == 303 and "/idp/confirm" in answer.headers["Location"] for answer in answers)
    assert not await refused(http, who)


async def test_account_has_at_most_fifty_programs(server: Live, browser: Browser, alice: Person) -> None:
    first = shown(await made(browser), "id")

    async def fill(work: Work, account: Account) -> None:
        known = await work.clients.get(ClientId(first))
        assert known is not None
        live = sum(client.revoked is None for client in await work.clients.of(account.id))
        for number in range(50 - live):
            await work.clients.put(replace(known, id=ClientId(f"test-{number}-{secrets.token_hex(4)}")))

    within(server, fill)
    assert "and there can be no more" in (await browser.open(PROGRAMS)).text
    assert (await made(browser)).url.endswith(PROGRAMS)
