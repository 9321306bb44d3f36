"""Signing in through another provider (OpenID Connect Core §3.1): a second Datakluis, which is one like any other, and
one that says what a test wants. The first visit, joining, levels of assurance, step-up, and the end of it."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.browser import App, Browser, forms_of, register, returned
from tests.forge import read
from tests.live import Live
from tests.people import Answer, Person, Visitor
from tests.upstream import (
    FarAndNear,
    Forged,
    account_of,
    altered,
    at,
    departed,
    far,
    forged_upstream,
    is_signed_in,
    near,
    path_of,
    query,
    second_datakluis,
    session_of,
    sign_in_there,
)
from vault.audit import AuditEvent
from vault.identity.accounts import Account, hash_national_number
from vault.ports import Vault
from vault.values import PodName

__all__ = ["far", "near"]

NUMBER, OTHER_NUMBER = "85.07.30-033.61", "85073003328"


@pytest.fixture(scope="module")
def south(server: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A second Datakluis, whose people may come from the first."""
    with second_datakluis(tmp_path_factory.mktemp("south"), server) as live:
        yield live


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarAndNear]:
    demands = {"level_to_share": "urn:substantial", "level_to_manage": "urn:substantial"}
    with forged_upstream(tmp_path_factory.mktemp("demanding"), upstream=demands) as found:
        yield found


async def opened(near: Browser, far: Forged, **claims: object) -> str:
    """Somebody comes for the first time and opens a vault; its name."""
    name = f"new-{secrets.token_hex(4)}"
    page = await near.open(far.back(await departed(near), **{"sub": name, **claims}))
    done = await near.submit(
        page, "/idp/upstream/welcome", name="Nele Nieuw", email=f"{name}@people.example", pod=name, follow=False
    )
    assert (done.status, done.headers["Location"]) == (303, "/my/"), done.text
    return name


def make_stale(live: Live, browser: Browser, **changes: object) -> None:
    """As if the person had proved who she is long ago; further `changes` alter the session."""
    session = session_of(live, browser)

    async def age(vault: Vault) -> None:
        moment = session.created.replace(year=session.created.year - 1)
        async with vault.writing() as work:
            await work.sessions.replace(replace(session, authenticated_at=moment, **changes))  # type: ignore[arg-type]

    live.within(age)


def events_of(live: Live, pod: str) -> list[AuditEvent]:
    async def look(vault: Vault) -> list[AuditEvent]:
        async with vault.reading() as work:
            return [entry.event for entry in await work.audit.entries(PodName(pod))]

    return live.within(look)


# ------------------------------------------------------------------------------------ a second Datakluis, in earnest


@pytest.mark.requirement("UP-1", "UP-7")
async def test_somebody_from_another_datakluis_opens_a_vault_and_comes_back(
    http: Visitor, server: Live, south: Live, alice: Person
) -> None:
    near, far = at(http, south), at(http, server)
    page = await near.open("/idp/login?next=/my/data")
    assert "Sign in with Datakluis Noord" in page.text
    callback = await sign_in_there(far, await departed(near, "/idp/upstream?next=/my/data"), alice)
    assert query(callback)["iss"] == server.base_url
    page = await near.open(callback)
    assert path_of(page) == "/idp/upstream/welcome"
    assert not await is_signed_in(near)
    done = await near.submit(
        page, "/idp/upstream/welcome", name="Alice Zuid", email="alice.zuid@people.example", pod="alice-zuid"
    )
    assert (done.status, path_of(done)) == (200, "/my/data")
    assert account_of(south, "alice-zuid").password_hash is None
    # Her profile is there, hers, and trusts this issuer.
    profile = await http.get(f"{south.base_url}alice-zuid/profile/card")
    assert f"<{south.base_url}>" in profile.text
    assert {AuditEvent.ACCOUNT_CREATED, AuditEvent.UPSTREAM_LINKED, AuditEvent.SIGNED_IN} <= set(
        events_of(south, "alice-zuid")
    )
    # The second time nothing is asked: not there, where she is signed in, nor here.
    again = at(http, south)
    page = await again.open(await sign_in_there(far, await departed(again, "/idp/upstream?next=/my/data"), alice))
    assert (page.status, path_of(page)) == (200, "/my/data")


