"""The inbox as a place to be told: how it is found, who may leave what, and that its owner can listen to it."""

from __future__ import annotations

import pytest

from tests.conformance.notifications.channels import WEBSOCKET, listening, subscribed
from tests.people import JSON_LD, LDP, Person, Visitor

NOTE = '{"@context":"https://www.w3.org/ns/activitystreams","type":"Announce","summary":"hello"}'


@pytest.mark.requirement("LD-5")
@pytest.mark.parametrize("path", ["", "profile/card"])
async def test_the_storage_and_the_profile_lead_to_the_inbox(http: Visitor, alice: Person, path: str) -> None:
    for send in (http.get, http.head):
        answer = await send(f"{alice.pod}{path}", by=alice)
        assert answer.links[f"{LDP}inbox"] == [f"{alice.pod}inbox/"]


@pytest.mark.requirement("LD-5")
async def test_nothing_else_claims_an_inbox(http: Visitor, home: str, alice: Person) -> None:
    for place in (home, f"{alice.pod}profile/", f"{alice.pod}inbox/", f"{alice.pod}.well-known/solid"):
        assert f"{LDP}inbox" not in (await http.get(place, by=alice)).links


@pytest.mark.requirement("LD-6")
async def test_others_may_add_and_nothing_else(http: Visitor, alice: Person, bob: Person) -> None:
    inbox = f"{alice.pod}inbox/"
    note = (await http.post(inbox, NOTE, by=bob, kind=JSON_LD)).location
    assert (await http.put(note, NOTE, by=bob, kind=JSON_LD)).status == 403
    assert (await http.put(f"{inbox}chosen", NOTE, by=bob, kind=JSON_LD)).status == 403
    assert (await http.delete(note, by=bob)).status == 403
    assert (await http.put(f"{inbox}.acl", "", by=bob)).status == 403
    assert (await http.get(note, by=alice)).text == NOTE
    assert (await http.delete(note, by=alice)).status == 204


@pytest.mark.requirement("NP-1", "LD-4")
async def test_the_owner_is_told_of_a_note_and_its_sender_may_not_listen(
    http: Visitor, alice: Person, bob: Person
) -> None:
    inbox = f"{alice.pod}inbox/"
    async with listening(http, await subscribed(http, WEBSOCKET, inbox, by=alice)) as ear:
        note = (await http.post(inbox, NOTE, by=bob, kind=JSON_LD)).location
        message = await ear.next()
        assert (message["type"], message["object"], message["target"]) == ("Add", note, inbox)
