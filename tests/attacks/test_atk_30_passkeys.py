"""ATK-30: passkeys that should not open anything: another origin or relying party, no verification of the person, a
counter that goes back, somebody else's credential, a challenge of somebody else or one that was answered already."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.authenticator import BE, BS, EDDSA, ES256, ES384, RS256, UP, UV, Key, Keyring, decoded, encoded, made, shown
from tests.browser import Browser
from tests.live import Live, serving
from tests.people import Answer, Person, Visitor, visiting
from vault.audit import SERVER, AuditEntry, AuditEvent
from vault.errors import Conflict
from vault.identity.accounts import Session
from vault.identity.credentials import Passkey, UpstreamLink
from vault.identity.passkeys import remove_passkey
from vault.identity.tokens import digest
from vault.ports import Vault
from vault.values import AccountId, PodName

pytestmark = pytest.mark.requirement("ATK-30")

COOKIE = "datakluis"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with serving(tmp_path_factory.mktemp("passkeys")) as found:
        yield found


@pytest.fixture
async def visitor(live: Live) -> AsyncIterator[Visitor]:
    async with visiting(live.base_url) as visitor:
        yield visitor


@dataclass
class Holder:
    """A person signed in at a browser, with a passkey."""

    ring: Keyring
    key: Key
    person: Person


async def signed_in(visitor: Visitor, person: Person) -> Keyring:
    browser = Browser(visitor)
    await browser.sign_in(person)
    return Keyring(browser)


async def holder_of(visitor: Visitor, person: Person, **kind: Any) -> Holder:
    ring, key = await signed_in(visitor, person), Key(**kind)
    answer = await ring.add(key)
    assert answer.status == 200, answer.text
    return Holder(ring, key, person)


@pytest.fixture
async def holder(live: Live, visitor: Visitor) -> AsyncIterator[Holder]:
    """Carol with a fresh passkey; it goes again afterwards, so that no test fills her account."""
    yield await holder_of(visitor, live.people["carol"])
    live.within(forget_passkeys)


async def forget_passkeys(vault: Vault) -> None:
    async with vault.writing() as work:
        for pod in ("alice", "bob", "carol"):
            account = await work.accounts.by_pod(PodName(pod))
            assert account is not None
            for passkey in await work.passkeys.of(account.id):
                await work.passkeys.remove(account.id, passkey.id)


def stranger(visitor: Visitor) -> Keyring:
    """Another browser, where nobody is signed in."""
    return Keyring(Browser(visitor))


def refused(answer: Answer, reason: str = "passkey-refused") -> bool:
    return answer.status == 403 and answer.json["reason"] == reason and "Set-Cookie" not in answer.headers


def kept(live: Live, key: Key) -> Passkey | None:
    async def look(vault: Vault) -> Passkey | None:
        async with vault.reading() as work:
            return await work.passkeys.get(encoded(key.id))

    return live.within(look)


def session_of(live: Live, browser: Browser) -> Session:
    async def look(vault: Vault) -> Session | None:
        async with vault.reading() as work:
            return await work.sessions.get(digest(browser.cookies[COOKIE]))

    found = live.within(look)
    assert found is not None
    return found


def newest(live: Live, pod: PodName) -> AuditEntry:
    async def look(vault: Vault) -> AuditEntry:
        async with vault.reading() as work:
            return (await work.audit.entries(pod, newest_first=True, limit=1))[0]

    return live.within(look)


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
async def test_a_passkey_of_each_algorithm_opens_the_account_it_was_made_for(
    live: Live, visitor: Visitor, algorithm: int
) -> None:
    holder = await holder_of(visitor, live.people["bob"], algorithm=algorithm)
    elsewhere = stranger(visitor)
    answer = await elsewhere.sign_in(holder.key, "/my/log")
    assert (answer.status, answer.json) == (200, {"next": "/my/log"})
    line = next(line for line in answer.headers.getall("Set-Cookie") if line.startswith(f"{COOKIE}="))
    assert {"httponly", "samesite=lax", "path=/"} <= {part.strip().lower() for part in line.split(";")}
    page = await elsewhere.browser.open("/my/account")
    assert holder.person.email in page.text
    assert session_of(live, elsewhere.browser).methods == ("hwk", "user")
    assert newest(live, PodName("bob")).event is AuditEvent.SIGNED_IN
    live.within(forget_passkeys)


async def test_a_key_that_can_leave_its_device_is_said_to_be_in_software(live: Live, visitor: Visitor) -> None:
    ring, key = await signed_in(visitor, live.people["bob"]), Key()
    assert (await ring.add(key, flags=UP | UV | BE | BS)).status == 200
    found = kept(live, key)
    assert found is not None
    assert found.backed_up
    assert found.transports == ("hybrid", "internal")
    elsewhere = stranger(visitor)
    assert (await elsewhere.sign_in(key, flags=UP | UV | BE)).status == 200
    assert session_of(live, elsewhere.browser).methods == ("swk", "user")
    after = kept(live, key)
    assert after is not None
    assert after.last_used is not None
    assert not after.backed_up
    live.within(forget_passkeys)


WRONG_SIGN_INS: dict[str, dict[str, Any]] = {
    "another origin": {"origin": "https://evil.example"},
    "our host on another port": {"origin": "http://localhost:1"},
    "our origin with a slash": {"origin_slash": True},
    "another relying party": {"rp_id": "evil.example"},
    "a parent of our host": {"rp_id": "host"},
    "person not verified": {"flags": UP},
    "person not present": {"flags": UV},
    "the message of a registration": {"kind": "webauthn.create"},
    "inside a frame of another site": {"crossOrigin": True},
    "another user handle": {"user": b"somebody else"},
    "no user handle": {"user": None},
}


@pytest.mark.parametrize("wrong", WRONG_SIGN_INS, ids=str)
async def test_an_assertion_that_is_not_what_was_asked_for_is_refused(
    live: Live, visitor: Visitor, holder: Holder, wrong: str
) -> None:
    elsewhere, changes = stranger(visitor), dict(WRONG_SIGN_INS[wrong])
    if changes.pop("origin_slash", False):
        changes["origin"] = live.base_url
    assert refused(await elsewhere.sign_in(holder.key, **changes))
    assert COOKIE not in elsewhere.browser.cookies
    assert newest(live, PodName("carol")).event is AuditEvent.SIGN_IN_REFUSED
    assert (await elsewhere.sign_in(holder.key)).status == 200  # and the right one still works


async def test_a_counter_that_stands_still_or_goes_back_is_that_of_a_copy(
    live: Live, visitor: Visitor, holder: Holder
) -> None:
    elsewhere = stranger(visitor)
    assert (await elsewhere.sign_in(holder.key, count=7)).status == 200
    for count in (7, 6, 0):
        assert refused(await elsewhere.sign_in(holder.key, count=count)), count
    assert (await elsewhere.sign_in(holder.key, count=8)).status == 200


async def test_a_counter_that_is_always_zero_does_not_count(visitor: Visitor, holder: Holder) -> None:
    elsewhere = stranger(visitor)
    for _ in range(2):
        assert (await elsewhere.sign_in(holder.key, count=0)).status == 200


async def test_of_two_uses_at_once_with_one_count_one_stands(visitor: Visitor, holder: Holder) -> None:
    rings = [stranger(visitor) for _ in range(6)]
    answers = await asyncio.gather(*(ring.sign_in(holder.key, count=3) for ring in rings))
    assert sorted(answer.status for answer in answers) == [200] + [403] * 5


async def test_a_signature_by_another_key_is_refused(visitor: Visitor, holder: Holder) -> None:
    forged = Key(id=holder.key.id, user=holder.key.user)
    assert refused(await stranger(visitor).sign_in(forged))


async def test_an_unknown_passkey_gets_the_answer_of_a_wrong_one(live: Live, visitor: Visitor, holder: Holder) -> None:
    """ATK-29: nothing tells which credentials or accounts there are."""
    forged = await stranger(visitor).sign_in(Key(id=holder.key.id, user=holder.key.user))
    unknown = await stranger(visitor).sign_in(Key(user=holder.key.user))
    assert newest(live, SERVER).event is AuditEvent.SIGN_IN_REFUSED
    for answer in (forged, unknown):
        assert refused(answer)
    assert {**forged.json, "request": ""} == {**unknown.json, "request": ""}
    assert set(forged.headers) == set(unknown.headers)


async def test_the_question_is_the_same_for_everybody_and_names_no_credential(visitor: Visitor, holder: Holder) -> None:
    strangers, owners = (
        await stranger(visitor).options("/idp/passkey/options"),
        await holder.ring.options("/idp/passkey/options"),
    )
    for options in (strangers, owners):
        assert decoded(options.pop("challenge"))
        assert not options["allowCredentials"]
    assert strangers == owners
    assert strangers["userVerification"] == "required"
    assert strangers["rpId"] == "localhost"


async def test_an_assertion_counts_once(visitor: Visitor, holder: Holder) -> None:
    ring = stranger(visitor)
    credential = shown(await ring.options("/idp/passkey/options"), holder.key, origin=ring.origin, count=0)
    assert (await ring.post("/idp/passkey", {"credential": credential})).status == 200
    assert refused(await ring.post("/idp/passkey", {"credential": credential}), "passkey-challenge")


async def test_a_challenge_that_was_answered_badly_is_not_answered_again(visitor: Visitor, holder: Holder) -> None:
    ring = stranger(visitor)
    options = await ring.options("/idp/passkey/options")
    bad = shown(options, holder.key, origin="https://evil.example")
    assert refused(await ring.post("/idp/passkey", {"credential": bad}))
    good = shown(options, holder.key, origin=ring.origin)
    assert refused(await ring.post("/idp/passkey", {"credential": good}), "passkey-challenge")


async def test_a_challenge_of_another_browser_is_refused(visitor: Visitor, holder: Holder) -> None:
    """A person who is lured into signing the attacker's challenge signs the attacker in nowhere."""
    attacker, victim = stranger(visitor), stranger(visitor)
    options = await attacker.options("/idp/passkey/options")
    credential = shown(options, holder.key, origin=victim.origin)
    assert refused(await victim.post("/idp/passkey", {"credential": credential}), "passkey-challenge")


