"""Solid-OIDC, the Resource Server: how the server asks for credentials and whom it believes (RS-1 to RS-11)."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace

import pytest

from tests.browser import ask, machine, refused
from tests.elsewhere import Elsewhere, elsewhere
from tests.forge import new_key, public, read
from tests.live import Live
from tests.people import Person, Visitor

__all__ = ["elsewhere"]

VCARD = "http://www.w3.org/2006/vcard/ns#"


async def door(http: Visitor, owner: Person, url: str, who: str) -> str:
    """A document whose ACL lets `who` read it."""
    assert (await http.put(url, "<#a> <#b> <#c>.", by=owner)).status == 201
    rules = f"""@prefix acl: <http://www.w3.org/ns/auth/acl#>.
    [] a acl:Authorization; acl:accessTo <{url}>; {who}; acl:mode acl:Read."""
    assert (await http.put(f"{url}.acl", rules, by=owner)).status == 201
    return url


@pytest.mark.requirement("RS-1", "RS-2", "RS-9")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"])
async def test_every_method_asks_for_credentials_and_says_which(http: Visitor, home: str, method: str) -> None:
    kind = "text/n3" if method == "PATCH" else "text/turtle"
    answer = await http.send(method, home, kind=None if method in ("GET", "HEAD", "DELETE") else kind)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == (
        'DPoP algs="ES256 RS256 ES384 ES512 PS256 PS384 PS512 EdDSA", '
        f'as_uri="{http.base_url.removesuffix("/")}", Bearer'
    )
    assert len(answer.headers.getall("WWW-Authenticate")) == 1  # CH-7


@pytest.mark.requirement("RS-2", "OP-1")
async def test_the_challenge_leads_to_the_provider_whose_tokens_open_the_door(
    http: Visitor, home: str, alice: Person
) -> None:
    challenge = (await http.get(home)).headers["WWW-Authenticate"]
    place = challenge.partition('as_uri="')[2].partition('"')[0]
    metadata = (await http.get(f"{place}/.well-known/openid-configuration")).json
    assert "webid" in metadata["scopes_supported"]
    holder = await machine(http, alice)
    assert read(holder.token)[1]["iss"] == metadata["issuer"]
    assert (await ask(http, holder, home)).status == 200


@pytest.mark.requirement("RS-9", "CO-1")
async def test_a_bad_token_is_a_401_that_a_script_elsewhere_can_read(http: Visitor, alice: Person) -> None:
    holder = await machine(http, alice)
    headers = {
        "Authorization": f"DPoP {holder.token}x",
        "DPoP": holder.proof("GET", alice.pod, ath=None),
        "Origin": "https://app.example",
    }
    answer = await http.send("GET", alice.pod, headers=headers)
    assert answer.status == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "WWW-Authenticate" in answer.listed("Access-Control-Expose-Headers")


@pytest.mark.requirement("RS-3", "RS-10")
async def test_a_new_key_of_an_issuer_is_found(http: Visitor, home: str, alice: Person, elsewhere: Elsewhere) -> None:
    """The issuer changes its key before we ever saw the old one's name; tokens of both keys hold while both stand."""
    elsewhere.publish_issuer()
    webid = elsewhere.webid("dora")
    url = await door(http, alice, f"{home}for-dora", f"acl:agent <{webid}>")
    newer = replace(elsewhere, key=new_key())
    keys = [{**public(elsewhere.key), "kid": "one"}, {**public(newer.key), "kid": "two"}]
    elsewhere.publish("/jwks", json.dumps({"keys": keys}), "application/json")
    assert (await ask(http, elsewhere.holder(webid), url)).status == 200
    assert (await ask(http, newer.holder(webid, header={"kid": "two"}), url)).status == 200
    assert refused(await ask(http, newer.holder(webid, header={"kid": "one"}), url), "invalid_token")


@pytest.mark.requirement("RS-10")
async def test_many_requests_at_once_fetch_once(
    server: Live, http: Visitor, home: str, alice: Person, elsewhere: Elsewhere
) -> None:
    elsewhere.publish_issuer()
    webid = elsewhere.webid("dora")
    url = await door(http, alice, f"{home}for-dora", f"acl:agent <{webid}>")
    holder = elsewhere.holder(webid)
    answers = await asyncio.gather(*(ask(http, holder, url) for _ in range(20)))
    assert {answer.status for answer in answers} == {200}
    asked = Counter(elsewhere.asked)
    assert set(asked) == {"/.well-known/openid-configuration", "/dora", "/jwks"}
    # Each worker asks for itself; ours is one, of a deployment we do not know.
    assert max(asked.values()) <= (1 if server.machine is not None else 8)


