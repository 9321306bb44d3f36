"""Solid Protocol, storage: it says that it is one, who described it, and never stands inside another."""

from __future__ import annotations

import pytest

from tests.people import JSON_LD, TURTLE, Person, Visitor

STORAGE = "http://www.w3.org/ns/pim/space#Storage"
DESCRIPTION = "http://www.w3.org/ns/solid/terms#storageDescription"


@pytest.mark.requirement("PR-20", "PR-21")
async def test_the_storage_says_that_it_is_one(http: Visitor, alice: Person) -> None:
    for answer in (await http.get(alice.pod, by=alice), await http.head(alice.pod, by=alice)):
        assert answer.status == 200
        assert STORAGE in answer.links["type"]


@pytest.mark.requirement("PR-20", "PR-21")
async def test_a_container_inside_a_storage_is_not_one(http: Visitor, home: str, alice: Person) -> None:
    answer = await http.get(home, by=alice)
    assert STORAGE not in answer.links["type"]
    assert "pim:Storage" not in answer.text
    assert STORAGE not in answer.text


@pytest.mark.requirement("PR-22", "TR-25")
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("place", ["", "doc", ".acl", ".meta"])
async def test_every_resource_leads_to_the_description_of_its_storage(
    http: Visitor, home: str, alice: Person, method: str, place: str
) -> None:
    await http.put(f"{home}doc", "<#a> <#b> <#c>.", by=alice)
    await http.put(f"{home}.meta", "<> <#b> <#c>.", by=alice)
    url = f"{alice.pod}.acl" if place == ".acl" else home + place
    answer = await http.send(method, url, by=alice)
    assert answer.status in (200, 204)
    assert answer.links[DESCRIPTION] == [f"{alice.pod}.well-known/solid"]


@pytest.mark.requirement("PR-22", "CO-5")
async def test_a_preflight_leads_to_the_description_too(http: Visitor, home: str) -> None:
    answer = await http.options(home, Origin="https://app.example", Access_Control_Request_Method="GET")
    assert DESCRIPTION in answer.links


@pytest.mark.requirement("PR-23", "NP-4")
@pytest.mark.parametrize("kind", [TURTLE, JSON_LD])
async def test_the_description_is_public_and_names_the_storage(http: Visitor, alice: Person, kind: str) -> None:
    (place,) = (await http.head(alice.pod, by=alice)).links[DESCRIPTION]
    answer = await http.get(place, accept=kind)
    assert (answer.status, answer.headers["Content-Type"]) == (200, kind)
    assert alice.pod in answer.text
    assert "Storage" in answer.text


@pytest.mark.requirement("PR-23", "PR-51")
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST"])
async def test_nobody_writes_the_description(http: Visitor, alice: Person, method: str) -> None:
    place = f"{alice.pod}.well-known/solid"
    answer = await http.send(method, place, by=alice, body="<#a> <#b> <#c>.", kind=TURTLE)
    assert answer.status == 405
    assert answer.listed("Allow") == {"GET", "HEAD", "OPTIONS"}
    assert "Storage" in (await http.get(place)).text


@pytest.mark.requirement("PR-23")
async def test_there_is_no_description_where_there_is_no_storage(http: Visitor) -> None:
    assert (await http.get(f"{http.base_url}nobody-at-all/.well-known/solid")).status == 404


@pytest.mark.requirement("PR-24", "WP-8")
async def test_the_profile_names_the_one_storage_and_the_issuer(http: Visitor, alice: Person) -> None:
    text = (await http.get(alice.webid.partition("#")[0], accept="application/n-triples")).text
    assert text.count("<http://www.w3.org/ns/pim/space#storage>") == 1
    assert f"<{alice.webid}> <http://www.w3.org/ns/pim/space#storage> <{alice.pod}>" in text
    assert f"<http://www.w3.org/ns/solid/terms#oidcIssuer> <{http.base_url}>" in text


@pytest.mark.requirement("CH-8")
@pytest.mark.parametrize("place", ["", "settings/", "inbox/", "profile/", ".acl", "profile/card.acl"])
async def test_a_new_pod_is_private(http: Visitor, alice: Person, bob: Person, place: str) -> None:
    assert (await http.get(alice.pod + place)).status == 401
    assert (await http.get(alice.pod + place, by=bob)).status == 403


@pytest.mark.requirement("CH-2", "CH-8", "WP-5")
async def test_the_webid_document_answers_everybody(http: Visitor, alice: Person, bob: Person) -> None:
    document = alice.webid.partition("#")[0]
    for answer in (await http.get(document, accept=TURTLE), await http.get(document, by=bob, accept=TURTLE)):
        assert (answer.status, answer.headers["Content-Type"]) == (200, TURTLE)


@pytest.mark.requirement("PR-8", "PR-23", "WA-14")
async def test_the_description_has_the_heads_of_any_resource(http: Visitor, alice: Person) -> None:
    got, head = [await send(f"{alice.pod}.well-known/solid") for send in (http.get, http.head)]
    for answer in (got, head):
        assert answer.headers["Last-Modified"].endswith(" GMT")
        assert answer.modes == {"user": {"read"}, "public": {"read"}}
    assert head.body == b""
    assert (await http.get(f"{alice.pod}.well-known/solid", accept="image/png")).status == 406


async def test_a_client_without_a_link_finds_the_servers_own_description(http: Visitor) -> None:
    answer = await http.get(f"{http.base_url}.well-known/solid", accept=JSON_LD)
    assert (answer.status, answer.headers["Content-Type"]) == (200, JSON_LD)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_a_person_who_opens_the_address_is_led_in(http: Visitor) -> None:
    answer = await http.get(http.base_url, accept="text/html")
    assert (answer.status, answer.headers["Location"]) == (303, "/my/")