async def test_a_challenge_for_one_purpose_is_worth_nothing_for_another(visitor: Visitor, holder: Holder) -> None:
    ring = holder.ring
    for path, other in (
        ("/idp/passkey/options", "/idp/confirm/passkey"),
        ("/idp/confirm/passkey/options", "/idp/passkey"),
    ):
        credential = shown(await ring.options(path), holder.key, origin=ring.origin)
        assert refused(await ring.post(other, {"credential": credential}), "passkey-challenge"), other
    for path in ("/idp/passkey/options", "/idp/confirm/passkey/options"):
        options = await ring.options("/my/account/passkeys/options")
        options["challenge"] = (await ring.options(path))["challenge"]
        answer = await ring.post("/my/account/passkeys", {"credential": made(options, Key(), origin=ring.origin)})
        assert refused(answer, "passkey-challenge"), path
    options = await ring.options("/idp/confirm/passkey/options")
    options["challenge"] = (await ring.options("/my/account/passkeys/options"))["challenge"]
    credential = shown(options, holder.key, origin=ring.origin)
    assert refused(await ring.post("/idp/confirm/passkey", {"credential": credential}), "passkey-challenge")


@pytest.mark.parametrize(
    "challenge", ["", "AAAA", encoded(bytes(56)), encoded(b"\xff" * 56), "€", encoded(bytes(2000))]
)
async def test_a_challenge_that_is_not_ours_is_refused(visitor: Visitor, holder: Holder, challenge: str) -> None:
    ring = stranger(visitor)
    options = {**await ring.options("/idp/passkey/options"), "challenge": challenge}
    answer = await ring.post("/idp/passkey", {"credential": shown(options, holder.key, origin=ring.origin)})
    assert answer.status == 403
    assert answer.json["reason"] in ("passkey-challenge", "passkey-refused")


