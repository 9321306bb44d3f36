"""Accounts that were opened with a passkey: behind the links of letters and invitations, and how such an account lives
on without a password: its last way in, its codes, a password by mail, and its end."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.authenticator import Key, Keyring, made
from tests.browser import forms_of, register
from tests.conformance.accounts.conftest import Place, ask
from tests.conformance.accounts.test_sign_up_by_mail import account_of, invited, inviting
from tests.conformance.accounts.test_sign_up_for_an_app import asked

OPTIONS, ANSWER = "/idp/signup/passkey/options", "/idp/signup/passkey"
CODES = "/my/account/recovery"


def token_in(link: str) -> str:
    return dict(parse_qsl(urlsplit(link).query))["link"]


@dataclass
class Newcomer:
    """Somebody whose account a passkey opened, at her browser."""

    ring: Keyring
    key: Key
    email: str
    pod: str


@pytest.fixture
def name() -> str:
    return f"n{secrets.token_hex(5)}"


@pytest.fixture
async def noor(place: Place, name: str) -> Newcomer:
    email = f"{name}@people.example"
    await ask(place.browser(), email)
    ring, key = Keyring(place.browser(), page="/idp/signup"), Key()
    said = {"name": "Noor Claes", "pod": name, "link": token_in(place.link(email))}
    answer = await ring.open(key, said)
    assert answer.status == 200, answer.text
    return Newcomer(ring, key, email, name)


async def test_link_opens_an_account_for_the_address_it_went_to(place: Place, noor: Newcomer) -> None:
    account = account_of(place.live, noor.email)
    assert account is not None
    assert (account.password_hash, account.email_verified, account.pod) == (None, True, noor.pod)
    assert len(place.letters(noor.email)) == 1  # nobody needs to be told of the first passkey
    assert (await place.browser().open(place.link(noor.email))).status == 410


@pytest.mark.requirement("ATK-30")
async def test_what_was_begun_on_one_link_ends_on_no_other(place: Place, name: str) -> None:
    mine, other = f"{name}@people.example", f"x{name}@people.example"
    for email in (mine, other):
        await ask(place.browser(), email)
    ring = Keyring(place.browser(), page="/idp/signup")
    token, strange = token_in(place.link(mine)), token_in(place.link(other))
    said = {"name": "Noor Claes", "pod": name, "link": token}
    for sent, status, reason in (
        ({"link": strange}, 403, "passkey-challenge"),
        ({}, 403, "sign-up-closed"),
        ({"link": f"{token}0"}, 410, "link-over"),
    ):
        options = (await ring.post(OPTIONS, {**said, "email": "victim@people.example"})).json
        assert options["user"]["name"] == mine  # the link says whose account it is
        answer = await ring.post(ANSWER, {"credential": made(options, Key(), origin=ring.origin), **sent})
        assert (answer.status, answer.json["reason"]) == (status, reason)
    for email in (mine, other, "victim@people.example"):
        assert account_of(place.live, email) is None
    assert (await ring.open(Key(), said)).status == 200  # no link was used up by that


@pytest.mark.requirement("ATK-29")
async def test_taken_name_leaves_the_link_as_it_was(place: Place, name: str) -> None:
    email = f"{name}@people.example"
    await ask(place.browser(), email)
    ring, said = Keyring(place.browser(), page="/idp/signup"), {"name": "Noor", "link": token_in(place.link(email))}
    answer = await ring.post(OPTIONS, {**said, "pod": "alice"})
    assert (answer.status, answer.json["reason"]) == (409, "sign-up-taken")
    assert (await ring.open(Key(), {**said, "pod": name})).status == 200


@pytest.mark.requirement("ATK-29")
async def test_without_a_link_nothing_is_begun_where_addresses_are_shown_first(place: Place, name: str) -> None:
    ring = Keyring(place.browser(), page="/idp/signup")
    answer = await ring.post(OPTIONS, {"name": "Noor", "pod": name, "email": f"{name}@people.example"})
    assert (answer.status, answer.json["reason"]) == (403, "sign-up-closed")


async def test_invitation_is_accepted_with_a_passkey(tmp_path: Path, name: str) -> None:
    async with inviting(tmp_path, sign_up="invitation", mail=False) as place:
        ring = Keyring(place.browser(), page="/idp/login")
        said = {"name": "Noor", "pod": name, "email": "noor@people.example"}
        assert (await ring.post(OPTIONS, said)).status == 403
        link = invited(place.live, "guest@people.example")
        page = await ring.browser.open(link)
        assert 'data-passkey="open"' in page.text
        assert (await ring.open(Key(), {**said, "link": token_in(link)})).status == 200
        account = account_of(place.live, "guest@people.example")
        assert account is not None
        assert account.password_hash is None


async def test_closed_server_begins_nothing(tmp_path: Path, name: str) -> None:
    async with inviting(tmp_path, sign_up="closed", mail=False) as place:
        ring = Keyring(place.browser(), page="/idp/login")
        for path, body in ((OPTIONS, {"name": "N", "pod": name, "email": "n@people.example"}), (ANSWER, {})):
            answer = await ring.post(path, {"credential": {}} if path == ANSWER else body)
            assert (answer.status, answer.json["reason"]) == (403, "sign-up-closed")


@pytest.mark.requirement("VEC-R23")
async def test_passkey_behind_a_link_leads_to_the_app_that_somebody_came_from(place: Place, name: str) -> None:
    app, email = await register(place.http), f"{name}@people.example"
    await asked(place.browser(), app.authorization_url(), email)
    ring = Keyring(place.browser(), page="/idp/signup")
    said = {"name": "Noor", "pod": name, "link": token_in(place.link(email))}
    answer = await ring.open(Key(), said, "https://evil.example/")
    page = await ring.browser.open(answer.json["next"])
    assert (page.status, CODES in page.url) == (200, True)
    page = await ring.browser.submit(page, CODES)
    (onward,) = [text for text in page.text.split('"') if text.startswith("/idp/auth?")][-1:]
    question = await ring.browser.open(onward.replace("&amp;", "&"))
    assert "/idp/consent" in [form.action for form in forms_of(question)]


async def test_codes_are_offered_at_once_and_open_the_account(place: Place, noor: Newcomer) -> None:
    browser = noor.ring.browser
    page = await browser.open(f"{CODES}?next=%2Fmy%2Flog&new=1", follow=False)
    assert page.status == 200
    assert "Your vault is open" in page.text
    assert 'href="/my/log"' in page.text
    page = await browser.submit(page, CODES)
    assert 'href="/my/log"' in page.text
    code = page.text.partition("<li><code>")[2].partition("</code>")[0]
    lost = place.browser()
    page = await lost.submit(await lost.open("/idp/recover"), "/idp/recover", email=noor.email, code=code)
    assert "/my/account/recovered" in page.url


@pytest.mark.requirement("VEC-R23")
async def test_codes_lead_to_no_other_site(noor: Newcomer) -> None:
    page = await noor.ring.browser.open(f"{CODES}?next=https://evil.example/")
    assert "evil.example" not in page.text.partition('class="languages"')[0]
    page = await noor.ring.browser.submit(
        await noor.ring.browser.open(f"{CODES}?next=/my/log"), CODES, next="https://evil.example/"
    )
    assert "evil.example" not in page.text


async def test_no_password_opens_it(place: Place, noor: Newcomer) -> None:
    for password in ("", "None", "four words are enough"):
        browser = place.browser()
        page = await browser.open("/idp/login")
        page = await browser.submit(page, "/idp/login", email=noor.email, password=password)
        assert page.status == 403


async def test_passkey_is_the_last_way_in_until_there_is_another(place: Place, noor: Newcomer) -> None:
    browser = noor.ring.browser

    async def removed() -> int:
        page = await browser.open("/my/account/passkeys")
        path = page.text.partition('<h2><a href="')[2].partition('"')[0] + "/remove"
        return (await browser.submit(await browser.open(path), path)).status

    assert await removed() == 409
    assert (await browser.open("/idp/password", follow=False)).headers["Location"] == "/my/account/new-password"
    page, new = await browser.open("/my/account/new-password"), "four words are enough"
    await browser.submit(page, "/my/account/new-password", new=new, again=new)
    assert await removed() == 200
    other = place.browser()
    page = await other.open("/idp/login")
    assert (await other.submit(page, "/idp/login", email=noor.email, password=new)).url.endswith("/my/")


async def test_step_up_is_by_the_passkey(noor: Newcomer) -> None:
    page = await noor.ring.browser.open("/idp/confirm?next=/my/account/close")
    assert 'data-passkey="confirm"' in page.text
    assert 'name="password"' not in page.text
    assert (await noor.ring.confirm(noor.key, "/my/account/close")).json["next"] == "/my/account/close"


async def test_lost_device_is_overcome_by_mail(place: Place, noor: Newcomer) -> None:
    browser, new = place.browser(), "four words are enough"
    await browser.submit(await browser.open("/idp/forgot"), "/idp/forgot", email=noor.email)
    page = await browser.open(place.link(noor.email))
    await browser.submit(page, "/idp/reset", new=new, again=new)
    page = await browser.submit(await browser.open("/idp/login"), "/idp/login", email=noor.email, password=new)
    assert page.url.endswith("/my/")
    assert (await noor.ring.browser.open("/my/", follow=False)).status == 303  # signed out with everybody else
    assert (await Keyring(place.browser()).sign_in(noor.key)).status == 200


async def test_account_without_a_password_is_closed_and_kept(place: Place, noor: Newcomer) -> None:
    browser = noor.ring.browser
    page = await browser.open("/my/account/close")
    await browser.submit(page, "/my/account/close", (("sure", "yes"),))
    account = account_of(place.live, noor.email)
    assert account is not None
    assert account.closes is not None
    other = place.browser()
    await other.submit(await other.open(place.link(noor.email)), "/idp/keep")
    account = account_of(place.live, noor.email)
    assert account is not None
    assert account.closes is None
