"""ATK-21: nobody signs in as a WebID that is not theirs by linking it to an account."""

from __future__ import annotations

import asyncio
import json
import secrets
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.elsewhere import Elsewhere, elsewhere
from tests.live import Live, serving
from tests.people import Answer, Person, Visitor
from vault.identity.hold import proof_statement, proof_text, unlink_webid
from vault.identity.sign_in import sign_out_everywhere
from vault.ports import Vault
from vault.values import PodName, WebId

__all__ = ["elsewhere"]

pytestmark = pytest.mark.requirement("ATK-21")

ISSUER = "http://www.w3.org/ns/solid/terms#oidcIssuer"


async def asked(http: Visitor, who: Person, webid: str) -> Answer:
    """Signs in at the account API as `who` and asks for the WebID."""
    api = f"{http.base_url}.account/"
    given = json.dumps({"email": who.email, "password": who.password})
    signed_in = await http.post(f"{api}login/password/", given, kind="application/json")
    headers = {"Authorization": f"CSS-Account-Token {signed_in.json['authorization']}"}
    url = signed_in.json["controls"]["account"]["webId"]
    return await http.send("POST", url, body=json.dumps({"webId": webid}), kind="application/json", headers=headers)


def statement(server: Live, who: Person, webid: str, *, age: timedelta = timedelta(0)) -> str:
    """The line that this server gives out, as old as it is wanted."""

    async def made(vault: Vault) -> str:
        async with vault.reading() as work:
            account = await work.accounts.by_pod(PodName(who.pod.rstrip("/").rpartition("/")[2]))
        assert account is not None
        now = vault.clock() - age
        return proof_statement(WebId(webid), proof_text(account.id, WebId(webid), key=vault.secrets.forms, now=now))

    return server.within(made)


@pytest.fixture
def webid(elsewhere: Elsewhere) -> str:
    return f"{elsewhere.base_url}card-{secrets.token_hex(4)}#me"


def publish(elsewhere: Elsewhere, webid: str, *lines: str) -> None:
    elsewhere.publish("/" + webid.removeprefix(elsewhere.base_url).partition("#")[0], "\n".join(lines))


def issuer(webid: str, url: str) -> str:
    return f"<{webid}> <{ISSUER}> <{url}>."


async def test_document_with_text_and_issuer_is_linked_once(
    server: Live, http: Visitor, elsewhere: Elsewhere, webid: str, carol: Person
) -> None:
    publish(elsewhere, webid, issuer(webid, http.base_url), statement(server, carol, webid))
    assert (await asked(http, carol, webid)).status == 200
    again = await asked(http, carol, webid)
    assert (again.status, again.json["reason"]) == (409, "webid-held")


async def test_text_counts_once_and_not_again_after_the_webid_was_let_go(
    server: Live, http: Visitor, elsewhere: Elsewhere, webid: str, carol: Person
) -> None:
    """It stays in the document, where it shows whose the WebID was, and not whose it is."""
    publish(elsewhere, webid, issuer(webid, http.base_url), statement(server, carol, webid))
    assert (await asked(http, carol, webid)).status == 200

    async def let_go(vault: Vault) -> None:
        async with vault.writing() as work:
            account = await work.accounts.by_webid(WebId(carol.webid))
            assert account is not None
            settings, now = vault.settings, vault.clock()
            await unlink_webid(work, account, WebId(webid), settings=settings, language="nl", now=now)

    server.within(let_go)
    assert (await asked(http, carol, webid)).json["reason"] == "webid-proof"
    publish(elsewhere, webid, issuer(webid, http.base_url), statement(server, carol, webid, age=timedelta(seconds=5)))
    assert (await asked(http, carol, webid)).status == 200


async def test_document_without_our_text_is_not_linked(
    http: Visitor, elsewhere: Elsewhere, webid: str, carol: Person
) -> None:
    publish(elsewhere, webid, issuer(webid, http.base_url))
    assert (await asked(http, carol, webid)).json["reason"] == "webid-proof"


async def test_text_of_another_account_is_worth_nothing(
    server: Live, http: Visitor, elsewhere: Elsewhere, webid: str, bob: Person, carol: Person
) -> None:
    publish(elsewhere, webid, issuer(webid, http.base_url), statement(server, bob, webid))
    assert (await asked(http, carol, webid)).json["reason"] == "webid-proof"


async def test_text_for_another_webid_is_worth_nothing(
    server: Live, http: Visitor, elsewhere: Elsewhere, webid: str, carol: Person
) -> None:
    other = statement(server, carol, f"{webid}2").replace(f"{webid}2", webid)
    publish(elsewhere, webid, issuer(webid, http.base_url), other)
    assert (await asked(http, carol, webid)).json["reason"] == "webid-proof"


async def test_text_that_says_something_of_another_subject_is_worth_nothing(
    server: Live, http: Visitor, elsewhere: Elsewhere, webid: str, carol: Person
) -> None:
    aside = statement(server, carol, webid).replace(webid, f"{webid}2", 1)
    publish(elsewhere, webid, issuer(webid, http.base_url), aside)
    assert (await asked(http, carol, webid)).json["reason"] == "webid-proof"


async def test_text_of_an_hour_ago_is_worth_nothing(
    server: Live, http: Visitor, elsewhere: Elsewhere, webid: str, carol: Person
) -> None:
    publish(elsewhere, webid, issuer(webid, http.base_url), statement(server, carol, webid, age=timedelta(hours=1)))
    assert (await asked(http, carol, webid)).json["reason"] == "webid-proof"
    publish(elsewhere, webid, issuer(webid, http.base_url), statement(server, carol, webid, age=-timedelta(hours=1)))
    assert (await asked(http, carol, webid)).json["reason"] == "webid-proof"