async def test_a_challenge_ends_after_five_minutes(tmp_path: Path) -> None:
    with serving(tmp_path) as live:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            visitor = Visitor(session, live.base_url)
            holder, ring = await holder_of(visitor, live.people["carol"]), stranger(visitor)
            soon, late = await ring.options("/idp/passkey/options"), await ring.options("/idp/passkey/options")
            assert live.machine is not None
            vault, clock = live.machine.vault, live.machine.vault.clock
            object.__setattr__(vault, "clock", lambda: clock() + timedelta(seconds=290))
            answer = await ring.post("/idp/passkey", {"credential": shown(soon, holder.key, origin=ring.origin)})
            assert answer.status == 200
            object.__setattr__(vault, "clock", lambda: clock() + timedelta(seconds=301))
            answer = await ring.post("/idp/passkey", {"credential": shown(late, holder.key, origin=ring.origin)})
            assert refused(answer, "passkey-challenge")


WRONG_REGISTRATIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "another origin": ({"origin": "https://evil.example"}, {}),
    "another relying party": ({"rp_id": "evil.example"}, {}),
    "person not verified": ({"flags": UP}, {}),
    "person not present": ({"flags": UV}, {}),
    "the message of a sign-in": ({"kind": "webauthn.get"}, {}),
    "an algorithm nobody asked for": ({}, {"algorithm": ES384}),
    "a credential id without end": ({}, {"id": bytes(1024)}),
}