@pytest.mark.requirement("RS-10", "TR-9")
async def test_many_requests_at_once_for_our_own_webids_never_wait_for_ourselves(
    http: Visitor, alice: Person, bob: Person
) -> None:
    holders = [await machine(http, alice), await machine(http, bob)]
    answers = await asyncio.gather(*(ask(http, holders[n % 2], holders_pod(n, alice, bob)) for n in range(40)))
    assert {answer.status for answer in answers} == {200}


def holders_pod(number: int, alice: Person, bob: Person) -> str:
    return (alice if number % 2 == 0 else bob).pod


@pytest.mark.requirement("RS-4", "WP-3")
async def test_own_webid_counts_even_when_its_document_is_private(http: Visitor, bob: Person) -> None:
    card, holder = f"{bob.pod}profile/card", await machine(http, bob)
    rules = f"""@prefix acl: <http://www.w3.org/ns/auth/acl#>.
    [] a acl:Authorization; acl:accessTo <{card}>; acl:agent <{bob.webid}>; acl:mode acl:Read, acl:Write."""
    before = await http.get(f"{card}.acl", by=bob)
    try:
        assert (await http.put(f"{card}.acl", rules, by=bob)).status in (201, 204)
        assert (await http.get(card)).status == 401
        assert (await ask(http, holder, card)).status == 200
    finally:
        restored = await http.put(f"{card}.acl", before.text, by=bob) if before.status == 200 else None
        if restored is None:
            restored = await http.delete(f"{card}.acl", by=bob)
    assert restored.status == 204


@pytest.mark.requirement("WA-9", "TR-9")
async def test_group_elsewhere_opens_the_door_to_its_members(
    http: Visitor, home: str, alice: Person, bob: Person, carol: Person, elsewhere: Elsewhere
) -> None:
    group = elsewhere.publish("/groups", f"<#g> <{VCARD}hasMember> <{bob.webid}>.") + "#g"
    url = await door(http, alice, f"{home}for-a-group", f"acl:agentGroup <{group}>")
    assert (await http.get(url, by=bob)).status == 200
    assert (await http.get(url, by=carol)).status == 403
    assert elsewhere.asked == ["/groups"]


@pytest.mark.requirement("WA-9")
@pytest.mark.parametrize("status", [404, 500])
async def test_group_that_cannot_be_read_opens_nothing(
    http: Visitor, home: str, alice: Person, bob: Person, elsewhere: Elsewhere, status: int
) -> None:
    group = elsewhere.publish("/groups", f"<#g> <{VCARD}hasMember> <{bob.webid}>.", status=status) + "#g"
    url = await door(http, alice, f"{home}for-a-group", f"acl:agentGroup <{group}>")
    assert (await http.get(url, by=bob)).status == 403


@pytest.mark.requirement("WA-9", "WA-18")
async def test_group_in_a_pod_of_ours_is_read_without_http_and_changes_bite_at_once(
    http: Visitor, home: str, alice: Person, bob: Person, carol: Person
) -> None:
    groups = f"{home}groups"
    everybody = "acl:agentClass <http://xmlns.com/foaf/0.1/Agent>"
    await door(http, alice, groups, f"acl:agent <{alice.webid}>; acl:mode acl:Write; {everybody}")
    assert (await http.put(groups, f"<#g> <{VCARD}hasMember> <{bob.webid}>.", by=alice)).status == 204
    url = await door(http, alice, f"{home}for-a-group", f"acl:agentGroup <{groups}#g>")
    assert (await http.get(url, by=bob)).status == 200
    assert (await http.get(url, by=carol)).status == 403
    assert (await http.put(groups, f"<#g> <{VCARD}hasMember> <{carol.webid}>.", by=alice)).status == 204
    assert (await http.get(url, by=bob)).status == 403
    assert (await http.get(url, by=carol)).status == 200


@pytest.mark.requirement("WA-9")
async def test_private_group_of_another_pod_tells_nothing(
    http: Visitor, home: str, alice: Person, bob: Person, carol: Person
) -> None:
    groups = f"{carol.pod}private-groups"
    assert (await http.put(groups, f"<#g> <{VCARD}hasMember> <{bob.webid}>.", by=carol)).status in (201, 204)
    url = await door(http, alice, f"{home}for-a-group", f"acl:agentGroup <{groups}#g>")
    assert (await http.get(url, by=bob)).status == 403
