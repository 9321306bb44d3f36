"""ATK-29: guessing passwords, finding out who has an account, giant passwords."""

from __future__ import annotations

import asyncio
import secrets
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.browser import Browser
from tests.live import Live, serving
from tests.people import Answer, Visitor, visiting
from vault.audit import SERVER, AuditEntry, AuditEvent
from vault.ports import Vault
from vault.values import PodName


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Live]:
    """A server with the limits of production: ten tries in five minutes."""
    with serving(tmp_path, limits={"sign_in_tries": 10}) as live:
        yield live


@pytest.fixture
async def visitor(guarded: Live) -> AsyncIterator[Visitor]:
    async with visiting(guarded.base_url) as visitor:
        yield visitor


async def try_password(http: Visitor, email: str, password: str) -> Answer:
    browser = Browser(http)
    page = await browser.open("/idp/login")
    return await browser.submit(page, "/idp/login", email=email, password=password, follow=False)


def without_token(page: Answer) -> str:
    """The page without what differs for every visitor."""
    return "\n".join(line for line in page.text.splitlines() if 'name="csrf"' not in line)


@pytest.mark.requirement("ATK-29")
async def test_atk_29_unknown_address_and_wrong_password_get_one_answer(server: Live, http: Visitor) -> None:
    alice = server.people["alice"]
    wrong = await try_password(http, alice.email, "not the password")
    unknown = await try_password(http, "nobody@people.example", "not the password")
    assert wrong.status == unknown.status == 403
    told = without_token(unknown).replace("nobody@people.example", alice.email)
    assert without_token(wrong) == told
    assert (await try_password(http, alice.email.upper(), alice.password)).status == 303


@pytest.mark.requirement("ATK-29")
async def test_atk_29_unknown_address_and_wrong_password_take_as_long(server: Live, http: Visitor) -> None:
    alice, times = server.people["alice"], {"wrong": list[float](), "unknown": list[float]()}
    browser = Browser(http)
    page = await browser.open("/idp/login")
    for _ in range(8):
        for kind, email in (("wrong", alice.email), ("unknown", f"{secrets.token_hex(4)}@people.example")):
            started = time.perf_counter()
            await browser.submit(page, "/idp/login", email=email, password="not the password", follow=False)
            times[kind].append(time.perf_counter() - started)
    wrong, unknown = statistics.median(times["wrong"]), statistics.median(times["unknown"])
    assert 0.5 < unknown / wrong < 2.0, times


@pytest.mark.requirement("ATK-29")
async def test_atk_29_eleventh_try_on_an_account_waits(guarded: Live, visitor: Visitor) -> None:
    alice, bob = guarded.people["alice"], guarded.people["bob"]
    answers = [await try_password(visitor, alice.email, f"guess {number}") for number in range(10)]
    assert {answer.status for answer in answers} == {403}
    limited = await try_password(visitor, alice.email, alice.password)  # even the right one has to wait
    assert limited.status == 429
    assert int(limited.headers["Retry-After"]) > 0
    assert "Too many" in limited.text or "too many" in limited.text
    # The address has used its tries up too, for every account.
    assert (await try_password(visitor, bob.email, bob.password)).status == 429


@pytest.mark.requirement("ATK-29")
async def test_atk_29_address_that_sprays_accounts_waits(visitor: Visitor) -> None:
    for number in range(10):
        assert (await try_password(visitor, f"user{number}@people.example", "guess")).status == 403
    assert (await try_password(visitor, "user99@people.example", "guess")).status == 429


@pytest.mark.requirement("ATK-29")
async def test_atk_29_network_of_the_new_internet_is_one_address(tmp_path: Path) -> None:
    """Whoever has an IPv6 address has 2^64 of them: guesses from all of them count together, and nobody else's do."""
    with serving(tmp_path, limits={"sign_in_tries": 5}, server={"trusted_proxies": ("127.0.0.1/32",)}) as live:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            http = Visitor(session, live.base_url)

            async def guess(address: str, number: int) -> int:
                session.headers["X-Forwarded-For"] = address
                return (await try_password(http, f"user{number}@people.example", "guess")).status

            assert [await guess(f"2001:db8:1:2::{number}", number) for number in range(5)] == [403] * 5
            assert await guess("2001:db8:1:2:ffff::1", 5) == 429
            assert await guess("2001:db8:1:3::1", 6) == 403
            # The same address in two spellings is one.
            told = [await guess(f"{'::ffff:' * (number % 2)}192.0.2.1", number) for number in range(10, 16)]
            assert told == [*[403] * 5, 429]
            assert await guess("::ffff:192.0.2.2", 20) == 403


@pytest.mark.requirement("ATK-29")
async def test_atk_29_tries_at_the_same_time_count_each_other(guarded: Live, visitor: Visitor) -> None:
    alice = guarded.people["alice"]
    answers = await asyncio.gather(*(try_password(visitor, alice.email, f"guess {n}") for n in range(30)))
    told = [answer.status for answer in answers]
    assert told.count(403) <= 10
    assert told.count(403) + told.count(429) == 30


@pytest.mark.requirement("ATK-29")
async def test_atk_29_success_clears_the_account_but_not_the_guesses_of_an_address(
    guarded: Live, visitor: Visitor
) -> None:
    alice, bob = guarded.people["alice"], guarded.people["bob"]
    for number in range(9):
        assert (await try_password(visitor, bob.email, f"guess {number}")).status == 403
        if number % 4 == 0:
            assert (await try_password(visitor, alice.email, alice.password)).status == 303
    assert (await try_password(visitor, bob.email, "guess")).status == 403
    assert (await try_password(visitor, alice.email, alice.password)).status == 429


@pytest.mark.requirement("LIM-19", "ATK-29")
@pytest.mark.parametrize("length", [257, 50_000])
async def test_lim_19_giant_password_is_refused_like_any_wrong_one(server: Live, http: Visitor, length: int) -> None:
    alice = server.people["alice"]
    started = time.perf_counter()
    assert (await try_password(http, alice.email, "x" * length)).status == 403
    assert time.perf_counter() - started < 2.0


@pytest.mark.requirement("ATK-29", "ATK-34")
async def test_refused_tries_are_entries_without_what_was_typed(server: Live, http: Visitor) -> None:
    alice = server.people["alice"]
    secret = "a-mistyped-secret-nobody-may-see"
    await try_password(http, alice.email, secret)
    await try_password(http, "somebody-unknown@people.example", secret)

    async def newest(vault: Vault, pod: PodName) -> AuditEntry:
        async with vault.reading() as work:
            return (await work.audit.entries(pod, newest_first=True, limit=1))[0]

    mine = server.within(lambda vault: newest(vault, PodName("alice")))
    servers = server.within(lambda vault: newest(vault, SERVER))
    for entry in (mine, servers):
        assert entry.event is AuditEvent.SIGN_IN_REFUSED
        assert secret not in repr(entry)
        assert "somebody-unknown" not in repr(entry)


@pytest.mark.requirement("ATK-29")
@pytest.mark.parametrize("host", ["evil.example", "localhost", "localhost:1", "a@localhost"])
async def test_atk_29_another_host_name_is_not_taken_for_ours(http: Visitor, host: str) -> None:
    answer = await http.send("GET", f"{http.base_url}.well-known/openid-configuration", headers={"Host": host})
    if answer.status == 200:  # public, and the same whatever was said
        assert answer.json["issuer"] == http.base_url
        assert "evil" not in answer.text
    answer = await http.send("GET", f"{http.base_url}idp/login", headers={"Host": host})
    assert answer.status == 400