@pytest.mark.parametrize("wrong", WRONG_REGISTRATIONS, ids=str)
async def test_a_registration_that_is_not_what_was_asked_for_is_refused(
    live: Live, visitor: Visitor, wrong: str
) -> None:
    changes, kind = WRONG_REGISTRATIONS[wrong]
    ring, key = await signed_in(visitor, live.people["bob"]), Key(**kind)
    answer = await ring.add(key, **changes)
    assert (answer.status, answer.json["reason"]) == (422, "passkey-unusable")
    assert kept(live, key) is None


async def test_a_registration_names_the_account_and_what_is_there_already(live: Live, holder: Holder) -> None:
    options = await holder.ring.options("/my/account/passkeys/options")
    assert [one["id"] for one in options["excludeCredentials"]] == [encoded(holder.key.id)]
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["attestation"] == "none"
    assert [one["alg"] for one in options["pubKeyCredParams"]] == [ES256, EDDSA, RS256]
    assert options["rp"]["id"] == "localhost"
    found = kept(live, holder.key)
    assert found is not None
    assert decoded(options["user"]["id"]).decode() == found.account
    assert holder.person.email not in decoded(options["user"]["id"]).decode()


async def test_a_credential_is_added_once_and_to_one_account(live: Live, visitor: Visitor, holder: Holder) -> None:
    again = await holder.ring.add(holder.key)
    other = await signed_in(visitor, live.people["bob"])
    theirs = await other.add(replace_key(holder.key))
    for answer in (again, theirs):
        assert (answer.status, answer.json["reason"]) == (409, "passkey-known")
    found = kept(live, holder.key)
    assert found is not None
    assert (
        await stranger(visitor).sign_in(replace_key(holder.key, user=found.account.encode(), count=9))
    ).status == 200


def replace_key(key: Key, **changes: Any) -> Key:
    """The same credential, in other hands."""
    copy = Key(id=key.id, user=key.user)
    copy.private = key.private
    for name, value in changes.items():
        setattr(copy, name, value)
    return copy


