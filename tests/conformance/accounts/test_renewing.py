"""A forgotten password and another address: links that are worth one use, for one purpose, for one account."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.browser import Browser, forms_of, register
from tests.conformance.accounts.conftest import Place, ask
from tests.live import Live
from tests.mailbox import link_in, text_of
from tests.people import Answer, Person
from vault.audit import AuditEntry
from vault.identity.correspond import make_link
from vault.identity.letters import LinkPurpose
from vault.identity.tokens import digest
from vault.ports import Vault
from vault.values import PodName
from vault.web.letters import link_url

NEW = "quite another password"


async def forget(browser: Browser, email: str, *, follow: bool = True) -> Answer:
    page = await browser.open("/idp/forgot")
    return await browser.submit(page, "/idp/forgot", email=email, follow=follow)


async def choose(browser: Browser, link: str, new: str = NEW, again: str | None = None) -> Answer:
    page = await browser.open(link)
    if page.status != 200:
        return page
    return await browser.submit(page, "/idp/reset", new=new, again=new if again is None else again)


async def signed_in(browser: Browser) -> bool:
    return (await browser.open("/my/account", follow=False)).status == 200


def log_of(live: Live, pod: str) -> list[AuditEntry]:
    async def read(vault: Vault) -> list[AuditEntry]:
        async with vault.reading() as work:
            return await work.audit.entries(PodName(pod))

    return live.within(read)


@pytest.mark.requirement("ATK-29", "ATK-02")
async def test_new_password_by_mail_signs_everybody_else_out(place: Place) -> None:
    ann, thief = await place.newcomer(), place.browser()
    await thief.sign_in(ann)
    app = await register(place.http)
    granted = await app.redeem(await app.code_for(place.browser(), ann))
    assert granted.status == 200
    page = await forget(place.browser(), ann.email)
    assert "mailbox" in page.text
    browser, link = place.browser(), place.link(ann.email)
    for new, again, words in (("short", None, "at least 8"), (NEW, "other", "not the same")):
        refused = await choose(browser, link, new, again)
        assert refused.status == 422
        assert words in refused.text
    done = await choose(browser, link)
    assert "Sign in with your new password" in done.text
    assert not await signed_in(browser)  # whoever holds the link still has to know the password
    assert not await signed_in(thief)
    assert (await app.refresh(granted.json["refresh_token"])).status == 400
    assert (await place.browser().sign_in(ann)).status == 403
    assert (await place.browser().sign_in(replace(ann, password=NEW), follow=False)).status == 303
    told = text_of(place.letters(ann.email)[-1])
    assert "was changed" in told
    assert "?link=" not in told
    assert "identity:password:reset" in [entry.event.value for entry in log_of(place.live, ann.pod.split("/")[-2])]


@pytest.mark.requirement("ATK-29")
async def test_link_is_for_one_use_and_a_newer_one_ends_it(place: Place) -> None:
    ann = await place.newcomer()
    await forget(place.browser(), ann.email)
    first = place.link(ann.email)
    await forget(place.browser(), ann.email)
    second = place.link(ann.email)
    assert first != second
    assert (await choose(place.browser(), first)).status == 410
    assert (await choose(place.browser(), second)).status == 200
    assert (await choose(place.browser(), second)).status == 410


@pytest.mark.requirement("ATK-29")
async def test_link_that_is_too_old_altered_or_for_something_else_opens_nothing(place: Place) -> None:
    ann, newcomer = await place.newcomer(), f"{secrets.token_hex(5)}@people.example"
    await forget(place.browser(), ann.email)
    await ask(place.browser(), newcomer)
    renewing, opening = place.link(ann.email), place.link(newcomer)
    base, _, token = renewing.partition("?link=")
    link_id, _, seal = token.partition(".")
    flipped = "0" if seal[0] != "0" else "1"
    other = opening.partition("?link=")[2]
    made = [
        f"{link_id}.{flipped}{seal[1:]}",
        f"{link_id[:-1]}.{seal}",
        link_id,
        f".{seal}",
        "",
        "%C3%A9",
        f"{token}x",
        other,
    ]
    made += [f"{other.partition('.')[0]}.{seal}"]
    for altered in made:
        assert (await place.browser().open(f"{base}?link={altered}")).status == 410, altered
    assert (await place.browser().open(opening.replace(other, token))).status == 410
    assert (await place.browser().open(made_link(place.live, ann, seconds=-1))).status == 410
    assert (await place.browser().open(made_link(place.live, ann, seconds=1))).status == 200


def made_link(live: Live, person: Person, *, seconds: int) -> str:
    """A link to a new password for this person, with an end of its own."""

    async def make(vault: Vault) -> str:
        async with vault.writing() as work:
            account = await work.accounts.by_email(person.email)
            assert account is not None
            expires = vault.clock() + timedelta(seconds=seconds)
            purpose = LinkPurpose.NEW_PASSWORD
            link = await make_link(work, purpose, email=account.email, expires=expires, account=account.id)
        return link_url(link, base_url=vault.base_url, key=vault.secrets.links)

    return live.within(make)


@pytest.mark.requirement("ATK-29")
async def test_unknown_address_gets_one_letter_a_day_and_the_page_says_the_same(place: Place) -> None:
    ann, nobody = await place.newcomer(), f"{secrets.token_hex(5)}@people.example"
    known, unknown = await forget(place.browser(), ann.email), await forget(place.browser(), nobody)
    assert (known.status, without_token(known)) == (unknown.status, without_token(unknown))
    await forget(place.browser(), nobody)
    (letter,) = place.letters(nobody)
    assert "no data vault with this address" in text_of(letter)
    assert "?link=" not in text_of(letter)


def without_token(page: Answer) -> str:
    return "\n".join(line for line in page.text.splitlines() if 'name="csrf"' not in line)


@pytest.mark.requirement("ATK-29")
async def test_known_and_unknown_addresses_take_as_long(place: Place) -> None:
    people = [await place.newcomer() for _ in range(4)]
    times = {"known": list[float](), "unknown": list[float]()}
    browser = place.browser()
    pages = {path: await browser.open(path) for path in ("/idp/forgot", "/idp/signup")}
    for person in people:
        for path, page in pages.items():
            for kind, email in (("known", person.email), ("unknown", f"{secrets.token_hex(5)}@people.example")):
                started = time.perf_counter()
                answer = await browser.submit(page, path, email=email, follow=False)
                times[kind].append(time.perf_counter() - started)
                assert answer.status == 303
    # The quickest of each: what the work itself takes, whatever else the machine does meanwhile.
    known, unknown = min(times["known"]), min(times["unknown"])
    assert 0.5 < unknown / known < 2.0, times


async def test_locked_account_gets_no_link(place: Place) -> None:
    ann = await place.newcomer()
    before = len(place.letters(ann.email))
    change(place.live, ann, locked=True)
    assert (await forget(place.browser(), ann.email)).status == 200
    assert len(place.letters(ann.email)) == before


def change(live: Live, person: Person, **fields: object) -> None:
    """Alters the account's record."""

    async def act(vault: Vault) -> None:
        async with vault.writing() as work:
            account = await work.accounts.by_email(person.email)
            assert account is not None
            await work.accounts.replace(replace(account, **fields))  # type: ignore[arg-type]

    live.within(act)


