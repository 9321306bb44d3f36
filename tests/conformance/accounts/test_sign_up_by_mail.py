"""Signing up where there is mail: the address first, then the account; by invitation, or not at all."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from tests.browser import Browser
from tests.conformance.accounts.conftest import Place, ask
from tests.live import Live, serving
from tests.mailbox import link_in, mail_server, mail_settings, text_of
from tests.people import Visitor
from vault.audit import SERVER, AuditEntry, AuditEvent
from vault.errors import Forbidden
from vault.identity.accounts import Account
from vault.identity.correspond import make_link
from vault.identity.letters import LinkPurpose
from vault.identity.sign_up import invite
from vault.ports import Vault
from vault.web.letters import link_url


def account_of(live: Live, email: str) -> Account | None:
    async def find(vault: Vault) -> Account | None:
        async with vault.reading() as work:
            return await work.accounts.by_email(email)

    return live.within(find)


async def test_account_is_made_when_the_link_is_followed_and_not_before(place: Place) -> None:
    name, browser = f"p{secrets.token_hex(5)}", place.browser("fr")
    email = f"{name}@people.example"
    page = await ask(browser, email)
    assert "boîte e-mail" in page.text
    assert account_of(place.live, email) is None
    (letter,) = place.letters(email)
    assert letter["Content-Language"] == "fr"
    other = place.browser()  # the letter is read on another device
    page = await other.open(link_in(letter))
    assert page.status == 200
    assert account_of(place.live, email) is None  # looking changes nothing: programs that read mail follow links too
    page = await other.submit(page, "/idp/signup", name="Per Son", pod=name, password="four words are enough")
    assert page.url.endswith("/my/")
    account = account_of(place.live, email)
    assert account is not None
    assert account.email_verified
    assert account.language == "en"


@pytest.mark.requirement("ATK-29")
async def test_address_of_the_form_does_not_count_behind_a_link(place: Place) -> None:
    """The account is made for the address that was shown to be theirs, whatever the form says."""
    name, browser = f"p{secrets.token_hex(5)}", place.browser()
    await ask(browser, f"{name}@people.example")
    page = await browser.open(place.link(f"{name}@people.example"))
    filled = {"name": "Per Son", "pod": name, "password": "four words are enough"}
    await browser.submit(page, "/idp/signup", email="victim@people.example", **filled, follow=True)
    assert account_of(place.live, "victim@people.example") is None
    assert account_of(place.live, f"{name}@people.example") is not None


@pytest.mark.requirement("ATK-29")
async def test_known_address_gets_another_letter_and_the_page_says_the_same(place: Place) -> None:
    alice = place.live.people["alice"]
    known = await ask(place.browser(), alice.email.upper())
    unknown = await ask(place.browser(), f"{secrets.token_hex(5)}@people.example")
    assert known.status == unknown.status == 200
    assert without_token(known.text) == without_token(unknown.text)
    letter = place.letters(alice.email)[-1]
    assert "hebt" in text_of(letter)  # in the language of the account
    assert "?link=" not in text_of(letter)


def without_token(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if 'name="csrf"' not in line)


async def test_what_is_no_address_is_said_at_once(place: Place) -> None:
    page = await ask(place.browser(), "nobody")
    assert page.status == 422
    assert 'id="email-problem"' in page.text


async def test_taken_name_leaves_the_link_as_it_was(place: Place) -> None:
    name, browser = f"p{secrets.token_hex(5)}", place.browser()
    email = f"{name}@people.example"
    await ask(browser, email)
    page = await browser.open(place.link(email))
    filled = {"name": "Per Son", "password": "four words are enough"}
    refused = await browser.submit(page, "/idp/signup", pod="alice", **filled, follow=True)
    assert refused.status == 409
    page = await browser.submit(refused, "/idp/signup", pod=name, password="four words are enough")
    assert page.url.endswith("/my/")
    again = await browser.open(place.link(email))
    assert again.status == 410


@pytest.mark.requirement("ATK-29")
async def test_sixth_letter_to_a_mailbox_within_the_hour_has_to_wait(place: Place) -> None:
    carol = place.live.people["carol"]
    for email in (f"{secrets.token_hex(5)}@people.example", carol.email):
        answers = [await ask(place.browser(), email, follow=False) for _ in range(6)]
        assert [answer.status for answer in answers] == [303] * 5 + [429]
        assert int(answers[-1].headers["Retry-After"]) > 0
        assert len(place.letters(email)) == 5


@pytest.mark.requirement("ATK-29")
async def test_address_that_asks_for_many_mailboxes_has_to_wait(tmp_path: Path) -> None:
    async with inviting(tmp_path, sign_up="open", limits={"sign_in_tries": 4}) as place:
        answers = [await ask(place.browser(), f"u{n}@people.example", follow=False) for n in range(5)]
        assert [answer.status for answer in answers] == [303] * 4 + [429]
        assert int(answers[-1].headers["Retry-After"]) > 0


@asynccontextmanager
async def inviting(tmp_path: Path, *, sign_up: str, mail: bool = True, **more: object) -> AsyncIterator[Place]:
    with mail_server() as box:
        section = mail_settings(box) if mail else {}
        with serving(tmp_path / "data", identity={"sign_up": sign_up}, mail=section, **more) as live:
            async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
                yield Place(live, box, Visitor(session, live.base_url))


async def test_invitation_opens_one_account_although_the_server_takes_no_others(tmp_path: Path) -> None:
    async with inviting(tmp_path, sign_up="invitation") as place:
        browser = place.browser()
        assert (await browser.open("/idp/signup")).status == 403
        url = invited(place.live, "guest@people.example")
        assert place.link("guest@people.example") == url
        page = await browser.open(url)
        filled = {"name": "Guest", "pod": "guest", "password": "four words are enough"}
        answer = await browser.submit(page, "/idp/signup", **filled, follow=True)
        assert answer.url.endswith("/my/")
        account = account_of(place.live, "guest@people.example")
        assert account is not None
        assert account.email_verified
        second = await browser.submit(page, "/idp/signup", **{**filled, "pod": "guest2"}, follow=True)
        assert second.status == 410
        (entry,) = invitations(place.live)
        assert "guest" not in repr(entry)


async def test_invitation_works_without_mail_and_never_where_nobody_is_taken(tmp_path: Path) -> None:
    async with inviting(tmp_path / "some", sign_up="invitation", mail=False) as place:
        assert (await place.browser().open(invited(place.live, "guest@people.example"))).status == 200
    async with inviting(tmp_path / "none", sign_up="closed", mail=False) as place:
        with pytest.raises(Forbidden, match="sign-up-closed"):
            invited(place.live, "other@people.example")
        # One that was made before the operator closed the door.
        assert (await place.browser().open(place.live.within(an_earlier_one))).status == 410


async def an_earlier_one(vault: Vault) -> str:
    async with vault.writing() as work:
        expires = vault.clock() + timedelta(days=1)
        link = await make_link(work, LinkPurpose.INVITATION, email="guest@people.example", expires=expires)
    return link_url(link, base_url=vault.base_url, key=vault.secrets.links)


async def test_without_mail_sign_up_asks_everything_at_once(tmp_path: Path) -> None:
    async with inviting(tmp_path, sign_up="open", mail=False) as place:
        browser = place.browser()
        page = await browser.open("/idp/signup")
        filled = {
            "name": "Per Son",
            "pod": "person",
            "email": "per@people.example",
            "password": "four words are enough",
        }
        assert (await browser.submit(page, "/idp/signup", **filled, follow=True)).url.endswith("/my/")
        account = account_of(place.live, "per@people.example")
        assert account is not None
        assert not account.email_verified
        for path in ("/idp/forgot", "/my/account/address"):
            assert (await browser.open(path)).status == 404  # what needs mail is not offered
        assert "/idp/forgot" not in (await Browser(place.http).open("/idp/login")).text
        assert "/my/account/address" not in (await browser.open("/my/account")).text


def invited(live: Live, email: str) -> str:
    async def make(vault: Vault) -> str:
        async with vault.writing() as work:
            link = await invite(work, email=email, language="nl", settings=vault.settings, now=vault.clock())
        return link_url(link, base_url=vault.base_url, key=vault.secrets.links)

    return live.within(make)


def invitations(live: Live) -> list[AuditEntry]:
    async def read(vault: Vault) -> list[AuditEntry]:
        async with vault.reading() as work:
            return [one for one in await work.audit.entries(SERVER) if one.event is AuditEvent.INVITATION_MADE]

    return live.within(read)
