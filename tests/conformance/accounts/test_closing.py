"""Closing an account (UX-33): seen before, taken back, done to the end, told to those it concerns, never inherited."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta

import aiohttp
import pytest

from tests.browser import Browser, register
from tests.conformance.accounts.conftest import Place
from tests.conformance.accounts.test_renewing import stale
from tests.lock_live import LiveLock, LockServer, lock_serving
from tests.mailbox import Mailbox, link_in, mail_server, mail_settings, text_of
from tests.people import Person, Visitor
from vault.audit import GENESIS, SERVER, AuditEntry, AuditEvent, Intact, verify_chain
from vault.closing import close_accounts
from vault.errors import Forbidden
from vault.identity.accounts import Account
from vault.ports import Vault
from vault.values import PodName

SURE = (("sure", "yes"),)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LockServer, Mailbox]]:
    with mail_server() as box, lock_serving(tmp_path_factory.mktemp("closing"), mail=mail_settings(box)) as server:
        yield server, box


@pytest.fixture
async def lock(town: tuple[LockServer, Mailbox]) -> AsyncIterator[LiveLock]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield LiveLock(town[0], Visitor(session, town[0].live.base_url))


@pytest.fixture
def place(town: tuple[LockServer, Mailbox], lock: LiveLock) -> Place:
    return Place(town[0].live, town[1], lock.http)


async def close(browser: Browser) -> str:
    """Asks to have the account closed; the address of the receipt."""
    page = await browser.open("/my/account/close")
    page = await browser.submit(page, "/my/account/close", SURE)
    assert page.status == 200
    found = re.search(r'href="([^"]+\?receipt=[^"]+)"', page.text)
    assert found
    return found[1]


def account_of(place: Place, email: str) -> Account | None:
    async def find(vault: Vault) -> Account | None:
        async with vault.reading() as work:
            return await work.accounts.by_email(email)

    return place.live.within(find)


def run_out(place: Place, email: str) -> None:
    """The time in which it can be kept goes by."""

    async def act(vault: Vault) -> None:
        async with vault.writing() as work:
            account = await work.accounts.by_email(email)
            assert account is not None
            assert account.closes is not None
            await work.accounts.replace(replace(account, closes=vault.clock() - timedelta(seconds=1)))

    place.live.within(act)


def log(place: Place, pod: str) -> list[AuditEntry]:
    async def read(vault: Vault) -> list[AuditEntry]:
        async with vault.reading() as work:
            return await work.audit.entries(PodName(pod), limit=10_000)

    return place.live.within(read)


@pytest.mark.requirement("UX-33")
async def test_nothing_is_asked_without_a_fresh_password_and_a_tick(place: Place) -> None:
    ann, browser = await place.newcomer(), place.browser()
    await browser.sign_in(ann)
    page = await browser.open("/my/account/close")
    assert "No organisation has read anything" in page.text
    unsure = await browser.submit(page, "/my/account/close")
    assert unsure.status == 422
    stale(place.live, browser)
    for answer in (
        await browser.open("/my/account/close", follow=False),
        await browser.submit(page, "/my/account/close", SURE, follow=False),
    ):
        assert answer.headers["Location"].startswith("/idp/confirm?")
    account = account_of(place, ann.email)
    assert account is not None
    assert account.closes is None


@pytest.mark.requirement("UX-33")
async def test_until_then_everything_works_every_page_says_so_and_a_button_keeps_it(place: Place) -> None:
    ann, browser = await place.newcomer(), place.browser()
    await browser.sign_in(ann)
    receipt = await close(browser)
    for path in ("/my/", "/my/sharing", "/my/log", "/my/data", "/my/account", "/idp/password"):
        page = await browser.open(path)
        assert page.status == 200
        assert "will be closed after" in page.text, path
    assert "will be closed after" not in (await browser.open("/idp/login?again=1")).text
    assert "will be closed after" in (await browser.open(receipt)).text
    letter = text_of(place.letters(ann.email)[-1])
    assert "everything in it is deleted" in letter
    place.live.within(close_accounts)
    page = await browser.submit(await browser.open("/my/"), "/my/account/keep")
    assert "stays" in page.text
    assert "will be closed after" not in (await browser.open("/my/")).text
    assert (await place.browser().open(link_in(place.letters(ann.email)[-1]))).status == 410
    assert (await browser.open(receipt)).status == 404
    events = [entry.event for entry in log(place, ann.pod.split("/")[-2])]
    assert AuditEvent.ACCOUNT_CLOSING in events
    assert AuditEvent.ACCOUNT_KEPT in events


@pytest.mark.requirement("UX-33")
async def test_link_of_the_letter_keeps_it_without_signing_in(place: Place) -> None:
    ann, browser, other = await place.newcomer(), place.browser(), place.browser()
    await browser.sign_in(ann)
    await close(browser)
    link = place.link(ann.email)
    page = await other.open(link)
    account = account_of(place, ann.email)
    assert account is not None
    assert account.closes is not None  # looking keeps nothing
    page = await other.submit(page, "/idp/keep")
    assert "Your data vault stays" in page.text
    assert (await other.open(link)).status == 410
    account = account_of(place, ann.email)
    assert account is not None
    assert account.closes is None


@pytest.mark.requirement("UX-33")
async def test_who_closes_is_asked_nothing_and_shares_nothing_new(place: Place, lock: LiveLock) -> None:
    await lock.deliver(to="stefaan", name="two")
    stefaan, browser = lock.person("stefaan"), place.browser()
    asked = await lock.ask(citizen=stefaan.webid)
    await browser.sign_in(stefaan)
    await close(browser)
    with pytest.raises(Forbidden, match="account-closing"):
        lock.approve(asked, name="two", citizen="stefaan")
    answer = await lock.call("POST", "requests", by="employer", json_body=lock.question(citizen=stefaan.webid))
    assert (answer.status, answer.json["reason"]) == (403, "no-requests")
    await browser.submit(await browser.open("/my/"), "/my/account/keep")
    assert lock.approve(asked, name="two", citizen="stefaan").id


@pytest.mark.requirement("UX-33")
async def test_organisation_cannot_close_by_itself(place: Place, lock: LiveLock) -> None:
    browser = place.browser()
    await browser.sign_in(lock.person("employer"))
    page = await browser.open("/my/account/close")
    assert page.status == 403
    assert "Only the operator can close it" in page.text


@pytest.mark.requirement("UX-33", "UX-15", "VEC-T28")
async def test_when_the_time_is_over_all_of_it_goes_and_others_are_told(place: Place, lock: LiveLock) -> None:
    lotte, browser, http = lock.person("lotte"), place.browser(), place.http
    await lock.deliver()
    grant = await lock.granted()
    view = grant["items"][0]["view"]
    assert (await lock.call("GET", view, by="employer")).status == 200
    waiting = await lock.ask()
    public = f"{lotte.pod}public"
    assert (await http.put(public, b"<#a> <#b> <#c>.", by=lotte)).status == 201
    app = await register(http)
    granted = await app.redeem(await app.code_for(place.browser(), lotte))
    await browser.sign_in(lotte)
    page = await browser.open("/my/account/close")
    assert "Employer nv read data of yours" in page.text
    receipt = await close(browser)
    place.live.within(close_accounts)
    assert (await http.get(public, by=lotte)).status == 200  # not before its time
    run_out(place, lotte.email)
    assert (await browser.submit(await browser.open("/my/"), "/my/account/keep")).status == 410  # there is no way back
    assert place.live.within(close_accounts) == 1
    # The person and the tokens are nobody.
    assert (await browser.open("/my/", follow=False)).status == 303
    assert (await place.browser().sign_in(lotte)).status == 403
    assert (await app.refresh(granted.json["refresh_token"])).status == 400
    for url in (public, lotte.pod, f"{lotte.pod}profile/card"):
        assert (await http.get(url)).status == 401
        assert await refused_soon(http, url, lotte) == 401
    # The organisation hears what became of its grant and its question.
    refused = await lock.call("GET", view, by="employer")
    assert (refused.status, refused.json["reason"]) == (403, "grant-revoked")
    assert (await lock.call("GET", f"grants/{grant['id'].rpartition('/')[2]}", by="employer")).json[
        "state"
    ] == "revoked"
    answered = await lock.call("GET", f"requests/{waiting['id'].rpartition('/')[2]}", by="employer")
    assert answered.json["state"] == "refused"
    # The log holds, and the server's own line has no name.
    chain = log(place, "lotte")
    assert isinstance(verify_chain(chain, previous=GENESIS), Intact)
    assert {AuditEvent.GRANT_REVOKED, AuditEvent.REQUEST_REFUSED} <= {entry.event for entry in chain}
    closed = [entry for entry in log(place, SERVER) if entry.event is AuditEvent.ACCOUNT_CLOSED][-1]
    assert "lotte" not in repr(closed)
    # The receipt, by letter and as a page.
    letter = text_of(place.letters(lotte.email)[-1])
    count = closed.facts["documents"]
    assert f"({count} documents and folders)" in letter
    page = await place.browser().open(receipt)
    assert "This data vault is closed" in page.text
    assert f"<dd>{count}</dd>" in page.text
    assert left_of(place, "lotte") == 0


async def refused_soon(http: Visitor, url: str, by: Person) -> int:
    """What a token is worth is looked up once a second; what it opened is gone at once."""
    told = 403
    for _ in range(30):
        if (told := (await http.get(url, by=by)).status) != 403:
            break
        await asyncio.sleep(0.1)
    return told


def left_of(place: Place, pod: str) -> int:
    """What is still there of a pod, whatever it is."""

    async def count(vault: Vault) -> int:
        async with vault.writing() as work:
            resources = await work.resources.clear(PodName(pod), limit=10_000)
            deposits = await work.deposits.for_pod(PodName(pod))
            stored = await work.resources.pod(PodName(pod))
            assert stored is not None
            assert (stored.owner, stored.used_bytes) == ("", 0)
        return resources + len(deposits)

    return place.live.within(count)


@pytest.mark.requirement("UX-33")
async def test_name_is_never_given_again_and_the_address_is_free(place: Place) -> None:
    ann = await place.newcomer()
    name = ann.pod.split("/")[-2]
    await gone(place, ann)
    browser = place.browser()
    page = await browser.open("/idp/signup")
    await browser.submit(page, "/idp/signup", email=ann.email)
    page = await browser.open(place.link(ann.email))
    filled = {"name": "Some One", "password": "four words are enough"}
    assert (await browser.submit(page, "/idp/signup", pod=name, **filled, follow=True)).status == 409
    again = await browser.submit(page, "/idp/signup", pod=f"{name}-2", **filled, follow=True)
    assert again.url.endswith("/my/")
    assert (await browser.open("/my/log")).status == 200


async def gone(place: Place, person: Person) -> str:
    browser = place.browser()
    await browser.sign_in(person)
    receipt = await close(browser)
    run_out(place, person.email)
    assert place.live.within(close_accounts) == 1
    return receipt


@pytest.mark.requirement("ATK-36")
async def test_receipt_of_somebody_else_cannot_be_guessed(place: Place) -> None:
    ann = await place.newcomer()
    receipt = await gone(place, ann)
    assert (await place.browser().open(receipt)).status == 200
    base, _, token = receipt.partition("?receipt=")
    for wrong in (token[:-1], token.replace("closed-", "", 1), "closed-x.y", ""):
        assert (await place.browser().open(f"{base}?receipt={wrong}")).status == 404