@pytest.mark.requirement("ATK-29")
@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "localhost.evil.example"])
async def test_link_never_follows_the_host_that_was_named(place: Place, host: str) -> None:
    """The classic: a reset that is asked for under another name, so that the victim's link goes there."""
    ann, browser = await place.newcomer(), place.browser()
    page = await browser.open("/idp/forgot")
    fields = "&".join(f"{name}={value}" for name, value in [*forms_of(page)[0].fields, ("email", ann.email)] if value)
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    before = len(place.letters(ann.email))
    for named in ({"Host": host}, {"X-Forwarded-Host": host}, {"Forwarded": f"host={host}"}):
        sent = {"Cookie": cookie, "Origin": place.http.base_url[:-1], "Sec-Fetch-Site": "same-origin", **named}
        kind = "application/x-www-form-urlencoded"
        await place.http.send("POST", f"{place.http.base_url}idp/forgot", body=fields, kind=kind, headers=sent)
    letters = place.letters(ann.email)[before:]
    assert letters  # a forwarded name is no name of ours, and the form was good
    assert all(link_in(letter).startswith(place.http.base_url) for letter in letters)
    assert all("evil" not in letter.as_string() for letter in letters)


async def test_account_without_a_password_is_signed_in_by_none(place: Place) -> None:
    ann = await place.newcomer()
    change(place.live, ann, password_hash=None)
    for password in ("", ann.password, "nobody has this password"):
        assert (await place.browser().sign_in(replace(ann, password=password))).status == 403


