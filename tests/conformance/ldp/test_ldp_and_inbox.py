"""What Solid keeps of the Linked Data Platform, and the receiver of Linked Data Notifications."""

from __future__ import annotations

import pytest

from tests.people import JSON_LD, LDP, TURTLE, Person, Visitor

NOTE = '{"@context":"https://www.w3.org/ns/activitystreams","type":"Announce","actor":"https://a.example/"}'
PLAIN = '{"@id":"","http://example.org/says":"hello"}'


@pytest.mark.requirement("LDP-1", "PR-31")
async def test_link_types_say_what_a_resource_is(http: Visitor, home: str, alice: Person) -> None:
    await http.put(f"{home}doc", "<#a> <#b> <#c>.", by=alice)
    for send in (http.get, http.head):
        assert f"{LDP}Resource" in (await send(f"{home}doc", by=alice)).links["type"]
        assert {f"{LDP}Resource", f"{LDP}BasicContainer"} <= set((await send(home, by=alice)).links["type"])


@pytest.mark.requirement("LDP-1")
async def test_options_is_supported(http: Visitor, home: str, alice: Person) -> None:
    answer = await http.send("OPTIONS", home, by=alice)
    assert answer.status == 204
    assert "OPTIONS" in answer.listed("Allow")


@pytest.mark.requirement("LDP-2")
@pytest.mark.parametrize(("kind", "body"), [(TURTLE, "<> <http://example.org/says> <other>."), (JSON_LD, PLAIN)])
async def test_relative_iris_mean_the_new_resource(
    http: Visitor, home: str, alice: Person, kind: str, body: str
) -> None:
    made = (await http.post(home, body, by=alice, kind=kind)).location
    text = (await http.get(made, by=alice, accept="application/n-triples")).text
    assert text.startswith(f"<{made}> <http://example.org/says> ")
    if kind == TURTLE:
        assert f"<{home}other>" in text


@pytest.mark.requirement("LD-1", "LD-5", "WP-6")
async def test_the_profile_leads_to_one_inbox_that_is_a_container(http: Visitor, alice: Person) -> None:
    text = (await http.get(alice.webid.partition("#")[0], accept="application/n-triples")).text
    assert text.count(f"<{LDP}inbox>") == 1
    assert f"<{alice.webid}> <{LDP}inbox> <{alice.pod}inbox/>" in text
    answer = await http.get(f"{alice.pod}inbox/", by=alice)
    assert answer.status == 200
    assert {"GET", "POST"} <= answer.listed("Allow")


@pytest.mark.requirement("LD-2", "LD-6")
@pytest.mark.parametrize("kind", [JSON_LD, f'{JSON_LD}; profile="https://www.w3.org/ns/activitystreams"'])
async def test_anybody_known_leaves_a_note_and_cannot_read_it(
    http: Visitor, alice: Person, bob: Person, kind: str
) -> None:
    inbox = f"{alice.pod}inbox/"
    answer = await http.post(inbox, PLAIN, by=bob, kind=kind)
    assert answer.status == 201
    assert answer.location.startswith(inbox)
    assert (await http.get(answer.location, by=bob)).status == 403
    assert (await http.get(inbox, by=bob)).status == 403
    assert (await http.post(inbox, PLAIN, kind=kind)).status == 401


@pytest.mark.requirement("LD-3")
async def test_an_inbox_says_what_it_takes(http: Visitor, alice: Person) -> None:
    answer = await http.options(f"{alice.pod}inbox/")
    assert answer.headers["Accept-Post"] in ("*/*", JSON_LD)
    assert (await http.post(f"{alice.pod}inbox/", "{", by=alice, kind=JSON_LD)).status == 400


@pytest.mark.requirement("LD-4")
async def test_the_inbox_lists_its_notes_in_json_ld(http: Visitor, alice: Person, bob: Person) -> None:
    inbox = f"{alice.pod}inbox/"
    note = (await http.post(inbox, PLAIN, by=bob, kind=JSON_LD)).location
    listing = await http.get(inbox, by=alice, accept=JSON_LD)
    assert (listing.status, listing.headers["Content-Type"]) == (200, JSON_LD)
    assert note in listing.text
    got = await http.get(note, by=alice, accept=JSON_LD)
    assert (got.headers["Content-Type"], got.text) == (JSON_LD, PLAIN)
