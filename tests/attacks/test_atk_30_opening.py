"""ATK-30, where an account is opened with a passkey: an answer counts once, in one browser, for the account it was
begun for and for nothing else; whatever is refused leaves neither an account nor a passkey behind."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.attacks.test_atk_30_passkeys import WRONG_REGISTRATIONS, kept, live, refused, session_of, signed_in, visitor
from tests.authenticator import Key, Keyring, decoded, made
from tests.browser import Browser
from tests.live import Live, serving
from tests.people import Answer, Visitor
from vault.audit import AuditEvent
from vault.identity.accounts import Account
from vault.ports import Vault
from vault.values import PodName

__all__ = ["live", "visitor"]

pytestmark = pytest.mark.requirement("ATK-30")

OPTIONS, ANSWER = "/idp/signup/passkey/options", "/idp/signup/passkey"


@pytest.fixture
def said() -> dict[str, str]:
    """What somebody new fills in."""
    name = f"n{secrets.token_hex(5)}"
    return {"name": "Noor Claes", "email": f"{name}@people.example", "pod": name}


@asynccontextmanager
async def place(folder: Path, **settings: Any) -> AsyncIterator[tuple[Live, Visitor]]:
    """A server of one's own, and somebody to knock."""
    with serving(folder, **settings) as live:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            yield live, Visitor(session, live.base_url)


def newcomer(visitor: Visitor) -> Keyring:
    return Keyring(Browser(visitor), page="/idp/signup")


async def options_for(ring: Keyring, said: dict[str, str]) -> dict[str, Any]:
    answer = await ring.post(OPTIONS, said)
    assert answer.status == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def account_of(live: Live, said: dict[str, str]) -> Account | None:
    async def look(vault: Vault) -> Account | None:
        async with vault.reading() as work:
            by_pod = await work.accounts.by_pod(PodName(said["pod"]))
            assert by_pod == await work.accounts.by_email(said["email"])
            return by_pod

    return live.within(look)


async def test_account_opens_with_the_key_it_was_made_with_and_has_no_password(
    live: Live, visitor: Visitor, said: dict[str, str]
) -> None:
    ring, key = newcomer(visitor), Key()
    answer = await ring.open(key, said, "/my/log")
    assert answer.json["next"] == "/my/account/recovery?next=%2Fmy%2Flog&new=1"
    account, passkey = account_of(live, said), kept(live, key)
    assert account is not None
    assert passkey is not None
    assert (account.password_hash, passkey.account, passkey.name) == (None, account.id, "Passkey 1")
    assert key.user.decode() == account.id  # chosen before there was an account
    session = session_of(live, ring.browser)
    assert (session.account, session.methods) == (account.id, ("hwk", "user"))
    assert (await ring.browser.open("/my/folders/profile/card")).status == 200
    again = Keyring(Browser(visitor))
    assert (await again.sign_in(key)).status == 200
    assert session_of(live, again.browser).account == account.id

    async def told(vault: Vault) -> list[AuditEvent]:
        async with vault.reading() as work:
            return [entry.event for entry in await work.audit.entries(PodName(said["pod"]))]

    events = live.within(told)
    assert {AuditEvent.ACCOUNT_CREATED, AuditEvent.PASSKEY_ADDED, AuditEvent.SIGNED_IN} <= set(events)


async def test_question_names_an_id_of_no_account_and_nothing_else(
    live: Live, visitor: Visitor, said: dict[str, str]
) -> None:
    first, second = [await options_for(newcomer(visitor), said) for _ in range(2)]
    assert first["user"]["id"] != second["user"]["id"]
    assert said["pod"] not in decoded(first["user"]["id"]).decode()
    assert first["user"]["name"] == said["email"]
    assert first["excludeCredentials"] == []
    assert (first["authenticatorSelection"]["userVerification"], first["attestation"]) == ("required", "none")
    assert account_of(live, said) is None