@pytest.mark.requirement("UP-7")
async def test_the_owner_of_a_vault_joins_the_sign_in_by_signing_in_as_ever(
    http: Visitor, server: Live, south: Live, bob: Person
) -> None:
    near, far = at(http, south), at(http, server)
    page = await near.open(await sign_in_there(far, await departed(near), bob))
    assert "/idp/login?next=%2Fmy%2Faccount%2Felsewhere%2Flink" in page.text
    page = await near.sign_in(south.people["bob"], await near.open("/idp/login?next=/my/account/elsewhere/link"))
    assert path_of(page) == "/my/account/elsewhere/link"
    assert south.people["bob"].email in page.text
    page = await near.submit(page, "/my/account/elsewhere/link", press="link")
    assert page.status == 200
    other = at(http, south)
    await other.open(await sign_in_there(far, await departed(other), bob))
    assert session_of(south, other).account == account_of(south, "bob").id


@pytest.mark.requirement("UP-8", "UP-9")
async def test_a_level_that_the_first_vouches_for_holds_in_the_second(
    http: Visitor, server: Live, south: Live, carol: Person
) -> None:
    """Our own provider says `acr` and `amr` of the session, and the second keeps both."""
    near, far = at(http, south), at(http, server)
    await far.sign_in(carol)
    make_level(server, far, "urn:high", ("hwk", "user"))
    page = await near.open(await sign_in_there(far, await departed(near), carol))
    await near.submit(page, "/idp/upstream/welcome", name="Carol", email="carol.zuid@people.example", pod="carol-zuid")
    session = session_of(south, near)
    assert (session.level, session.methods) == ("urn:high", ("hwk", "user"))


def make_level(live: Live, browser: Browser, level: str, methods: tuple[str, ...]) -> None:
    session = session_of(live, browser)

    async def raise_it(vault: Vault) -> None:
        async with vault.writing() as work:
            await work.sessions.replace(replace(session, level=level, methods=methods))

    live.within(raise_it)


async def test_an_app_that_wants_her_asked_anew_means_the_other_provider_too(
    http: Visitor, server: Live, south: Live
) -> None:
    near = at(http, south)
    app = await register(near.visitor)
    await near.open(app.authorization_url(prompt="login"))
    resumed = await near.open(app.authorization_url(prompt="login"), follow=False)
    onward = query(resumed.location)["next"]
    asked = query(await departed(near, altered(f"{south.base_url}idp/upstream", next=onward)))
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    plain = query(await departed(near))
    assert "prompt" not in plain
    assert "max_age" not in plain


async def test_cancelling_there_leads_back_to_the_sign_in_page(http: Visitor, server: Live, south: Live) -> None:
    near, far = at(http, south), at(http, server)
    location = await departed(near, "/idp/upstream?next=/my/log")
    page = await far.open(location)
    page = await far.sign_in(server.people["alice"], page)
    if page.status == 200:
        page = await far.submit(page, "/idp/consent", press="refuse")
    callback = altered(page.headers["Location"], error="access_denied", code=None)
    back = await near.open(callback)
    assert (back.status, path_of(back)) == (200, "/idp/login")
    assert query(back.url)["next"] == "/my/log"


async def test_without_another_provider_there_is_no_trace_of_one(http: Visitor, server: Live, alice: Person) -> None:
    browser = at(http, server)
    assert "/idp/upstream" not in (await browser.open("/idp/login")).text
    await browser.sign_in(alice)
    assert "/my/account/elsewhere" not in (await browser.open("/my/account")).text
    for path in ("/idp/upstream", "/idp/upstream/callback", "/idp/upstream/welcome", "/my/account/elsewhere"):
        assert (await browser.open(path)).status == 404


# ------------------------------------------------------------------------------------------------- the first visit