async def test_nobody_adds_a_passkey_to_somebody_elses_account(live: Live, visitor: Visitor, holder: Holder) -> None:
    """What a challenge was made for one session is worth nothing in another, whoever sends it."""
    mine, theirs = holder.ring, await signed_in(visitor, live.people["bob"])
    key = Key()
    options = await mine.options("/my/account/passkeys/options")
    answer = await theirs.post("/my/account/passkeys", {"credential": made(options, key, origin=theirs.origin)})
    assert refused(answer, "passkey-challenge")
    assert refused(
        await stranger(visitor).post("/my/account/passkeys", {"credential": made(options, key, origin=mine.origin)}),
        "signed-out",
    )
    assert kept(live, key) is None


async def test_a_passkey_of_another_account_confirms_nothing(live: Live, visitor: Visitor, holder: Holder) -> None:
    other = await signed_in(visitor, live.people["bob"])
    before = other.browser.cookies[COOKIE]
    assert refused(await other.confirm(holder.key))
    assert refused(await other.confirm(holder.key, user=None))
    assert other.browser.cookies[COOKIE] == before


async def test_a_passkey_confirms_under_a_new_cookie_value(live: Live, holder: Holder) -> None:
    before = holder.ring.browser.cookies[COOKIE]
    options = await holder.ring.options("/idp/confirm/passkey/options")
    assert [one["id"] for one in options["allowCredentials"]] == [encoded(holder.key.id)]
    answer = await holder.ring.confirm(holder.key, "https://evil.example/", user=None)
    assert (answer.status, answer.json) == (200, {"next": "/my/"})
    assert holder.ring.browser.cookies[COOKIE] != before
    assert session_of(live, holder.ring.browser).methods == ("hwk", "user")
    holder.ring.browser.cookies[COOKIE] = before
    assert (await holder.ring.browser.open("/my/account", follow=False)).status == 303


def aged(live: Live, browser: Browser, seconds: int) -> None:
    """The person proved who they are so long ago."""
    key = digest(browser.cookies[COOKIE])

    async def move(vault: Vault) -> None:
        async with vault.writing() as work:
            session = await work.sessions.get(key)
            assert session is not None
            moved = session.authenticated_at - timedelta(seconds=seconds)
            await work.sessions.replace(replace(session, authenticated_at=moved))

    live.within(move)


async def test_adding_and_removing_want_a_fresh_proof(live: Live, visitor: Visitor, holder: Holder) -> None:
    ring, key = holder.ring, Key()
    options = await ring.options("/my/account/passkeys/options")
    page = await ring.browser.open("/my/account/passkeys")
    path = next(part for part in page.text.split('"') if part.startswith("/my/account/passkeys/") and len(part) > 50)
    remove = await ring.browser.open(f"{path}/remove")
    aged(live, ring.browser, 301)
    assert refused(await ring.post("/my/account/passkeys/options", {}), "step-up")
    answer = await ring.post("/my/account/passkeys", {"credential": made(options, key, origin=ring.origin)})
    assert refused(answer, "step-up")
    for address in ("/my/account/passkeys/new", f"{path}/remove"):
        answer = await ring.browser.open(address, follow=False)
        assert (answer.status, answer.headers["Location"].startswith("/idp/confirm?")) == (303, True)
    answer = await ring.browser.submit(remove, f"{path}/remove", follow=False)
    assert answer.headers["Location"].endswith(f"?next={path}/remove")
    assert kept(live, holder.key) is not None
    assert kept(live, key) is None
    assert (await ring.confirm(holder.key)).status == 200
    assert (await ring.add(key)).status == 200


