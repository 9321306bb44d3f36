"""What a new pod says of its owner: the WebID profile, the type indexes and the preferences."""

from __future__ import annotations

import json

import pytest

from tests.people import JSON_LD, TERMS, TURTLE, Person, Visitor, n3_patch

NTRIPLES = "application/n-triples"
PIM = "http://www.w3.org/ns/pim/space#"
FOAF = "http://xmlns.com/foaf/0.1/"
TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"


async def lines_of(http: Visitor, url: str, by: Person | None = None) -> list[str]:
    answer = await http.get(url, by=by, accept=NTRIPLES)
    assert answer.status == 200, url
    return [line.removesuffix(" .") for line in answer.text.splitlines()]


def objects(lines: list[str], subject: str, predicate: str) -> list[str]:
    start = f"<{subject}> <{predicate}> "
    return [line.removeprefix(start).strip("<>") for line in lines if line.startswith(start)]


@pytest.mark.requirement("WP-1", "WP-5", "PR-54")
async def test_everybody_gets_the_profile_as_turtle_and_as_json_ld(http: Visitor, carol: Person) -> None:
    document = carol.webid.partition("#")[0]
    turtle = await http.get(document, accept=TURTLE)
    assert (turtle.status, turtle.headers["Content-Type"]) == (200, TURTLE)
    linked = await http.get(document, accept=JSON_LD)
    assert (linked.status, linked.headers["Content-Type"]) == (200, JSON_LD)
    assert carol.webid in json.dumps(linked.json)


@pytest.mark.requirement("WP-2", "WP-6", "WP-8", "D10")
async def test_the_profile_describes_one_agent_as_clients_look_for_it(http: Visitor, carol: Person) -> None:
    document = carol.webid.partition("#")[0]
    lines = await lines_of(http, document)
    for kind in (f"{FOAF}Agent", f"{FOAF}Person", "http://schema.org/Person"):
        assert f"<{carol.webid}> {TYPE} <{kind}>" in lines
    assert f"<{document}> {TYPE} <{FOAF}PersonalProfileDocument>" in lines
    assert objects(lines, document, f"{FOAF}primaryTopic") == [carol.webid]
    assert objects(lines, carol.webid, f"{TERMS}oidcIssuer") == [http.base_url]
    assert objects(lines, carol.webid, f"{PIM}preferencesFile") == [f"{carol.pod}settings/prefs.ttl"]
    assert objects(lines, carol.webid, f"{TERMS}account") == [carol.pod]
    assert len(objects(lines, carol.webid, "http://www.w3.org/ns/ldp#inbox")) == 1


@pytest.mark.requirement("WP-4", "TR-8")
@pytest.mark.parametrize("place", ["profile/card", "profile/other"])
async def test_a_profile_that_cannot_be_understood_is_refused_and_changes_nothing(
    http: Visitor, carol: Person, place: str
) -> None:
    url = carol.pod + place
    before = await http.get(url, by=carol)
    body = '{"@context":"https://unknown.example/context.jsonld","@id":"#me","name":"Carol"}'
    assert (await http.put(url, body, by=carol, kind=JSON_LD)).status == 422
    if place == "profile/card":
        assert (await http.patch(url, n3_patch(inserts="?x <#b> <#c>"), by=carol)).status == 422
    after = await http.get(url, by=carol)
    assert (after.status, after.headers.get("ETag")) == (before.status, before.headers.get("ETag"))


@pytest.mark.requirement("TI-2", "CH-8")
async def test_the_public_index_is_found_by_everybody_and_the_private_one_by_the_owner(
    http: Visitor, carol: Person, bob: Person
) -> None:
    profile = await lines_of(http, carol.webid.partition("#")[0])
    (public,) = objects(profile, carol.webid, f"{TERMS}publicTypeIndex")
    assert not any("privateTypeIndex" in line for line in profile)
    for who in (None, bob, carol):
        assert f"<{public}> {TYPE} <{TERMS}ListedDocument>" in await lines_of(http, public, by=who)
    (preferences,) = objects(profile, carol.webid, f"{PIM}preferencesFile")
    (private,) = objects(await lines_of(http, preferences, by=carol), carol.webid, f"{TERMS}privateTypeIndex")
    assert f"<{private}> {TYPE} <{TERMS}UnlistedDocument>" in await lines_of(http, private, by=carol)
    for url in (preferences, private):
        assert (await http.get(url)).status == 401
        assert (await http.get(url, by=bob)).status == 403


@pytest.mark.requirement("TI-1")
@pytest.mark.parametrize("points_to", ["instance", "instanceContainer"])
async def test_an_app_registers_where_it_keeps_its_things(http: Visitor, carol: Person, points_to: str) -> None:
    index = f"{carol.pod}settings/privateTypeIndex.ttl"
    entry = f"{index}#{points_to}"
    triples = (
        f"<{entry}> a solid:TypeRegistration; solid:forClass <http://schema.org/{points_to}>;"
        f" solid:{points_to} <{carol.pod}things/>"
    )
    assert (await http.insert(index, triples, by=carol)).status == 204
    lines = await lines_of(http, index, by=carol)
    assert objects(lines, entry, f"{TERMS}{points_to}") == [f"{carol.pod}things/"]
    assert f"<{index}> {TYPE} <{TERMS}TypeIndex>" in lines
    assert (await http.patch(index, n3_patch(deletes=triples), by=carol)).status == 204
