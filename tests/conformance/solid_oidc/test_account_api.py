"""The account API: the steps that tools for the Community Solid Server 7 take, and what it refuses."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.browser import Browser
from tests.elsewhere import Elsewhere, elsewhere
from tests.live import Live, serving
from tests.people import Answer, Person, Visitor
from vault.audit import AuditEvent
from vault.identity.tokens import digest
from vault.ports import Vault
from vault.values import PodName

__all__ = ["elsewhere"]

TOKEN = "http://www.w3.org/ns/solid/terms#oidcIssuerRegistrationToken"
ISSUER = "http://www.w3.org/ns/solid/terms#oidcIssuer"


@dataclass
class Tool:
    """A program that knows the API by its controls alone."""

    http: Visitor
    token: str = ""

    async def send(self, method: str, url: str, body: Any = None) -> Answer:
        headers = {"Authorization": f"CSS-Account-Token {self.token}"} if self.token else {}
        kind = None if body is None else "application/json"
        sent = None if body is None else json.dumps(body)
        return await self.http.send(method, url, body=sent, kind=kind, headers=headers)

    async def controls(self) -> dict[str, dict[str, str]]:
        answer = await self.send("GET", f"{self.http.base_url}.account/")
        assert answer.status == 200, answer.text
        found: dict[str, dict[str, str]] = answer.json["controls"]
        return found

    async def sign_in(self, who: Person) -> Answer:
        login = (await self.controls())["password"]["login"]
        answer = await self.send("POST", login, {"email": who.email, "password": who.password})
        if answer.status == 200:
            self.token = answer.json["authorization"]
        return answer


@pytest.fixture
async def tool(http: Visitor, alice: Person) -> Tool:
    """One that is signed in as Alice."""
    made = Tool(http)
    assert (await made.sign_in(alice)).status == 200
    return made


async def program(tool: Tool, webid: str, name: str = "my tool") -> dict[str, str]:
    url = (await tool.controls())["account"]["clientCredentials"]
    answer = await tool.send("POST", url, {"name": name, "webId": webid})
    assert answer.status == 200, answer.text
    found: dict[str, str] = answer.json
    return found


def acting(who: Person, made: dict[str, str]) -> Person:
    return Person(who.name, who.email, who.password, who.webid, who.pod, made["id"], made["secret"])


async def test_controls_lead_strangers_to_signing_in_and_others_to_their_account(http: Visitor, tool: Tool) -> None:
    stranger = await Tool(http).controls()
    assert set(stranger["account"]) == {"create"}
    assert stranger["main"]["index"] == f"{http.base_url}.account/"
    mine = await tool.controls()
    assert {"create", "pod", "webId", "clientCredentials", "logout"} <= set(mine["account"])
    logins = (await Tool(http).send("GET", mine["main"]["logins"])).json["logins"]
    assert list(logins.values()) == [mine["password"]["login"]]


async def test_every_control_answers_with_the_fields_it_takes(tool: Tool) -> None:
    controls = await tool.controls()
    for url in (controls["account"]["pod"], controls["account"]["webId"], controls["account"]["clientCredentials"]):
        fields = (await tool.send("GET", url)).json["fields"]
        assert fields
        assert all(set(told) == {"required", "type"} for told in fields.values())


async def test_credentials_made_by_the_api_read_what_their_owner_may_read(
    tool: Tool, http: Visitor, home: str, alice: Person
) -> None:
    made = await program(tool, alice.webid)
    assert made["id"].startswith("my-tool_")
    assert (await http.get(home, by=acting(alice, made))).status == 200
    listed = (await tool.send("GET", (await tool.controls())["account"]["clientCredentials"])).json
    assert listed["clientCredentials"][made["id"]] == made["resource"]
    told = (await tool.send("GET", made["resource"])).json
    assert (told["id"], told["webId"]) == (made["id"], alice.webid)
    assert "secret" not in told


@pytest.mark.requirement("VEC-T28")
async def test_deleted_credentials_end_with_their_tokens(tool: Tool, http: Visitor, home: str, alice: Person) -> None:
    made = await program(tool, alice.webid)
    robot = acting(alice, made)
    await http.token_of(robot)
    assert (await tool.send("DELETE", made["resource"])).status == 200
    assert (await http.get(home, by=robot)).status == 401
    assert (await tool.send("GET", made["resource"])).status == 404
    robot.token, robot.token_ends = "", 0.0
    with pytest.raises(AssertionError, match="invalid_client"):
        await http.token_of(robot)


async def test_credentials_act_as_a_webid_of_the_account_only(tool: Tool, bob: Person) -> None:
    url = (await tool.controls())["account"]["clientCredentials"]
    answer = await tool.send("POST", url, {"webId": bob.webid})
    assert (answer.status, answer.json["reason"]) == (403, "webid-not-held")


async def test_account_of_somebody_else_is_as_good_as_none(tool: Tool, http: Visitor, bob: Person) -> None:
    other = Tool(http)
    await other.sign_in(bob)
    made = await program(other, bob.webid)
    theirs = (await other.controls())["account"]
    for url in (*(theirs[name] for name in ("pod", "webId", "clientCredentials")), made["resource"]):
        assert (await tool.send("GET", url)).status == 404
    mine = (await tool.controls())["account"]["clientCredentials"]
    assert (await tool.send("DELETE", f"{mine}{made['id']}/")).status == 404
    assert (await other.send("GET", made["resource"])).status == 200


@pytest.mark.requirement("CO-10")
async def test_token_is_no_cookie_and_cookie_is_no_token(tool: Tool, http: Visitor, alice: Person) -> None:
    page = await http.get(f"{http.base_url}my/account", Cookie=f"datakluis={tool.token}")
    assert page.status == 303
    browser = Browser(http)
    await browser.sign_in(alice, follow=False)
    borrowed = Tool(http, browser.cookies["datakluis"])
    answer = await borrowed.send("GET", f"{http.base_url}.account/")
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "CSS-Account-Token"
    url = (await tool.controls())["account"]["pod"]
    assert (await http.get(url, Cookie=f"css-account={tool.token}; datakluis={tool.token}")).status == 401


@pytest.mark.requirement("CO-10")
async def test_api_sets_no_cookie_and_is_never_stored(http: Visitor, alice: Person) -> None:
    answer = await Tool(http).sign_in(alice)
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


async def test_token_is_kept_as_its_hash(server: Live, tool: Tool) -> None:
    async def kept(vault: Vault) -> bool:
        async with vault.reading() as work:
            return await work.sessions.get(digest(tool.token)) is not None and not await work.sessions.get(tool.token)

    assert server.within(kept)


@pytest.mark.requirement("ATK-29")
async def test_wrong_password_and_unknown_address_get_one_answer(http: Visitor, alice: Person) -> None:
    login = (await Tool(http).controls())["password"]["login"]
    wrong = await Tool(http).send("POST", login, {"email": alice.email, "password": "no such password"})
    unknown = await Tool(http).send("POST", login, {"email": "nobody@nowhere.example", "password": "no such password"})
    assert wrong.status == unknown.status == 403
    told = [{name: value for name, value in answer.json.items() if name != "request"} for answer in (wrong, unknown)]
    assert told[0] == told[1]


async def test_logout_ends_the_token(tool: Tool) -> None:
    controls = await tool.controls()
    assert (await tool.send("POST", controls["account"]["logout"])).status == 200
    assert (await tool.send("GET", controls["account"]["pod"])).status == 401


@pytest.mark.parametrize("ended", [{"last_seen": timedelta(days=1)}, {"created": timedelta(days=30)}])
async def test_token_ends_as_a_session_does(server: Live, tool: Tool, ended: dict[str, timedelta]) -> None:
    """ATK-02: unused for too long, or used for too long."""

    async def age(vault: Vault) -> None:
        async with vault.writing() as work:
            session = await work.sessions.get(digest(tool.token))
            assert session is not None
            earlier = {name: getattr(session, name) - time for name, time in ended.items()}
            await work.sessions.replace(replace(session, **earlier))

    url = (await tool.controls())["account"]["pod"]
    assert (await tool.send("GET", url)).status == 200
    server.within(age)
    assert (await tool.send("GET", url)).status == 401
    assert (await tool.send("GET", f"{tool.http.base_url}.account/")).status == 401


async def test_change_needs_a_token_given_a_moment_ago(server: Live, tool: Tool, alice: Person) -> None:
    async def age(vault: Vault) -> None:
        async with vault.writing() as work:
            session = await work.sessions.get(digest(tool.token))
            assert session is not None
            earlier = session.authenticated_at - timedelta(hours=1)
            await work.sessions.replace(replace(session, authenticated_at=earlier))

    server.within(age)
    account = (await tool.controls())["account"]
    assert (await tool.send("GET", account["clientCredentials"])).status == 200
    for url, body in (
        (account["clientCredentials"], {"webId": alice.webid}),
        (account["pod"], {"name": "too-late"}),
        (account["webId"], {"webId": "https://elsewhere.example/#me"}),
    ):
        answer = await tool.send("POST", url, body)
        assert (answer.status, answer.json["reason"]) == (403, "step-up")


async def newcomer(http: Visitor, email: str, password: str) -> Tool:
    """The first two steps of a seeding script."""
    made = Tool(http)
    answer = await made.send("POST", (await made.controls())["account"]["create"])
    assert answer.status == 200, answer.text
    made.token = answer.json["authorization"]
    given = await made.send(
        "POST", answer.json["controls"]["password"]["create"], {"email": email, "password": password}
    )
    assert given.status == 200, given.text
    return made


async def test_account_is_seeded_step_by_step(http: Visitor) -> None:
    name = f"seed-{secrets.token_hex(4)}"
    made = await newcomer(http, f"{name}@example.org", "correct horse battery")
    answer = await made.send("POST", (await made.controls())["account"]["pod"], {"name": name})
    assert answer.status == 200, answer.text
    pod, webid = f"{http.base_url}{name}/", f"{http.base_url}{name}/profile/card#me"
    assert (answer.json["pod"], answer.json["webId"]) == (pod, webid)
    credentials = await program(made, webid)
    owner = Person(name, f"{name}@example.org", "correct horse battery", webid, pod, credentials["id"], "")
    owner.client_secret = credentials["secret"]
    assert (await http.put(f"{pod}note.txt", "mine", by=owner, kind="text/plain")).status == 201
    assert (await http.get(f"{pod}note.txt")).status == 401
    assert (await Tool(http).sign_in(owner)).status == 200


async def test_newcomer_can_do_nothing_before_there_is_a_pod(http: Visitor) -> None:
    made = Tool(http)
    first = await made.send("POST", (await made.controls())["account"]["create"])
    made.token = first.json["authorization"]
    early = await made.send("POST", first.json["controls"]["account"]["pod"], {"name": "too-early"})
    assert (early.status, early.json["reason"]) == (422, "password-missing")
    base = first.json["controls"]["account"]["pod"].removesuffix("pod/")
    for part in ("client-credentials/", "webid/"):
        assert (await made.send("GET", base + part)).status == 403


@pytest.mark.requirement("ATK-29")
async def test_known_address_and_taken_name_get_one_answer_and_one_try(http: Visitor, bob: Person) -> None:
    known = await newcomer(http, bob.email, "correct horse battery")
    controls = (await known.controls())["account"]
    refused = await known.send("POST", controls["pod"], {"name": f"fresh-{secrets.token_hex(4)}"})
    other = await newcomer(http, f"{secrets.token_hex(4)}@example.org", "correct horse battery")
    taken = await other.send("POST", (await other.controls())["account"]["pod"], {"name": "bob"})
    assert (refused.status, refused.json["reason"]) == (taken.status, taken.json["reason"]) == (409, "account-exists")
    assert (await known.send("POST", controls["pod"], {"name": "another"})).status == 401


@pytest.mark.parametrize(
    "changes",
    [{"identity": {"sign_up": "closed"}}, {"identity": {"sign_up": "invitation"}},
     {"mail": {"smtp_host": "localhost", "smtp_security": "none", "mail_from": "vault@example.org"}}],
)  # fmt: skip
async def test_accounts_are_not_opened_where_addresses_are_verified_or_sign_up_is_not_open(
    tmp_path: Path, changes: dict[str, dict[str, Any]]
) -> None:
    with serving(tmp_path, **changes) as live:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            made = Tool(Visitor(session, live.base_url))
            assert "create" not in (await made.controls()).get("account", {})
            answer = await made.send("POST", f"{live.base_url}.account/account/")
            assert (answer.status, answer.json["reason"]) == (403, "sign-up-closed")


async def test_password_is_changed_given_the_old_one_and_every_token_ends_but_a_new_one(http: Visitor) -> None:
    name = f"seed-{secrets.token_hex(4)}"
    made = await newcomer(http, f"{name}@example.org", "correct horse battery")
    await made.send("POST", (await made.controls())["account"]["pod"], {"name": name})
    url = (await made.controls())["password"]["create"] + "own/"
    wrong = await made.send("POST", url, {"oldPassword": "not this", "newPassword": "another horse battery"})
    assert wrong.status == 403
    changed = await made.send(
        "POST", url, {"oldPassword": "correct horse battery", "newPassword": "another horse battery"}
    )
    assert changed.status == 200
    assert (await made.send("GET", url)).status == 401
    made.token = changed.json["authorization"]
    assert (await made.send("GET", url)).status == 200


async def test_pod_is_added_with_a_webid_of_its_own(http: Visitor) -> None:
    name = f"seed-{secrets.token_hex(4)}"
    made = await newcomer(http, f"{name}@example.org", "correct horse battery")
    account = (await made.controls())["account"]
    await made.send("POST", account["pod"], {"name": name})
    account = (await made.controls())["account"]
    added = await made.send("POST", account["pod"], {"name": f"{name}-two"})
    assert added.status == 200, added.text
    assert set((await made.send("GET", account["pod"])).json["pods"]) == {
        f"{http.base_url}{name}/",
        f"{http.base_url}{name}-two/",
    }
    assert added.json["webId"] in (await made.send("GET", account["webId"])).json["webIdLinks"]
    owns = await made.send("DELETE", added.json["webIdResource"])
    assert (owns.status, owns.json["reason"]) == (409, "webid-owns-pod")
    taken = await made.send("POST", account["pod"], {"name": "alice"})
    assert taken.status == 409
    strange = await made.send("POST", account["pod"], {"name": "abc", "settings": {"webId": "https://x.example/#me"}})
    assert (strange.status, strange.json["reason"]) == (422, "pod-owner")


async def test_webid_from_elsewhere_is_linked_by_the_text_in_its_document(
    server: Live, tool: Tool, elsewhere: Elsewhere, http: Visitor, alice: Person
) -> None:
    name = f"me-{secrets.token_hex(4)}"
    webid = elsewhere.webid(name, http.base_url)
    url = (await tool.controls())["account"]["webId"]
    asked = await tool.send("POST", url, {"webId": webid})
    assert (asked.status, asked.json["reason"]) == (400, "webid-proof")
    line = asked.json["details"]["quad"]
    elsewhere.publish(f"/{name}", f"<{webid}> <{ISSUER}> <{http.base_url}>.\n{line}")
    linked = await tool.send("POST", url, {"webId": webid})
    assert linked.status == 200, linked.text
    assert (linked.json["webId"], linked.json["oidcIssuer"]) == (webid, http.base_url)

    async def noted(vault: Vault) -> list[str]:
        async with vault.reading() as work:
            entries = await work.audit.entries(PodName("alice"), newest_first=True, limit=20)
        return [entry.subject for entry in entries if entry.event is AuditEvent.WEBID_LINKED]

    assert webid in server.within(noted)
    robot = acting(alice, await program(tool, webid))
    robot.webid = webid
    token = await http.token_of(robot)
    assert token
    assert (await tool.send("DELETE", linked.json["resource"])).status == 200
    robot.token, robot.token_ends = "", 0.0
    with pytest.raises(AssertionError, match="invalid_client"):
        await http.token_of(robot)
