"""Three workers, and an attacker who comes to all at once: what counts once counts once for all, and tries at one
worker are tries at the others (D19, ATK-29)."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from tests.browser import Browser, forms_of, register, returned
from tests.people import Answer, Person, Visitor, read_cast
from tests.server_process import ServerProcess, server_process

WORKERS, TRIES = 3, 8

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("several") / "data"
    with server_process(folder, workers=WORKERS, sign_in_tries=str(TRIES)) as running:
        yield running


@pytest.fixture
async def http(server: ServerProcess) -> AsyncIterator[Visitor]:
    connector = aiohttp.TCPConnector(force_close=True)  # every request may reach another worker
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield Visitor(session, server.base_url)


@pytest.fixture
def alice(server: ServerProcess) -> Person:
    return read_cast(server.base_url)["alice"]


def told(answers: list[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


@pytest.mark.requirement("VEC-C09", "VEC-F01", "D19")
async def test_code_and_refresh_token_are_good_once_for_all_workers(http: Visitor, alice: Person) -> None:
    app, browser = await register(http), Browser(http)
    for _ in range(3):
        code = await app.code_for(browser, alice)
        answers = await asyncio.gather(*(app.redeem(code) for _ in range(9)))
        assert told(answers) == {200: 1, 400: 8}
        code = await app.code_for(browser, alice)
        refresh = (await app.redeem(code)).json["refresh_token"]
        answers = await asyncio.gather(*(app.refresh(refresh) for _ in range(9)))
        assert told(answers) == {200: 1, 400: 8}
        # One of them was a thief: whoever got through holds nothing any more.
        (won,) = (answer for answer in answers if answer.status == 200)
        assert (await app.refresh(won.json["refresh_token"])).status == 400


@pytest.mark.requirement("VEC-R22", "VEC-K06", "D19")
async def test_pushed_request_is_answered_once_for_all_workers(http: Visitor, alice: Person) -> None:
    app, browser = await register(http), Browser(http)
    await app.code_for(browser, alice)
    uri = (await app.push()).json["request_uri"]
    url = f"/idp/auth?client_id={app.client_id}&request_uri={uri}"
    answers = await asyncio.gather(*(browser.open(url) for _ in range(9)))
    found = Counter(returned(answer, app.redirect_uri).get("error", "code") for answer in answers)
    assert found == {"code": 1, "invalid_request_uri": 8}


@pytest.mark.requirement("ATK-29", "D19")
async def test_recovery_code_is_good_once_for_all_workers(http: Visitor, alice: Person) -> None:
    browser = Browser(http)
    await browser.sign_in(alice)
    page = await browser.submit(await browser.open("/my/account/recovery"), "/my/account/recovery")
    code = re.findall(r"<code>([0-9a-z-]{19})</code>", page.text)[0]
    visitors = [Browser(http) for _ in range(TRIES - 2)]
    pages = [await one.open("/idp/recover") for one in visitors]
    answers = await asyncio.gather(
        *(
            one.submit(page, "/idp/recover", email=alice.email, code=code, follow=False)
            for one, page in zip(visitors, pages, strict=True)
        )
    )
    assert told(answers) == {303: 1, 403: TRIES - 3}


@pytest.mark.requirement("ATK-29", "D19")
async def test_guesses_at_one_worker_are_guesses_at_all(server: ServerProcess, http: Visitor) -> None:
    bob = read_cast(server.base_url)["bob"]
    browsers = [Browser(http) for _ in range(40)]
    pages = [await browser.open("/idp/login") for browser in browsers]
    assert all("/idp/login" in [form.action for form in forms_of(page)] for page in pages)
    answers = await asyncio.gather(
        *(
            browser.submit(page, "/idp/login", email=bob.email, password=f"guess {number}", follow=False)
            for number, (browser, page) in enumerate(zip(browsers, pages, strict=True))
        )
    )
    # Of tries in the very same moment each worker may let one more through, and never more.
    assert told(answers)[403] < TRIES + WORKERS
    assert told(answers)[403] + told(answers)[429] == 40
    for _ in range(2 * WORKERS):
        browser = Browser(http)
        answer = await browser.sign_in(bob, follow=False)
        assert answer.status == 429
        assert int(answer.headers["Retry-After"]) > 0