async def test_the_page_proposes_a_name_and_shows_what_is_kept(near: Browser, far: Forged) -> None:
    callback = far.back(await departed(near), name="Élodie  De Wolf\n", email="elodie@post.example", rrn=NUMBER)
    page = await near.open(callback)
    (form,) = [form for form in forms_of(page) if form.action == "/idp/upstream/welcome"]
    assert dict(form.fields) | {"csrf": ""} == {
        "csrf": "",
        "name": "Élodie De Wolf",
        "email": "elodie@post.example",
        "pod": "elodie-de-wolf",
    }
    assert "national number" in page.text
    assert "8507" not in page.text + page.url + near.cookies["arrival"]


async def test_the_name_that_is_proposed_is_free(near: Browser, far: Forged) -> None:
    page = await near.open(far.back(await departed(near), name="Alice"))
    (form,) = [form for form in forms_of(page) if form.action == "/idp/upstream/welcome"]
    assert dict(form.fields)["pod"] == "alice-2"


async def test_what_is_wrong_is_said_at_once_and_what_is_right_is_kept(near: Browser, far: Forged) -> None:
    page = await near.open(far.back(await departed(near)))
    page = await near.submit(page, "/idp/upstream/welcome", name="", email="nonsense", pod="-")
    assert page.status == 422
    assert page.text.count('class="problem" id=') == 3
    assert 'value="nonsense"' in page.text


@pytest.mark.requirement("UP-7", "ATK-29")
async def test_an_equal_address_joins_nothing_and_is_told_like_a_taken_name(
    near: Browser, far: Forged, place: FarAndNear
) -> None:
    """ATK-29: not even a provider that vouches for the address gets into, or is told of, the account that has it."""
    taken = place.near.people["alice"].email
    callback = far.back(await departed(near), sub="same-address", email=taken, email_verified=True)
    page = await near.open(callback)
    assert path_of(page) == "/idp/upstream/welcome"
    said = []
    for email, pod in ((taken, "free-name"), ("free@people.example", "alice")):
        answer = await near.submit(page, "/idp/upstream/welcome", name="Alice", email=email, pod=pod)
        assert answer.status == 409
        said.append(re.findall(r'<p class="problem".*?</p>', answer.text))
    assert said[0] == said[1]
    assert not await is_signed_in(near)


@pytest.mark.parametrize(("vouched", "typed", "verified"), [(True, "", True), (False, "", False), (True, "x", False)])
async def test_an_address_counts_as_checked_only_if_the_provider_says_so_of_this_one(
    near: Browser, far: Forged, place: FarAndNear, vouched: bool, typed: str, verified: bool
) -> None:
    name = f"mail-{secrets.token_hex(4)}"
    address = f"{name}@people.example"
    page = await near.open(far.back(await departed(near), sub=name, email=address, email_verified=vouched))
    await near.submit(page, "/idp/upstream/welcome", name="Mail", email=typed + address, pod=name)
    assert account_of(place.near, name).email_verified is verified


@pytest.mark.requirement("UP-6")
async def test_what_is_missing_in_the_id_token_comes_from_userinfo(near: Browser, far: Forged) -> None:
    far.userinfo = {"sub": "more", "name": "Mo Meer", "email": "mo@post.example", "acr": "urn:high"}
    page = await near.open(far.back(await departed(near), sub="more", name="Mo Eerst"))
    (form,) = [form for form in forms_of(page) if form.action == "/idp/upstream/welcome"]
    assert (dict(form.fields)["name"], dict(form.fields)["email"]) == ("Mo Eerst", "mo@post.example")