async def test_answer_counts_once(live: Live, visitor: Visitor, said: dict[str, str]) -> None:
    ring, key = newcomer(visitor), Key()
    credential = made(await options_for(ring, said), key, origin=ring.origin)
    first = await ring.post(ANSWER, {"credential": credential})
    assert first.status == 200
    assert refused(await ring.post(ANSWER, {"credential": credential}), "passkey-challenge")


async def test_of_two_answers_at_once_one_opens_an_account(live: Live, visitor: Visitor, said: dict[str, str]) -> None:
    ring = newcomer(visitor)
    options, keys = await options_for(ring, said), (Key(), Key())
    told = await asyncio.gather(
        *(ring.post(ANSWER, {"credential": made(options, key, origin=ring.origin)}) for key in keys)
    )
    assert sorted(answer.status for answer in told) == [200, 403]
    assert [kept(live, key) is not None for key in keys].count(True) == 1


@pytest.mark.parametrize("wrong", WRONG_REGISTRATIONS, ids=str)
async def test_passkey_that_is_not_what_was_asked_for_opens_no_account(
    live: Live, visitor: Visitor, said: dict[str, str], wrong: str
) -> None:
    changes, kind = WRONG_REGISTRATIONS[wrong]
    ring, key = newcomer(visitor), Key(**kind)
    options = await options_for(ring, said)
    answer = await ring.post(ANSWER, {"credential": made(options, key, **{"origin": ring.origin, **changes})})
    assert (answer.status, answer.json["reason"]) == (422, "passkey-unusable")
    assert (account_of(live, said), kept(live, key)) == (None, None)
    # A good answer comes too late for this question.
    answer = await ring.post(ANSWER, {"credential": made(options, Key(), origin=ring.origin)})
    assert refused(answer, "passkey-challenge")
    assert account_of(live, said) is None


async def test_answer_of_another_browser_opens_nothing(live: Live, visitor: Visitor, said: dict[str, str]) -> None:
    ring, thief = newcomer(visitor), newcomer(visitor)
    credential = made(await options_for(ring, said), Key(), origin=ring.origin)
    assert refused(await thief.post(ANSWER, {"credential": credential}), "passkey-challenge")
    assert account_of(live, said) is None


async def test_answer_opens_the_account_that_was_begun_and_says_nothing_about_it(
    live: Live, visitor: Visitor, said: dict[str, str]
) -> None:
    """Two sign-ups in one browser: each challenge stands for its own."""
    ring, other = newcomer(visitor), {name: f"x{text}" for name, text in said.items()}
    await options_for(ring, other)
    credential = made(await options_for(ring, said), Key(), origin=ring.origin)
    for name in ("email", "pod", "name", "account"):
        answer = await ring.post(ANSWER, {"credential": credential, name: other.get(name, "x")})
        assert (answer.status, answer.json["reason"]) == (422, "json-shape")
    assert (await ring.post(ANSWER, {"credential": credential})).status == 200
    assert account_of(live, said) is not None
    assert account_of(live, other) is None


async def test_challenge_for_another_purpose_opens_no_account_and_this_one_nothing_else(
    live: Live, visitor: Visitor, said: dict[str, str]
) -> None:
    ring = await signed_in(visitor, live.people["bob"])
    begun = await options_for(ring, said)
    for path in ("/my/account/passkeys/options", "/idp/passkey/options", "/idp/confirm/passkey/options"):
        options = {**begun, "challenge": (await ring.options(path))["challenge"]}
        answer = await ring.post(ANSWER, {"credential": made(options, Key(), origin=ring.origin)})
        assert refused(answer, "passkey-challenge"), path
    key = Key()
    answer = await ring.post("/my/account/passkeys", {"credential": made(begun, key, origin=ring.origin)})
    assert refused(answer, "passkey-challenge")
    assert (account_of(live, said), kept(live, key)) == (None, None)