async def test_where_a_level_is_demanded_a_password_alone_manages_no_passkey(live: Live, holder: Holder) -> None:
    ring, key = holder.ring, Key()
    assert live.machine is not None
    vault, settings = live.machine.vault, live.machine.vault.settings
    options = await ring.options("/my/account/passkeys/options")
    upstream = replace(settings.upstream, upstream_levels=("low", "high"), level_to_manage="high")
    object.__setattr__(vault, "settings", replace(settings, upstream=upstream))
    try:
        assert refused(await ring.post("/my/account/passkeys/options", {}), "step-up")
        credential = made(options, key, origin=ring.origin)
        assert refused(await ring.post("/my/account/passkeys", {"credential": credential}), "step-up")
        for path in ("/my/account/passkeys/new", "/my/account/recovery", "/my/account/new-password"):
            answer = await ring.browser.open(path, follow=False)
            assert answer.headers["Location"].startswith("/idp/upstream/level?"), path
        change_level(live, ring.browser, "high")
        assert (await ring.post("/my/account/passkeys", {"credential": credential})).status == 200
    finally:
        object.__setattr__(vault, "settings", settings)


def change_level(live: Live, browser: Browser, level: str) -> None:
    """As if the other provider had vouched for this session."""
    key = digest(browser.cookies[COOKIE])

    async def change(vault: Vault) -> None:
        async with vault.writing() as work:
            session = await work.sessions.get(key)
            assert session is not None
            await work.sessions.replace(replace(session, level=level))

    live.within(change)


async def test_a_session_that_ended_meanwhile_adds_nothing(live: Live, holder: Holder) -> None:
    ring, key = holder.ring, Key()
    options = await ring.options("/my/account/passkeys/options")
    await ring.browser.submit(await ring.browser.open("/my/account"), "/idp/logout")
    answer = await ring.post("/my/account/passkeys", {"credential": made(options, key, origin=ring.origin)})
    assert refused(answer, "signed-out")
    assert kept(live, key) is None