async def test_where_nobody_new_is_taken_only_joining_is_offered(
    http: Visitor, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with forged_upstream(tmp_path_factory.mktemp("closed"), upstream={"upstream_sign_up": False}) as place:
        near = at(http, place.near)
        page = await near.open(place.far.back(await departed(near)))
        assert "New vaults are not opened" in page.text
        assert not [form for form in forms_of(page) if form.action == "/idp/upstream/welcome"]
        csrf = dict(forms_of(page)[0].fields)["csrf"]
        body = f"csrf={csrf}&name=A&email=a%40people.example&pod=sneaked"
        answer = await near._go("POST", f"{near.base_url}idp/upstream/welcome", body, follow=False)
        assert answer.status == 403
        assert not await is_signed_in(near)


async def test_one_arrival_opens_one_vault(near: Browser, far: Forged) -> None:
    page = await near.open(far.back(await departed(near), sub="twice"))
    arrival = near.cookies["arrival"]
    await near.submit(page, "/idp/upstream/welcome", name="T", email="twice@people.example", pod="twice-one")
    assert "arrival" not in near.cookies
    near.cookies["arrival"] = arrival
    page = await near.submit(page, "/idp/upstream/welcome", name="T", email="twice2@people.example", pod="twice-two")
    assert page.status == 409
    assert "belongs to another vault already" in page.text


# ------------------------------------------------------------------------------------------------ national numbers


@pytest.mark.requirement("UP-11")
async def test_the_number_is_kept_as_a_keyed_hash_by_which_deposits_find_her(
    near: Browser, far: Forged, place: FarAndNear
) -> None:
    name = await opened(near, far, rrn=NUMBER)

    async def look(vault: Vault) -> tuple[str, Account | None]:
        keyed = hash_national_number(vault.secrets.national_numbers, NUMBER)
        async with vault.reading() as work:
            return keyed, await work.accounts.by_national_number(keyed)

    keyed, found = place.near.within(look)
    assert found == account_of(place.near, name)
    assert found is not None
    assert found.national_numbers == {keyed}


@pytest.mark.parametrize("number", ["", "unknown", "123", "850730033611", ["85073003361"], None, True])
async def test_what_is_no_number_is_not_kept(near: Browser, far: Forged, place: FarAndNear, number: object) -> None:
    name = await opened(near, far, rrn=number)
    assert account_of(place.near, name).national_numbers == frozenset()


@pytest.mark.requirement("UP-11")
async def test_a_number_of_another_account_is_refused_and_nothing_is_half_done(
    http: Visitor, near: Browser, far: Forged, place: FarAndNear
) -> None:
    number = "90.01.02-003.25"
    await opened(near, far, rrn=number)
    other = at(http, place.near)
    name = f"half-{secrets.token_hex(4)}"
    page = await other.open(far.back(await departed(other), sub=name, rrn=number))
    page = await other.submit(
        page, "/idp/upstream/welcome", name="Half", email=f"{name}@people.example", pod=name, follow=False
    )
    assert page.status == 409
    assert "There is a vault with your national number here already" in page.text
    assert not await is_signed_in(other)
    assert (await http.get(f"{place.near.base_url}{name}/profile/card")).status == 401

    async def look(vault: Vault) -> tuple[object, object]:
        async with vault.reading() as work:
            return await work.upstream_links.get(far.issuer, name), await work.accounts.by_pod(PodName(name))

    assert place.near.within(look) == (None, None)


@pytest.mark.requirement("UP-11")
async def test_a_sign_in_with_the_number_of_somebody_else_cannot_be_joined(
    near: Browser, far: Forged, place: FarAndNear
) -> None:
    person = await with_password(place.near, near)

    async def give(vault: Vault) -> None:
        keyed = hash_national_number(vault.secrets.national_numbers, OTHER_NUMBER)
        async with vault.writing() as work:
            account = await work.accounts.by_pod(PodName(person))
            assert account is not None
            await work.accounts.replace(replace(account, national_numbers=frozenset({keyed})))

    place.near.within(give)
    page = await joined(near, far, sub="somebody-else", rrn="79.04.04-012.17", acr="urn:high")
    assert (page.status, "belongs to somebody else" in page.text) == (409, True)


async def with_password(live: Live, near: Browser) -> str:
    """A new account with a password, signed in; the name of its pod."""
    name = f"pw-{secrets.token_hex(4)}"
    page = await near.open("/idp/signup")
    done = await near.submit(
        page,
        "/idp/signup",
        name="Pat",
        email=f"{name}@people.example",
        pod=name,
        password="een lange zin voor pat",
        follow=False,
    )
    assert done.status == 303, done.text
    return name


async def joined(near: Browser, far: Forged, **claims: object) -> Answer:
    """Goes through joining a sign-in to the account that is signed in; the last page."""
    page = await near.open(far.back(await departed(near, "/my/account/elsewhere/add"), **claims))
    if path_of(page) != "/my/account/elsewhere/link":
        return page
    return await near.submit(page, "/my/account/elsewhere/link", press="link")


# ---------------------------------------------------------------------------------------------- joining and ending


async def test_a_sign_in_is_joined_after_a_yes_and_ends_with_every_other_session(
    http: Visitor, near: Browser, far: Forged, place: FarAndNear
) -> None:
    person = await with_password(place.near, near)
    page = await joined(near, far, sub=person, acr="urn:substantial")
    assert "The sign-in is linked" in page.text
    other = at(http, place.near)
    page = await other.open(far.back(await departed(other), sub=person, acr="urn:high"))
    assert path_of(page) == "/my/"
    page = await near.open("/my/account/elsewhere")
    page = await near.submit(page, "/my/account/elsewhere/end")
    assert "The link has ended" in page.text
    assert not await is_signed_in(other)
    assert session_of(place.near, near).level is None
    page = await other.open(far.back(await departed(other), sub=person))
    assert path_of(page) == "/idp/upstream/welcome"
    assert {AuditEvent.UPSTREAM_LINKED, AuditEvent.UPSTREAM_UNLINKED} <= set(events_of(place.near, person))


@pytest.mark.requirement("UP-7")
async def test_nothing_is_joined_without_the_yes(near: Browser, far: Forged, place: FarAndNear) -> None:
    """Else a page that sends her through a stranger's session at the provider would give him her vault."""
    person = await with_password(place.near, near)
    page = await near.open(far.back(await departed(near, "/my/account/elsewhere/add"), sub="stranger", acr="urn:high"))
    assert links_of(place.near, person) == []
    await near.submit(page, "/my/account/elsewhere/link", press="leave")
    assert links_of(place.near, person) == []
    assert "arrival" not in near.cookies


def links_of(live: Live, pod: str) -> list[str]:
    async def look(vault: Vault) -> list[str]:
        async with vault.reading() as work:
            account = await work.accounts.by_pod(PodName(pod))
            assert account is not None
            return [link.subject for link in await work.upstream_links.of(account.id)]

    return live.within(look)


async def test_joining_and_ending_are_told_by_mail(http: Visitor, tmp_path_factory: pytest.TempPathFactory) -> None:
    mail = {"smtp_host": "localhost", "smtp_security": "none", "mail_from": "vault@people.example"}
    with forged_upstream(tmp_path_factory.mktemp("mailing"), mail=mail) as place:
        near = at(http, place.near)
        await near.sign_in(place.near.people["bob"])
        await joined(near, place.far, sub="bob-there")
        await near.submit(await near.open("/my/account/elsewhere"), "/my/account/elsewhere/end")

        async def waiting(vault: Vault) -> list[tuple[str, str, str]]:
            async with vault.reading() as work:
                letters = await work.letters.due(vault.clock(), limit=9)
            return sorted((letter.kind.value, letter.to, letter.facts["what"]) for letter in letters)

        assert place.near.within(waiting) == [
            ("security-changed", "bob@people.example", "sign-in-ended"),
            ("security-changed", "bob@people.example", "sign-in-joined"),
        ]


async def test_a_sign_in_of_another_vault_is_not_joined(
    http: Visitor, near: Browser, far: Forged, place: FarAndNear
) -> None:
    name = await opened(near, far, acr="urn:high")
    other = at(http, place.near)
    await with_password(place.near, other)
    page = await joined(other, far, sub=name, acr="urn:high")
    assert (page.status, "belongs to another vault" in page.text) == (403, True)


async def test_a_vault_has_one_sign_in_with_a_provider(near: Browser, far: Forged, place: FarAndNear) -> None:
    """Whoever has the password could otherwise vouch for himself."""
    person = await with_password(place.near, near)
    await joined(near, far, sub=person, acr="urn:high")
    page = await joined(near, far, sub=f"{person}-2", acr="urn:high")
    assert (page.status, "linked to this vault already" in page.text) == (409, True)
    assert links_of(place.near, person) == [person]


@pytest.mark.requirement("UP-7")
async def test_joining_needs_a_fresh_proof(near: Browser, far: Forged, place: FarAndNear) -> None:
    person = await with_password(place.near, near)
    location = await departed(near, "/my/account/elsewhere/add")
    make_stale(place.near, near)
    page = await near.open(far.back(location, sub=person, acr="urn:high"))
    assert path_of(page) == "/idp/confirm"
    make_stale(place.near, near)
    assert path_of(await near.open("/my/account/elsewhere/add")) == "/idp/confirm"
    assert links_of(place.near, person) == []


async def test_joining_needs_the_level_that_managing_needs(near: Browser, far: Forged, place: FarAndNear) -> None:
    person = await with_password(place.near, near)
    location = await departed(near, "/my/account/elsewhere/add")
    assert query(location)["acr_values"] == "urn:substantial urn:high"
    page = await near.open(far.back(location, sub=person, acr="urn:low"))
    assert (page.status, "not sure enough" in page.text) == (403, True)
    assert links_of(place.near, person) == []


async def test_the_last_way_in_stays(near: Browser, far: Forged, place: FarAndNear) -> None:
    name = await opened(near, far, acr="urn:high")
    page = await near.open("/my/account/elsewhere")
    page = await near.submit(page, "/my/account/elsewhere/end")
    assert (page.status, "only way you can sign in" in page.text) == (409, True)
    assert links_of(place.near, name) == [name]


async def test_nobody_ends_what_is_joined_to_another_account(
    http: Visitor, near: Browser, far: Forged, place: FarAndNear
) -> None:
    name = await opened(near, far, acr="urn:high")
    other = at(http, place.near)
    person = await with_password(place.near, other)
    await joined(other, far, sub=person, acr="urn:high")
    page = await other.open("/my/account/elsewhere")
    page = await other.submit(page, "/my/account/elsewhere/end", subject=name)
    assert page.status == 409
    assert links_of(place.near, name) == [name]


async def test_a_locked_account_is_not_entered_that_way(
    http: Visitor, near: Browser, far: Forged, place: FarAndNear
) -> None:
    name = await opened(near, far)
    account = account_of(place.near, name)

    async def lock(vault: Vault) -> None:
        async with vault.writing() as work:
            await work.accounts.replace(replace(account, locked=True))

    place.near.within(lock)
    other = at(http, place.near)
    page = await other.open(far.back(await departed(other), sub=name))
    assert (page.status, "cannot be used now" in page.text) == (403, True)
    assert not await is_signed_in(other)
    assert events_of(place.near, name)[-1] is AuditEvent.SIGN_IN_REFUSED


# --------------------------------------------------------------------------------------------- levels and step-up


@pytest.mark.requirement("UP-8")
async def test_a_session_keeps_level_and_methods_and_when_it_was(near: Browser, far: Forged, place: FarAndNear) -> None:
    await opened(near, far, acr="urn:substantial", amr=["otp", "pwd", 7], auth_time=int(time.time()) - 1000)
    session = session_of(place.near, near)
    assert (session.level, session.methods) == ("urn:substantial", ("otp", "pwd"))
    assert 990 < (session.created - session.authenticated_at).total_seconds() < 1100


async def test_a_sign_in_without_its_time_is_no_fresh_proof(near: Browser, far: Forged, place: FarAndNear) -> None:
    await opened(near, far, acr="urn:high", auth_time=None)
    assert path_of(await near.open("/my/account/elsewhere/add")) == "/idp/confirm"


@pytest.mark.requirement("UP-8")
@pytest.mark.parametrize(("acr", "enough"), [("urn:low", False), ("urn:substantial", True), ("urn:high", True)])
async def test_a_level_below_the_one_asked_is_refused_with_words(
    near: Browser, far: Forged, acr: str, enough: bool
) -> None:
    name = await opened(near, far)
    location = await departed(near, "/idp/upstream?confirm=1&level=urn:substantial&next=/my/log")
    assert query(location)["acr_values"] == "urn:substantial urn:high"
    page = await near.open(far.back(location, sub=name, acr=acr))
    assert (page.status, path_of(page)) == ((200, "/my/log") if enough else (403, "/idp/upstream/callback"))
    assert ("not sure enough" in page.text) is not enough


@pytest.mark.requirement("UP-8")
@pytest.mark.parametrize("acr", ["urn:unknown", "", None, 3, ["urn:high"]])
async def test_a_level_we_do_not_know_reaches_none(near: Browser, far: Forged, acr: object) -> None:
    name = await opened(near, far)
    location = await departed(near, "/idp/upstream?confirm=1&level=urn:low&next=/my/log")
    assert (await near.open(far.back(location, sub=name, acr=acr))).status == 403


async def test_confirming_as_somebody_else_is_refused(near: Browser, far: Forged, http: Visitor) -> None:
    await opened(near, far)
    other = await opened(at(http, _live(near)), far)
    before = near.cookies["datakluis"]
    page = await near.open(far.back(await departed(near, "/idp/upstream?confirm=1&next=/my/log"), sub=other))
    assert (page.status, "belongs to another vault" in page.text) == (403, True)
    assert near.cookies["datakluis"] == before


def _live(browser: Browser) -> Live:
    return Live(browser.base_url, {})


async def test_a_confirmation_that_another_session_began_is_refused(
    near: Browser, far: Forged, place: FarAndNear
) -> None:
    name = await opened(near, far)
    callback = far.back(await departed(near, "/idp/upstream?confirm=1&level=urn:low"), sub=name, acr="urn:high")
    near.cookies.pop("datakluis")
    await with_password(place.near, near)
    page = await near.open(callback)
    assert (page.status, "does not belong" in page.text) == (403, True)


@pytest.mark.parametrize(("auth_time", "fresh"), [(0, True), (-3600, False), (None, False)])
async def test_a_step_up_must_have_been_asked_anew(
    near: Browser, far: Forged, place: FarAndNear, auth_time: int | None, fresh: bool
) -> None:
    name = await opened(near, far)
    make_stale(place.near, near)
    location = await departed(near, "/idp/upstream?confirm=1&fresh=1&next=/my/account/elsewhere")
    assert (query(location)["prompt"], query(location)["max_age"]) == ("login", "0")
    moment = None if auth_time is None else int(time.time()) + auth_time
    page = await near.open(far.back(location, sub=name, auth_time=moment))
    assert page.status == (200 if fresh else 403)
    stepped_up = (await near.open("/my/account/elsewhere/add", follow=False)).headers["Location"].startswith(far.issuer)
    assert stepped_up is fresh


async def test_whoever_signs_in_elsewhere_confirms_elsewhere(near: Browser, far: Forged, place: FarAndNear) -> None:
    await opened(near, far)
    assert "/idp/upstream?next=%2Fmy%2F&amp;confirm=1&amp;fresh=1" in (await near.open("/idp/confirm")).text
    near.cookies.clear()
    await with_password(place.near, near)
    assert "/idp/upstream" not in (await near.open("/idp/confirm")).text


@pytest.mark.requirement("UP-8")
@pytest.mark.parametrize("by", ["password", "low"])
async def test_managing_an_account_needs_the_level_and_comes_back(
    near: Browser, far: Forged, place: FarAndNear, by: str
) -> None:
    person = await with_password(place.near, near)
    await joined(near, far, sub=person, acr="urn:substantial")
    make_stale(place.near, near, level=None if by == "password" else "urn:low")
    page = await near.open("/my/account/elsewhere")
    page = await near.submit(page, "/my/account/elsewhere/end")
    assert path_of(page) == "/idp/upstream/level"
    assert "Burgerlogin can confirm that" in page.text
    assert links_of(place.near, person) == [person]
    go = page.text.split('class="button" href="')[1].split('"')[0].replace("&amp;", "&")
    location = await departed(near, go)
    assert (query(location)["prompt"], query(location)["acr_values"]) == ("login", "urn:substantial urn:high")
    page = await near.open(far.back(location, sub=person, acr="urn:high"))
    assert path_of(page) == "/my/account/elsewhere"
    page = await near.submit(page, "/my/account/elsewhere/end")
    assert "The link has ended" in page.text


@pytest.mark.requirement("UP-8")
async def test_another_password_needs_the_level_and_comes_back(near: Browser, far: Forged, place: FarAndNear) -> None:
    person = await with_password(place.near, near)
    page = await near.open("/idp/password")
    assert (path_of(page), query(page.url)["next"]) == ("/idp/upstream/level", "/idp/password")
    await joined(near, far, sub=person, acr="urn:high")
    page = await near.open("/idp/password")
    assert path_of(page) == "/idp/password"
    make_stale(place.near, near, level=None)
    sent = await near.submit(page, "/idp/password", old="een lange zin voor pat", new="nog een lange zin", follow=False)
    assert (sent.status, query(sent.location)["next"]) == (303, "/idp/password")
    make_stale(place.near, near, level="urn:high")
    page = await near.submit(await near.open("/idp/password"), "/idp/password", old="x", new="y", again="z")
    assert page.status == 422


async def test_an_unjoined_sign_in_can_be_joined_on_the_way_to_a_level(
    near: Browser, far: Forged, place: FarAndNear
) -> None:
    person = await with_password(place.near, near)
    location = await departed(near, "/idp/upstream?confirm=1&level=urn:substantial&next=/my/log")
    page = await near.open(far.back(location, sub=person, acr="urn:high"))
    assert path_of(page) == "/my/account/elsewhere/link"
    page = await near.submit(page, "/my/account/elsewhere/link", press="link")
    assert path_of(page) == "/my/log"
    assert session_of(place.near, near).level == "urn:high"


async def test_cancelling_a_confirmation_leads_back_to_its_page(near: Browser, far: Forged) -> None:
    await opened(near, far)
    location = await departed(near, "/idp/upstream?confirm=1&level=urn:low&next=/my/log")
    page = await near.open(altered(far.back(location), code=None, error="access_denied"))
    assert (path_of(page), query(page.url)) == ("/idp/upstream/level", {"next": "/my/log", "level": "urn:low"})


# ------------------------------------------------------------------------------ our own provider, for those after us


async def tokens_of(app: App, near: Browser, page: Answer) -> dict[str, object]:
    if page.status == 200:
        page = await near.submit(page, "/idp/consent", press="allow")
    answer = await app.redeem(returned(page, app.redirect_uri)["code"])
    return read(answer.json["id_token"])[1]


@pytest.mark.requirement("UP-9")
async def test_our_id_tokens_say_level_and_methods_of_the_session(near: Browser, far: Forged) -> None:
    await opened(near, far, acr="urn:high", amr=["hwk"])
    app = await register(near.visitor)
    claims = await tokens_of(app, near, await near.open(app.authorization_url()))
    assert (claims["acr"], claims["amr"]) == ("urn:high", ["hwk"])
    near.cookies.clear()
    metadata = (await near.visitor.get(f"{near.base_url}.well-known/openid-configuration")).json
    assert metadata["acr_values_supported"] == ["urn:low", "urn:substantial", "urn:high"]
    assert {"acr", "amr"} <= set(metadata["claims_supported"])


@pytest.mark.requirement("UP-9")
async def test_a_password_has_no_level_and_acr_values_is_a_wish_put_once(
    near: Browser, far: Forged, place: FarAndNear
) -> None:
    person = await with_password(place.near, near)
    app = await register(near.visitor)
    page = await near.open(app.authorization_url(acr_values="urn:other urn:substantial"))
    assert path_of(page) == "/idp/upstream/level"
    assert "You may go on without it" in page.text
    claims = await tokens_of(app, near, await near.open(query(page.url)["next"]))
    assert "acr" not in claims
    assert claims["amr"] == ["pwd"]
    # And when she fulfils it:
    go = altered(f"{near.base_url}idp/upstream", next=query(page.url)["next"], confirm="1", level="urn:substantial")
    page = await near.open(far.back(await departed(near, go), sub=person, acr="urn:high"))
    page = await near.submit(page, "/my/account/elsewhere/link", press="link")
    assert (await tokens_of(app, near, page))["acr"] == "urn:high"


async def test_with_prompt_none_no_level_is_asked_for(near: Browser, far: Forged, place: FarAndNear) -> None:
    await with_password(place.near, near)
    app = await register(near.visitor)
    await tokens_of(app, near, await near.open(app.authorization_url()))
    page = await near.open(app.authorization_url(prompt="none", acr_values="urn:high"), follow=False)
    assert "code" in returned(page, app.redirect_uri)
