"""UX-15 for apps: what a person shows out is out at once, whatever it still holds; and what else ends its tokens."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from tests.attacks.apps import APPS, Connected, connect, folders, newcomer
from tests.attacks.test_vec_c_codes import is_error
from tests.browser import Browser, forms_of, refused, register, returned
from tests.conformance.notifications.channels import EVENTS, STREAM, WEBSOCKET, listening
from tests.forge import read
from tests.live import Live
from tests.people import CONTAINER_LINK, Person, Visitor, read_cast
from tests.server_process import server_process
from vault.audit import AuditEntry, AuditEvent
from vault.identity.accounts import HeldPod
from vault.identity.authorization import Desk, Outcome, Redirect
from vault.identity.authorization import Person as Known
from vault.identity.authorize import authorize
from vault.identity.sign_in import sign_out_everywhere
from vault.ports import Vault
from vault.solid.provision import create_pod
from vault.values import ClientId, PodName, WebId, webid_of

WHOLE = [("reach", "whole")]


@pytest.fixture(scope="module")
def alice(server: Live, tmp_path_factory: pytest.TempPathFactory) -> Person:
    return newcomer(server, tmp_path_factory.mktemp("alice"))


@pytest.fixture
async def app(http: Visitor, alice: Person, home: str) -> Connected:
    assert (await http.put(f"{home}doc.ttl", "<> <#is> 1 .", by=alice)).status == 201
    return await connect(http, alice, WHOLE)


def pod_of(person: Person) -> PodName:
    return PodName(person.pod.rstrip("/").rpartition("/")[2])


def log_of(server: Live, person: Person) -> list[AuditEntry]:
    async def entries(vault: Vault) -> list[AuditEntry]:
        async with vault.reading() as work:
            return await work.audit.entries(pod_of(person), newest_first=True, limit=50)

    return server.within(entries)


@pytest.mark.requirement("UX-15", "ATK-24", "VEC-F06")
async def test_after_disconnecting_the_very_next_read_and_refresh_are_refused(app: Connected, home: str) -> None:
    doc = f"{home}doc.ttl"
    assert await app.reads(doc) == 200
    done = await app.disconnect()
    assert done.status == 200
    assert "The app is disconnected" in done.text
    assert refused(await app.send("GET", doc), "invalid_token")  # no sleep: at once
    assert refused(await app.send("PUT", doc, "<> <#is> 2 .", kind="text/turtle"), "invalid_token")
    assert is_error(await app.app.refresh(app.tokens["refresh_token"]), "invalid_grant")
    assert (await app.browser.open(app.page)).status == 404
    silent = returned(await app.browser.open(app.app.authorization_url(prompt="none")), app.app.redirect_uri)
    assert silent["error"] == "consent_required"


@pytest.mark.requirement("UX-15")
async def test_a_code_on_its_way_is_worth_nothing_after_disconnecting(app: Connected) -> None:
    code = returned(await app.browser.open(app.app.authorization_url()), app.app.redirect_uri)["code"]
    await app.disconnect()
    assert is_error(await app.app.redeem(code), "invalid_grant")


@pytest.mark.requirement("UX-15")
async def test_a_code_from_before_is_worth_nothing_when_the_app_is_let_in_anew(http: Visitor, app: Connected) -> None:
    code = returned(await app.browser.open(app.app.authorization_url()), app.app.redirect_uri)["code"]
    await app.disconnect()
    again = await connect(http, app.person, WHOLE, app=app.app)
    assert is_error(await app.app.redeem(code), "invalid_grant")
    assert (await again.app.refresh(again.tokens["refresh_token"])).status == 200


@pytest.mark.requirement("UX-31", "ATK-02")
async def test_whoever_is_signed_out_while_a_code_is_asked_for_brings_none_home(
    server: Live, http: Visitor, tmp_path: Path
) -> None:
    person = await asyncio.to_thread(newcomer, server, tmp_path)
    app = await connect(http, person, WHOLE)

    async def ask(vault: Vault) -> Outcome:
        """A request that learnt who is there, and was overtaken by the sign-out."""
        async with vault.writing() as work:
            account = await work.accounts.by_webid(WebId(person.webid))
            assert account is not None
            (session,) = await work.sessions.of(account.id)
            await sign_out_everywhere(work, account.id, now=vault.clock())
        desk = Desk(
            reading=vault.reading,
            writing=vault.writing,
            issuers=vault.issuers,
            settings=vault.settings,
            key=vault.secrets.forms,
            now=vault.clock(),
            person=Known(account, session),
        )
        return await authorize(list(app.app.asked().items()), desk)

    outcome = server.within(ask)
    assert isinstance(outcome, Redirect)
    assert "error=login_required" in outcome.url
    assert "code=" not in outcome.url


@pytest.mark.requirement("UX-15", "NP-11", "ATK-25")
@pytest.mark.parametrize("kind", [WEBSOCKET, STREAM, EVENTS])
async def test_disconnecting_closes_the_channels_of_that_app_and_no_other(
    http: Visitor, alice: Person, app: Connected, home: str, kind: str
) -> None:
    doc = f"{home}doc.ttl"
    other = await connect(http, alice, WHOLE)
    channel, others = (await app.subscribe(kind, doc)).json, (await other.subscribe(kind, doc)).json
    async with listening(http, channel) as ear, listening(http, others) as further:
        await app.disconnect()
        await ear.end()  # without anything to tell
        assert (await http.put(doc, "<> <#is> 2 .", by=alice)).status in (200, 204, 205)
        assert (await further.next())["type"] == "Update"
        assert ear.came.empty()
    assert await other.reads(doc) == 200
    assert (await http.session.get(channel["receiveFrom"].replace("ws:", "http:"))).status == 404


@pytest.mark.requirement("UX-15")
async def test_disconnecting_asks_once_and_only_a_form_of_ours_does_it(
    http: Visitor, app: Connected, bob: Person, home: str
) -> None:
    question = await app.browser.open(f"{app.page}/disconnect")
    assert question.status == 200
    assert len([form for form in forms_of(question) if form.action == f"{app.page}/disconnect"]) == 1
    assert (await app.browser.post(f"{app.page}/disconnect", [])).status == 403  # without the form's token
    other = Browser(http)
    await other.sign_in(bob)
    for path in (app.page, f"{app.page}/disconnect"):  # somebody else's app is not there
        assert (await other.open(path)).status == 404
    away = await Browser(http).open(app.page)
    assert "/idp/login" in [form.action for form in forms_of(away)]
    assert await app.reads(f"{home}doc.ttl") == 200


@pytest.mark.requirement("UX-15", "VEC-F06")
async def test_an_app_that_was_shown_out_comes_back_by_asking_and_its_old_token_does_not(
    server: Live, app: Connected, http: Visitor, home: str
) -> None:
    await app.disconnect()
    old = app.app.holder.token
    again = await connect(http, app.person, folders(home, base_url=http.base_url), app=app.app)
    assert await again.reads(f"{home}doc.ttl") == 200
    app.app.holder.token = old
    assert refused(await app.send("GET", f"{home}doc.ttl"), "invalid_token")


@pytest.mark.requirement("UX-31", "ATK-24", "ATK-02")
async def test_signing_out_everywhere_ends_what_apps_hold_too(server: Live, http: Visitor, tmp_path: Path) -> None:
    person = await asyncio.to_thread(newcomer, server, tmp_path)
    app = await connect(http, person, WHOLE)
    assert await app.reads(person.pod) == 200
    code = returned(await app.browser.open(app.app.authorization_url()), app.app.redirect_uri)["code"]
    page = await app.browser.open("/my/account/sessions")
    await app.browser.submit(page, "/my/account/sessions/everywhere")
    assert is_error(await app.app.redeem(code), "invalid_grant")  # one that was on its way
    assert is_error(await app.app.refresh(app.tokens["refresh_token"]), "invalid_grant")
    await asyncio.sleep(1.05)  # what a token is worth is looked up once a second
    assert refused(await app.send("GET", person.pod), "invalid_token")


@pytest.mark.requirement("UX-31", "ATK-24", "ATK-02")
async def test_of_two_tokens_of_one_second_only_the_one_from_after_the_sign_out_counts(
    server: Live, http: Visitor, tmp_path: Path
) -> None:
    person = await asyncio.to_thread(newcomer, server, tmp_path)
    app = await connect(http, person, WHOLE)
    for _ in range(20):
        page = await app.browser.open("/my/account/sessions")
        await asyncio.sleep(1 - datetime.now(UTC).microsecond / 1_000_000)  # as much of one second as there is
        before = (await app.app.refresh(app.tokens["refresh_token"])).json["access_token"]
        await app.browser.submit(page, "/my/account/sessions/everywhere")
        app.tokens = (await app.app.redeem(await app.app.code_for(app.browser, person))).json
        after = app.tokens["access_token"]
        if read(before)[1]["iat"] == read(after)[1]["iat"]:
            break
    assert read(before)[1]["iat"] == read(after)[1]["iat"]
    app.app.holder.token = before
    assert refused(await app.send("GET", person.pod), "invalid_token")
    app.app.holder.token = after
    assert await app.reads(person.pod) == 200


async def says_active(app: Connected, token: str) -> bool:
    return bool((await app.app.post("introspect", token=token, **app.app.credentials)).json["active"])


@pytest.mark.requirement("UX-31", "ATK-24")
async def test_signing_out_everywhere_is_known_to_introspection_too(
    server: Live, http: Visitor, tmp_path: Path
) -> None:
    person = await asyncio.to_thread(newcomer, server, tmp_path)
    app = await connect(http, person, WHOLE, app=await register(http))
    held = app.tokens["access_token"]
    assert await says_active(app, held)
    page = await app.browser.open("/my/account/sessions")
    await app.browser.submit(page, "/my/account/sessions/everywhere")
    assert not await says_active(app, held)
    again = (await app.app.redeem(await app.app.code_for(app.browser, person))).json
    assert await says_active(app, again["access_token"])
    assert not await says_active(app, held)


async def test_the_list_says_what_each_may_and_when_it_was_used(
    server: Live, http: Visitor, alice: Person, home: str
) -> None:
    name = f"Notebook {secrets.token_hex(4)}"
    client = await register(http, client_name=name, token_endpoint_auth_method="none")
    browser = Browser(http)
    code = await client.code_for(browser, alice, folders(home, base_url=http.base_url))
    card = (await browser.open(APPS)).text.partition(name)[2].partition("</li>")[0]
    assert "work in one folder" in card
    assert home.rstrip("/").rpartition("/")[2] in card
    assert "not yet" in card
    tokens = (await client.redeem(code)).json
    card = (await browser.open(APPS)).text.partition(name)[2].partition("</li>")[0]
    assert "app.example" in card
    assert "not yet" not in card
    first = await _last_used(server, alice, client.client_id)
    assert (await client.refresh(tokens["refresh_token"])).status == 200
    second = await _last_used(server, alice, client.client_id)
    assert first is not None
    assert second is not None
    assert first < second <= datetime.now(UTC)


async def _last_used(server: Live, person: Person, client: str) -> datetime | None:
    async def look(vault: Vault) -> datetime | None:
        async with vault.reading() as work:
            account = await work.accounts.by_email(person.email)
            assert account is not None
            consent = await work.clients.consent(account.id, ClientId(client))
            return None if consent is None else consent.last_used

    return server.within(look)


async def test_the_log_says_how_far_and_names_no_folder(server: Live, alice: Person, app: Connected, home: str) -> None:
    await app.limit(folders(home, base_url=app.http.base_url))
    await app.limit([("reach", "identity")])
    await app.limit([("reach", "identity")])  # nothing changes, and nothing is noted
    await app.disconnect()
    lines = [entry for entry in log_of(server, alice) if entry.subject == app.app.client_id][:4]
    assert [(entry.event, entry.facts.get("reach"), entry.facts.get("folders")) for entry in lines] == [
        (AuditEvent.CONSENT_WITHDRAWN, "identity", None),
        (AuditEvent.CONSENT_GIVEN, "identity", None),
        (AuditEvent.CONSENT_GIVEN, "folders", "1"),
        (AuditEvent.CONSENT_GIVEN, "whole", None),
    ]
    name = home.rstrip("/").rpartition("/")[2]
    assert not any(name in json.dumps(dict(entry.facts)) for entry in lines)


@pytest.mark.requirement("UX-15")
async def test_another_worker_hears_of_it_within_the_second(tmp_path: Path) -> None:
    with server_process(tmp_path / "data", workers=2, insecure_allow_loopback="true") as process:
        person = read_cast(process.base_url)["alice"]
        connector = aiohttp.TCPConnector(force_close=True)  # a connection for each request: either worker answers
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), connector=connector) as session:
            http = Visitor(session, process.base_url)
            app = await connect(http, person, WHOLE)
            assert {await app.reads(person.pod) for _ in range(8)} == {200}
            await app.disconnect()
            await asyncio.sleep(1.05)
            assert {await app.reads(person.pod) for _ in range(8)} == {401}


# ---- what else ends a token (VEC-T28, T29)


@pytest.mark.requirement("VEC-T28")
async def test_vec_t28_a_revoked_client_reads_nothing(server: Live, app: Connected, home: str) -> None:
    doc = f"{home}doc.ttl"
    assert await app.reads(doc) == 200

    async def revoke(vault: Vault) -> None:
        async with vault.writing() as work:
            client = await work.clients.get(ClientId(app.app.client_id))
            assert client is not None
            await work.clients.put(replace(client, revoked=vault.clock()))

    server.within(revoke)
    await asyncio.sleep(1.05)
    assert refused(await app.send("GET", doc), "invalid_token")


@pytest.fixture
def locked(server: Live, alice: Person) -> Iterator[None]:
    async def lock(vault: Vault, locked: bool) -> None:
        async with vault.writing() as work:
            account = await work.accounts.by_email(alice.email)
            assert account is not None
            await work.accounts.replace(replace(account, locked=locked))

    server.within(lambda vault: lock(vault, True))
    yield
    server.within(lambda vault: lock(vault, False))


@pytest.mark.requirement("VEC-T29")
async def test_vec_t29_a_locked_account_ends_its_apps_too(app: Connected, home: str, locked: None) -> None:
    await asyncio.sleep(1.05)
    assert refused(await app.send("GET", f"{home}doc.ttl"), "invalid_token")
    assert is_error(await app.app.refresh(app.tokens["refresh_token"]), "invalid_grant")


# ---- as whom


async def second_self(server: Live, person: Person) -> WebId:
    """A second pod of the same person, with a WebID of its own."""
    pod = PodName(f"two-{secrets.token_hex(4)}")

    async def make(vault: Vault) -> WebId:
        webid = webid_of(pod, base_url=vault.base_url)
        async with vault.writing() as work:
            account = await work.accounts.by_email(person.email)
            assert account is not None
            await create_pod(
                work,
                name=pod,
                owner=webid,
                display_name="Nell at work",
                issuer=vault.base_url,
                base_url=vault.base_url,
                quota_bytes=1_000_000,
                now=vault.clock(),
            )
            await work.accounts.add_webid(account.id, webid)
            await work.accounts.add_pod(account.id, HeldPod(pod, webid))
        return webid

    return server.within(make)


async def drop(server: Live, person: Person, webid: WebId) -> None:
    async def remove(vault: Vault) -> None:
        async with vault.writing() as work:
            account = await work.accounts.by_email(person.email)
            assert account is not None
            await work.accounts.remove_webid(account.id, webid)

    server.within(remove)


async def test_the_person_chooses_as_whom_and_the_choice_is_kept(server: Live, http: Visitor, tmp_path: Path) -> None:
    nell = newcomer(server, tmp_path)
    webid = await second_self(server, nell)
    work_pod = webid.removesuffix("profile/card#me")
    app = await connect(http, nell, [("reach", "whole"), ("webid", webid)])
    assert read(app.app.holder.token)[1]["webid"] == webid
    assert await app.reads(work_pod) == 200
    assert await app.reads(nell.pod) == 403
    # Silently, later: the same one; and so with a refresh token.
    code = returned(await app.browser.open(app.app.authorization_url(prompt="none")), app.app.redirect_uri)["code"]
    assert read((await app.app.redeem(code)).json["access_token"])[1]["webid"] == webid
    renewed = (await app.app.refresh(app.tokens["refresh_token"])).json
    assert read(renewed["access_token"])[1]["webid"] == webid
    # As somebody else from now on: what was for the other one counts no more.
    page = await app.browser.open(app.app.authorization_url(prompt="consent"))
    page = await app.browser.submit(page, "/idp/consent", [("webid", nell.webid)], press="allow")
    tokens = (await app.app.redeem(returned(page, app.app.redirect_uri)["code"])).json
    assert read(tokens["access_token"])[1]["webid"] == nell.webid
    assert refused(await app.send("GET", work_pod), "invalid_token")
    assert is_error(await app.app.refresh(renewed["refresh_token"]), "invalid_grant")


async def test_a_webid_that_is_not_ones_own_is_not_taken(
    server: Live, http: Visitor, tmp_path: Path, bob: Person
) -> None:
    nell = newcomer(server, tmp_path)
    client, browser = await register(http), Browser(http)
    await browser.sign_in(nell)
    form = next(f for f in forms_of(await browser.open(client.authorization_url())) if f.action == "/idp/consent")
    answer = await browser.post("/idp/consent", [*form.fields, ("webid", bob.webid), ("choice", "allow")])
    assert answer.status == 200  # the question again
    assert "/idp/consent" in [form.action for form in forms_of(answer)]


async def test_an_app_of_a_webid_that_was_unlinked_is_out(server: Live, http: Visitor, tmp_path: Path) -> None:
    nell = newcomer(server, tmp_path)
    webid = await second_self(server, nell)
    app = await connect(http, nell, [("reach", "whole"), ("webid", webid)])
    await drop(server, nell, webid)
    assert is_error(await app.app.refresh(app.tokens["refresh_token"]), "invalid_grant")
    silent = returned(await app.browser.open(app.app.authorization_url(prompt="none")), app.app.redirect_uri)
    assert silent["error"] == "consent_required"


async def test_folders_of_every_pod_of_the_person_can_be_chosen(server: Live, http: Visitor, tmp_path: Path) -> None:
    nell = newcomer(server, tmp_path)
    webid = await second_self(server, nell)
    work_pod = webid.removesuffix("profile/card#me")
    assert (await http.put(f"{nell.pod}own/", by=nell, Link=CONTAINER_LINK)).status == 201
    app = await connect(http, nell, [*folders(f"{work_pod}settings/", base_url=http.base_url), ("webid", webid)])
    assert await app.reads(f"{work_pod}settings/") == 200
    assert await app.reads(f"{work_pod}inbox/") == 403
    assert f"{work_pod.removeprefix(http.base_url)[:-1]} / settings" in (await app.browser.open(APPS)).text