async def test_document_that_names_another_issuer_is_not_linked(
    server: Live, http: Visitor, elsewhere: Elsewhere, webid: str, carol: Person
) -> None:
    publish(elsewhere, webid, issuer(webid, elsewhere.base_url), statement(server, carol, webid))
    answer = await asked(http, carol, webid)
    assert (answer.status, answer.json["reason"]) == (422, "webid-issuer")


async def test_redirect_is_not_followed_to_the_text(
    server: Live, http: Visitor, elsewhere: Elsewhere, webid: str, carol: Person
) -> None:
    lines = (issuer(webid, http.base_url), statement(server, carol, webid))
    there = elsewhere.publish(f"/there-{secrets.token_hex(4)}", "\n".join(lines))

    async def away(_request: web.Request) -> web.StreamResponse:
        raise web.HTTPSeeOther(there)

    elsewhere.documents["/" + webid.removeprefix(elsewhere.base_url).partition("#")[0]] = away
    answer = await asked(http, carol, webid)
    assert (answer.status, answer.json["reason"]) == (422, "webid-unreadable")


async def test_webid_of_another_account_is_not_linked(server: Live, http: Visitor, bob: Person, carol: Person) -> None:
    answer = await asked(http, carol, bob.webid)
    assert (answer.status, answer.json["reason"]) == (400, "webid-proof")
    card = bob.webid.partition("#")[0]
    assert (await http.insert(card, statement(server, carol, bob.webid).rstrip(" ."), by=bob)).status in (200, 204)
    taken = await asked(http, carol, bob.webid)
    assert (taken.status, taken.json["reason"]) == (409, "webid-taken")


async def test_document_of_ours_is_read_in_process_and_only_if_everybody_may(
    server: Live, http: Visitor, alice: Person, carol: Person
) -> None:
    place = f"{alice.pod}card-{secrets.token_hex(4)}"
    webid = f"{place}#org"
    text = f"{issuer(webid, http.base_url)}\n{statement(server, carol, webid)}"
    assert (await http.put(place, text, by=alice)).status == 201
    private = await asked(http, carol, webid)
    assert (private.status, private.json["reason"]) == (422, "webid-unreadable")
    public = f"{alice.pod}profile/card-{secrets.token_hex(4)}"
    webid = f"{public}#org"
    text = f"{issuer(webid, http.base_url)}\n{statement(server, carol, webid)}"
    assert (await http.put(public, text, by=alice)).status == 201
    rule = (
        "@prefix acl: <http://www.w3.org/ns/auth/acl#>. <#all> a acl:Authorization; "
        f"acl:agentClass <http://xmlns.com/foaf/0.1/Agent>; acl:accessTo <{public}>; acl:mode acl:Read. "
        f"<#own> a acl:Authorization; acl:agent <{alice.webid}>; acl:accessTo <{public}>; "
        "acl:mode acl:Read, acl:Write, acl:Control."
    )
    await http.share(public, rule, by=alice)
    assert (await asked(http, carol, webid)).status == 200


@pytest.mark.requirement("ATK-06", "LIM-18")
@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "[::1]", "localhost"])
async def test_address_of_our_own_side_is_never_asked(tmp_path: Path, elsewhere: Elsewhere, host: str) -> None:
    elsewhere.asked.clear()
    with serving(tmp_path, outbound={"insecure_allow_loopback": False}) as live:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            port = elsewhere.base_url.rstrip("/").rpartition(":")[2]
            answer = await asked(
                Visitor(session, live.base_url), live.people["carol"], f"https://{host}:{port}/card#me"
            )
    assert (answer.status, answer.json["reason"]) == (422, "webid-unreadable")
    assert elsewhere.asked == []


async def test_tries_are_counted_before_anything_is_fetched(tmp_path: Path, elsewhere: Elsewhere) -> None:
    with serving(tmp_path, limits={"sign_in_tries": 3}) as live:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            http, webid = Visitor(session, live.base_url), elsewhere.webid("counted", live.base_url)
            answers = [await asked(http, live.people["carol"], webid) for _ in range(3)]
            elsewhere.asked.clear()
            answers.append(await asked(http, live.people["carol"], webid))
    assert [answer.status for answer in answers] == [400, 400, 400, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert elsewhere.asked == []


async def test_session_that_ends_while_the_document_is_fetched_links_nothing(
    server: Live, http: Visitor, elsewhere: Elsewhere, webid: str, carol: Person
) -> None:
    """Who signs out everywhere because a token was taken is not too late for what the thief has just begun."""
    text = f"{issuer(webid, http.base_url)}\n{statement(server, carol, webid)}"

    async def ended(_request: web.Request) -> web.StreamResponse:
        async def act(vault: Vault) -> None:
            async with vault.writing() as work:
                account = await work.accounts.by_webid(WebId(carol.webid))
                assert account is not None
                await sign_out_everywhere(work, account.id, now=vault.clock())

        await asyncio.to_thread(server.within, act)
        return web.Response(text=text, content_type="text/turtle")

    elsewhere.documents["/" + webid.removeprefix(elsewhere.base_url).partition("#")[0]] = ended
    answer = await asked(http, carol, webid)
    assert (answer.status, answer.json["reason"]) == (403, "signed-out")
    # Another text than the one that was used up: two of one second are the same.
    publish(elsewhere, webid, issuer(webid, http.base_url), statement(server, carol, webid, age=timedelta(seconds=5)))
    assert (await asked(http, carol, webid)).status == 200  # nothing was half done