@pytest.mark.requirement("ATK-03")
@pytest.mark.parametrize(
    "path",
    [
        *("/idp/passkey/options", "/idp/passkey", "/idp/confirm/passkey/options", "/my/account/passkeys/options"),
        *("/idp/signup/passkey/options", "/idp/signup/passkey"),
    ],
)
async def test_another_site_can_ask_for_nothing(holder: Holder, path: str) -> None:
    for wrong in (
        {"X_Form_Token": ""},
        {"X_Form_Token": "a.b"},
        {"Origin": "https://evil.example"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": "", "Sec_Fetch_Site": ""},
    ):
        answer = await holder.ring.post(path, {}, **wrong)
        assert refused(answer, "form-token" if "X_Form_Token" in wrong else "cross-site-form"), wrong
        assert "Access-Control-Allow-Origin" not in answer.headers
    answer = await holder.ring.post(path, {}, Content_Type="text/plain")
    assert answer.status == 415


BAD_BODIES = [
    b"",
    b"[]",
    b"{",
    b'{"credential": 1}',
    b'{"credential": {}, "admin": true}',
    json.dumps({"credential": {"id": 1, "rawId": [], "response": "x", "type": None}}).encode(),
    json.dumps({"credential": {"response": {"clientDataJSON": encoded(b"[" * 9000)}}}).encode(),
    json.dumps({"credential": {"response": {"clientDataJSON": encoded(b"\xff\xfe")}}}).encode(),
    json.dumps({"credential": {"response": {"clientDataJSON": encoded(b'{"challenge": 7}')}}}).encode(),
    json.dumps({"credential": {}, "name": "x" * 40_000}).encode(),
]


@pytest.mark.requirement("LIM-04")
@pytest.mark.parametrize("body", BAD_BODIES, ids=lambda body: body[:24].decode())
async def test_what_no_browser_sends_is_refused_and_breaks_nothing(visitor: Visitor, body: bytes) -> None:
    answer = await stranger(visitor).post("/idp/passkey", body)
    assert answer.status in (400, 403, 413, 422), answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_a_broken_answer_to_a_good_challenge_is_refused(visitor: Visitor, holder: Holder) -> None:
    for part, text in (
        ("authenticatorData", ""),
        ("authenticatorData", encoded(bytes(36))),
        ("signature", "AAAA"),
        ("signature", "%%%"),
        ("userHandle", "\u0000"),
        ("userHandle", encoded(b"\xff\xfe")),
    ):
        ring = stranger(visitor)
        credential = shown(await ring.options("/idp/passkey/options"), holder.key, origin=ring.origin)
        credential["response"][part] = text
        assert refused(await ring.post("/idp/passkey", {"credential": credential})), part


async def test_a_locked_account_opens_for_no_passkey(live: Live, visitor: Visitor, holder: Holder) -> None:
    def lock(locked: bool) -> None:
        async def set_lock(vault: Vault) -> None:
            async with vault.writing() as work:
                account = await work.accounts.by_pod(PodName("carol"))
                assert account is not None
                await work.accounts.replace(replace(account, locked=locked))

        live.within(set_lock)

    lock(True)
    try:
        assert refused(await stranger(visitor).sign_in(holder.key))
    finally:
        lock(False)
    assert (await stranger(visitor).sign_in(holder.key)).status == 200


@pytest.mark.requirement("ATK-29")
async def test_an_address_that_keeps_trying_waits(tmp_path: Path) -> None:
    with serving(tmp_path, limits={"sign_in_tries": 3}) as live:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            visitor = Visitor(session, live.base_url)
            holder = await holder_of(visitor, live.people["carol"])
            ring = stranger(visitor)
            for _ in range(3):
                assert refused(await ring.sign_in(Key(user=b"nobody")))
            answer = await ring.sign_in(holder.key)
            assert (answer.status, answer.json["reason"]) == (429, "sign-in-tries")
            assert int(answer.headers["Retry-After"]) > 0


async def test_a_sign_in_elsewhere_keeps_an_account_open_only_while_it_is_offered(live: Live, holder: Holder) -> None:
    """The last passkey of an account without a password: another provider will do, if the operator still has it."""
    issuer, session = "https://login.example/", session_of(live, holder.ring.browser)

    async def remove(vault: Vault, upstream: str, linked: str | None) -> str:
        settings = replace(vault.settings, upstream=replace(vault.settings.upstream, upstream_issuer=upstream))
        account = session.account
        async with vault.writing() as work:
            found = await work.accounts.get(account)
            assert found is not None
            await work.accounts.replace(replace(found, password_hash=None))
            if linked is not None:
                await work.upstream_links.put(UpstreamLink(linked, "somebody", account, vault.clock()))
            try:
                await remove_passkey(
                    work, session, encoded(holder.key.id), settings=settings, language="nl", now=vault.clock()
                )
            except Conflict as refusal:
                answer = refusal.reason
            else:
                answer = "removed"
            await work.accounts.replace(found)
            if linked is not None:
                await work.upstream_links.remove(account, linked, "somebody")
        return answer

    for upstream, linked in ((issuer, None), ("", issuer), (issuer, "https://other.example/")):
        assert live.within(partial(remove, upstream=upstream, linked=linked)) == "last-way-in"
        assert kept(live, holder.key) is not None
    assert live.within(partial(remove, upstream=issuer, linked=issuer)) == "removed"
    assert kept(live, holder.key) is None


async def test_an_account_holds_twenty_and_no_more(live: Live, visitor: Visitor) -> None:
    ring = await signed_in(visitor, live.people["bob"])
    found = kept(live, (await holder_of(visitor, live.people["bob"])).key)
    assert found is not None

    async def fill(vault: Vault, account: AccountId) -> None:
        async with vault.writing() as work:
            for number in range(18):
                await work.passkeys.add(replace(found, id=encoded(b"filler" + bytes([number])), account=account))

    options = await ring.options("/my/account/passkeys/options")
    live.within(lambda vault: fill(vault, found.account))
    assert (await ring.add(Key())).status == 200
    assert (await ring.post("/my/account/passkeys/options", {})).json["reason"] == "passkeys-full"
    answer = await ring.post("/my/account/passkeys", {"credential": made(options, Key(), origin=ring.origin)})
    assert (answer.status, answer.json["reason"]) == (409, "passkeys-full")
    live.within(forget_passkeys)