async def test_another_address_counts_when_its_link_was_followed(place: Place) -> None:
    ann, new = await place.newcomer(), f"{secrets.token_hex(5)}@people.example"
    await forget(place.browser(), ann.email)
    renewing = place.link(ann.email)
    browser = place.browser()
    await browser.sign_in(ann)
    page = await browser.open("/my/account/address")
    assert "is confirmed" in page.text
    assert (await browser.submit(page, "/my/account/address", new="nobody")).status == 422
    page = await browser.submit(page, "/my/account/address", new=new)
    assert "stays as it is" in page.text
    link = place.link(new)
    page = await browser.open(link)
    page = await browser.submit(page, "/my/account/address/confirm")
    assert new in page.text
    assert "was changed" in page.text
    assert "another e-mail address" in text_of(place.letters(ann.email)[-1])  # the old one is told
    assert (await place.browser().open(renewing)).status == 410  # and what went there leads nowhere any more
    assert (await browser.open(link)).status == 410
    assert (await place.browser().sign_in(ann)).status == 403
    assert (await place.browser().sign_in(replace(ann, email=new), follow=False)).status == 303


@pytest.mark.requirement("ATK-29")
async def test_link_to_another_address_is_worth_nothing_to_another_account(place: Place) -> None:
    ann, bob = await place.newcomer(), await place.newcomer()
    new, browser, thief = f"{secrets.token_hex(5)}@people.example", place.browser(), place.browser()
    await browser.sign_in(ann)
    await thief.sign_in(bob)
    page = await browser.open("/my/account/address")
    await browser.submit(page, "/my/account/address", new=new)
    link = place.link(new)
    assert (await place.browser().open(link, follow=False)).status == 303  # to the sign-in page
    assert (await thief.open(link)).status == 410
    own = await thief.open("/my/account/address")
    await thief.submit(own, "/my/account/address", new=f"{secrets.token_hex(5)}@people.example")
    page = await browser.open(link)
    stolen = await thief.submit(page, "/my/account/address/confirm", csrf=csrf(own))
    assert stolen.status == 410
    assert (await browser.submit(page, "/my/account/address/confirm")).status == 200  # and it was not used up


def csrf(page: Answer) -> str:
    return dict(forms_of(page)[0].fields)["csrf"]


@pytest.mark.requirement("ATK-29")
async def test_address_of_somebody_else_is_not_told_to_be_taken(place: Place) -> None:
    ann, bob, browser = await place.newcomer(), await place.newcomer(), place.browser()
    await browser.sign_in(ann)
    page = await browser.open("/my/account/address")
    told = await browser.submit(page, "/my/account/address", new=bob.email)
    assert "We sent a link" in told.text
    assert "?link=" not in text_of(place.letters(bob.email)[-1])


async def test_another_address_needs_a_fresh_sign_in(place: Place) -> None:
    ann, browser = await place.newcomer(), place.browser()
    await browser.sign_in(ann)
    page = await browser.open("/my/account/address")
    stale(place.live, browser)
    for answer in (
        await browser.open("/my/account/address", follow=False),
        await browser.submit(page, "/my/account/address", new="new@people.example", follow=False),
    ):
        assert answer.status == 303
        assert answer.headers["Location"].startswith("/idp/confirm?")
    assert place.letters("new@people.example") == []


def stale(live: Live, browser: Browser) -> None:
    """The password was given a while ago."""

    async def move(vault: Vault) -> None:
        async with vault.writing() as work:
            session = await work.sessions.get(digest(browser.cookies["datakluis"]))
            assert session is not None
            earlier = session.authenticated_at - timedelta(seconds=301)
            await work.sessions.replace(replace(session, authenticated_at=earlier))

    live.within(move)