async def test_passkey_that_another_account_has_opens_none(live: Live, visitor: Visitor, said: dict[str, str]) -> None:
    bob, key = await signed_in(visitor, live.people["bob"]), Key()
    assert (await bob.add(key)).status == 200
    ring = newcomer(visitor)
    answer = await ring.open(key, said)
    assert (answer.status, answer.json["reason"]) == (409, "passkey-known")
    assert "Set-Cookie" not in answer.headers
    assert account_of(live, said) is None
    # Name and address are as free as before.
    assert (await ring.open(Key(), said)).status == 200


@pytest.mark.requirement("ATK-29")
async def test_question_says_nothing_of_addresses_and_the_answer_as_little_as_a_form(
    live: Live, visitor: Visitor, said: dict[str, str]
) -> None:
    ring, alice = newcomer(visitor), live.people["alice"]
    known = {**said, "email": alice.email.upper()}
    assert (await options_for(ring, known)).keys() == (await options_for(ring, said)).keys()
    name_taken = await ring.post(OPTIONS, {**said, "pod": "alice"})
    address_taken = await ring.open(key := Key(), known)
    for answer in (name_taken, address_taken):
        assert (answer.status, answer.json["reason"]) == (409, "sign-up-taken")
    assert name_taken.json["detail"] == address_taken.json["detail"]
    assert kept(live, key) is None
    assert (await ring.post(OPTIONS, said)).status == 200


async def sent_by_script(ring: Keyring, said: dict[str, str]) -> Answer:
    """The form, as the script sends it when something is wrong with it."""
    assert ring.token is not None
    return await ring.browser.post("/idp/signup", [*said.items(), ("way", "passkey"), ("csrf", ring.token)])


@pytest.mark.parametrize(
    "wrong", [{"name": " "}, {"email": "nobody"}, {"pod": "NO"}, {"pod": "admin"}, {"pod": "a/../alice"}], ids=str
)
async def test_what_the_form_would_refuse_is_not_begun(
    visitor: Visitor, said: dict[str, str], wrong: dict[str, str]
) -> None:
    ring = newcomer(visitor)
    answer = await ring.post(OPTIONS, {**said, **wrong})
    assert (answer.status, answer.json["reason"]) == (422, "sign-up-fields")
    # The form says what it is, and asks for no password of somebody who makes a passkey.
    page = await sent_by_script(ring, {**said, **wrong})
    assert page.status == 422
    assert "password-problem" not in page.text
    (field,) = wrong
    assert f'id="{field}-problem"' in page.text
    good = await sent_by_script(ring, said)
    assert (good.status, "problems" in good.text) == (200, False)


@pytest.mark.requirement("ATK-29", "LIM-04")
async def test_address_that_begins_many_accounts_waits(tmp_path: Path, said: dict[str, str]) -> None:
    async with place(tmp_path, limits={"sign_in_tries": 3}) as (_, visitor):
        ring = newcomer(visitor)
        for _ in range(3):
            assert (await ring.post(OPTIONS, said)).status == 200
        answer = await ring.post(OPTIONS, said)
        assert (answer.status, answer.json["reason"]) == (429, "sign-in-tries")
        assert int(answer.headers["Retry-After"]) > 0
        page = await ring.browser.open("/idp/signup")  # counted with those by password
        page = await ring.browser.submit(page, "/idp/signup", **said, password="four words are enough", follow=True)
        assert page.status == 429


async def test_answer_comes_within_five_minutes(tmp_path: Path, said: dict[str, str]) -> None:
    async with place(tmp_path) as (live, visitor):
        ring = newcomer(visitor)
        options = await options_for(ring, said)
        assert live.machine is not None
        vault, clock = live.machine.vault, live.machine.vault.clock
        object.__setattr__(vault, "clock", lambda: clock() + timedelta(seconds=301))
        answer = await ring.post(ANSWER, {"credential": made(options, Key(), origin=ring.origin)})
        assert refused(answer, "passkey-challenge")
        assert account_of(live, said) is None
