"""What is told, on every kind of channel that is listened to: each change once, in order, to those who may read."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pyoxigraph
import pytest

from tests.conformance.notifications.channels import (
    ACTIVITIES,
    CONTEXT,
    EVENTS,
    NOTIFY,
    PROTOCOL_CONTEXT,
    SOON,
    STREAM,
    WEBSOCKET,
    Ear,
    fresh_container,
    grant,
    listening,
    own_only,
    subscribed,
)
from tests.people import CONTAINER_LINK, JSON_LD, TURTLE, Person, Visitor

PULL = (WEBSOCKET, STREAM, EVENTS)
AS = "https://www.w3.org/ns/activitystreams#"
URN = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def etag_of(text: str) -> str:
    return text.strip('"')


@pytest.fixture(params=PULL)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def ear(http: Visitor, home: str, alice: Person, kind: str) -> AsyncIterator[Ear]:
    """Alice listens to a document that does not exist yet."""
    async with listening(http, await subscribed(http, kind, f"{home}doc", by=alice)) as ear:
        yield ear


@pytest.mark.requirement("NP-13", "NC-1", "NC-3", "NC-4")
async def test_the_life_of_a_document_is_told_in_order(http: Visitor, home: str, alice: Person, ear: Ear) -> None:
    place = f"{home}doc"
    await http.put(place, "<#a> <#b> 1.", by=alice)
    await http.put(place, "<#a> <#b> 2.", by=alice)
    await http.insert(place, "<#a> <#b> 3", by=alice)
    state = etag_of((await http.head(place, by=alice)).headers["ETag"])
    await http.delete(place, by=alice)
    messages = [await ear.next() for _ in range(4)]
    assert [message["type"] for message in messages] == ["Create", "Update", "Update", "Delete"]
    assert {message["object"] for message in messages} == {place}
    assert messages[2]["state"] == state
    assert "state" not in messages[3]
    assert all("target" not in message for message in messages)
    assert await ear.hears_nothing()


@pytest.mark.requirement("NP-1", "NC-1")
async def test_a_message_has_the_protocols_form(http: Visitor, home: str, alice: Person, ear: Ear) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    await http.put(f"{home}doc", "<#a> <#b> 1.", by=alice)
    message = await ear.next()
    assert message["@context"] == [ACTIVITIES, CONTEXT]
    assert URN.fullmatch(message["id"])
    assert before <= datetime.fromisoformat(message["published"]) <= datetime.now(UTC) + timedelta(seconds=1)
    await http.put(f"{home}doc", "<#a> <#b> 2.", by=alice)
    assert (await ear.next())["id"] != message["id"]


@pytest.mark.requirement("NP-1")
async def test_a_container_hears_what_comes_and_goes_in_it(http: Visitor, home: str, alice: Person, kind: str) -> None:
    async with listening(http, await subscribed(http, kind, home, by=alice)) as ear:
        made = (await http.post(home, "text", by=alice, kind="text/plain")).location
        await http.put(f"{home}sub/", by=alice, Link=CONTAINER_LINK)
        await http.put(f"{home}sub/deeper", "text", by=alice, kind="text/plain")
        await http.delete(made, by=alice)
        messages = [await ear.next() for _ in range(3)]
        assert [(m["type"], m["object"], m["target"]) for m in messages] == [
            ("Add", made, home),
            ("Add", f"{home}sub/", home),
            ("Remove", made, home),
        ]
        assert await ear.hears_nothing()


@pytest.mark.requirement("NP-1")
async def test_a_description_that_changes_is_an_update_of_its_subject(
    http: Visitor, home: str, alice: Person, ear: Ear
) -> None:
    await http.put(f"{home}doc", "text", by=alice, kind="text/plain")
    await http.put(f"{home}doc.meta", "<doc> <urn:says> 1.", by=alice)
    await http.delete(f"{home}doc.meta", by=alice)
    assert await ear.kinds(3) == ["Create", "Update", "Update"]


@pytest.mark.requirement("NP-1")
async def test_what_fails_or_changes_nothing_is_not_told(http: Visitor, home: str, alice: Person, ear: Ear) -> None:
    place = f"{home}doc"
    await http.put(place, "<#a> <#b> 1.", by=alice)
    assert await ear.kinds(1) == ["Create"]
    assert (await http.put(place, "not turtle", by=alice)).status == 400
    assert (await http.put(place, "<#a> <#b> 2.", by=alice, If_None_Match="*")).status == 412
    assert (await http.get(place, by=alice)).status == 200
    assert (await http.put(f"{home}other", "<#a> <#b> 1.", by=alice)).status == 201
    assert (await http.put(f"{home}doc.acl", "", by=alice)).status in (201, 204)  # nobody else's business
    assert await ear.hears_nothing()


@pytest.mark.requirement("NP-11", "PAIN-18", "UX-15")
async def test_a_revoked_reader_is_let_go_at_once_and_hears_nothing_more(
    http: Visitor, home: str, alice: Person, bob: Person, kind: str
) -> None:
    await grant(http, home, alice, bob)
    channel = await subscribed(http, kind, f"{home}doc", by=bob)
    async with listening(http, channel) as ear:
        await http.put(f"{home}doc", "<#a> <#b> 1.", by=alice)
        assert await ear.kinds(1) == ["Create"]
        await own_only(http, home, alice)
        async with asyncio.timeout(1.0):
            assert await ear.end() in (None, 1008)
        await http.put(f"{home}doc", "<#a> <#b> 2.", by=alice)
        assert await ear.hears_nothing()
    assert (await http.get(channel["id"], by=bob)).status == 404
    if kind != WEBSOCKET:
        assert (await http.get(channel["receiveFrom"])).status == 404


@pytest.mark.requirement("NP-11")
async def test_access_that_goes_with_the_topics_own_acl_ends_the_channel_at_the_next_message(
    http: Visitor, home: str, alice: Person, bob: Person, kind: str
) -> None:
    group = f"{home}group"
    await http.put(group, f"<#us> <http://www.w3.org/2006/vcard/ns#hasMember> <{bob.webid}>.", by=alice)
    inner = f"{home}in/"
    await http.put(inner, by=alice, Link=CONTAINER_LINK)
    text = f"""@prefix acl: <http://www.w3.org/ns/auth/acl#>.
        [] a acl:Authorization; acl:agent <{alice.webid}>; acl:accessTo <{inner}>; acl:default <{inner}>;
            acl:mode acl:Read, acl:Write, acl:Control.
        [] a acl:Authorization; acl:agentGroup <{group}#us>; acl:default <{inner}>; acl:mode acl:Read."""
    await http.share(inner, text, by=alice)
    async with listening(http, await subscribed(http, kind, f"{inner}doc", by=bob)) as ear:
        await http.put(f"{inner}doc", "<#a> <#b> 1.", by=alice)
        assert await ear.kinds(1) == ["Create"]
        await http.put(group, "<#us> <#is> <#empty>.", by=alice)
        await http.put(f"{inner}doc", "<#a> <#b> 2.", by=alice)
        assert await ear.end() in (None, 1008)
        assert ear.came.empty()


@pytest.mark.requirement("NP-12")
async def test_unsubscribing_lets_the_listener_go(http: Visitor, home: str, alice: Person, kind: str) -> None:
    channel = await subscribed(http, kind, home, by=alice)
    async with listening(http, channel) as ear:
        await http.delete(channel["id"], by=alice)
        assert await ear.end() in (None, 1000)


@pytest.mark.requirement("NP-12")
async def test_a_channel_ends_at_its_time(http: Visitor, home: str, alice: Person, kind: str) -> None:
    ends = datetime.now(UTC) + timedelta(seconds=1.5)
    channel = await subscribed(http, kind, home, by=alice, endAt=ends.isoformat())
    async with listening(http, channel) as ear:
        assert await ear.end() in (None, 1000)
    assert datetime.now(UTC) >= ends
    with pytest.raises((aiohttp.WSServerHandshakeError, AssertionError)):
        async with listening(http, channel):
            pass


@pytest.mark.requirement("NC-1", "NC-3", "NC-4")
async def test_an_address_that_was_not_given_out_leads_nowhere(
    http: Visitor, home: str, alice: Person, kind: str
) -> None:
    channel = await subscribed(http, kind, home, by=alice)
    place = channel["receiveFrom"].replace("ws:", "http:")
    assert (await http.get(place[:-1] + ("0" if place[-1] != "0" else "1"))).status == 404
    assert (await http.get(place + "0")).status == 404
    assert (await http.get(f"{channel['id']}/{'%C3%A9' * 64}")).status == 404
    other = await subscribed(http, kind, home, by=alice)
    swapped = f"{channel['id']}/{other['receiveFrom'].rpartition('/')[2]}"
    assert (await http.get(swapped)).status == 404
    head = await http.head(place)
    assert (head.status, head.body) == (200, b"")


@pytest.mark.requirement("NC-1")
async def test_what_happens_between_subscribing_and_listening_is_told(
    http: Visitor, home: str, alice: Person, kind: str
) -> None:
    await http.put(f"{home}doc", "<#a> <#b> 0.", by=alice)
    channel = await subscribed(http, kind, f"{home}doc", by=alice)
    await http.put(f"{home}doc", "<#a> <#b> 1.", by=alice)
    async with listening(http, channel) as ear:
        assert await ear.kinds(1) == ["Update"]
        assert await ear.hears_nothing()


@pytest.mark.requirement("NP-1")
async def test_who_comes_back_hears_what_was_missed_and_nothing_twice(
    http: Visitor, home: str, alice: Person, kind: str
) -> None:
    channel = await subscribed(http, kind, f"{home}doc", by=alice)
    async with listening(http, channel) as ear:
        await http.put(f"{home}doc", "<#a> <#b> 1.", by=alice)
        first = await ear.next()
    await http.put(f"{home}doc", "<#a> <#b> 2.", by=alice)
    await asyncio.sleep(0.2)  # the server has seen that nobody is there any more
    async with listening(http, channel) as ear:
        await http.delete(f"{home}doc", by=alice)
        later = [await ear.next(), await ear.next()]
        assert [message["type"] for message in later] == ["Update", "Delete"]
        assert first["id"] not in {message["id"] for message in later}
        assert await ear.hears_nothing()


@pytest.mark.requirement("NC-4")
async def test_an_event_source_goes_on_where_it_says_it_was(http: Visitor, home: str, alice: Person) -> None:
    channel = await subscribed(http, EVENTS, f"{home}doc", by=alice)
    async with listening(http, channel) as ear:
        for turn in range(3):
            await http.put(f"{home}doc", f"<#a> <#b> {turn}.", by=alice)
        first, *rest = [await ear.next() for _ in range(3)]
    async with listening(http, channel, Last_Event_ID=first["eventId"]) as ear:
        assert [(await ear.next())["id"] for _ in rest] == [message["id"] for message in rest]
        assert await ear.hears_nothing()


@pytest.mark.requirement("NC-4")
async def test_an_event_source_has_its_media_type_and_is_not_stored(http: Visitor, home: str, alice: Person) -> None:
    channel = await subscribed(http, EVENTS, home, by=alice)
    async with http.session.get(channel["receiveFrom"], headers={"Origin": "https://app.example"}) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Access-Control-Allow-Origin"] == "https://app.example"


@pytest.mark.requirement("NC-1")
@pytest.mark.parametrize("space", [NOTIFY, "http://www.w3.org/ns/solid/notification#"])
async def test_the_type_is_a_sub_protocol(http: Visitor, home: str, alice: Person, space: str) -> None:
    channel = await subscribed(http, WEBSOCKET, home, by=alice)
    protocol = f"{space}{WEBSOCKET}"
    async with http.session.ws_connect(channel["receiveFrom"], protocols=[protocol]) as socket:
        assert socket.protocol == protocol


@pytest.mark.requirement("NC-1")
async def test_a_websocket_address_without_an_upgrade_is_400(http: Visitor, home: str, alice: Person) -> None:
    channel = await subscribed(http, WEBSOCKET, home, by=alice)
    assert (await http.get(channel["receiveFrom"].replace("ws:", "http:"))).status == 400


@pytest.mark.requirement("NP-10")
async def test_several_who_listen_each_hear_everything_once(http: Visitor, home: str, alice: Person) -> None:
    channels = [await subscribed(http, kind, f"{home}doc", by=alice) for kind in PULL for _ in range(3)]
    async with asyncio.timeout(30):
        ears = [listening(http, channel) for channel in channels]
        opened = [await ear.__aenter__() for ear in ears]
        for turn in range(5):
            await http.put(f"{home}doc", f"<#a> <#b> {turn}.", by=alice)
        heard = [[(await ear.next())["id"] for _ in range(5)] for ear in opened]
        assert len({tuple(ids) for ids in heard}) == 1
        assert all([await ear.hears_nothing(0.05) for ear in opened])
        for ear in ears:
            await ear.__aexit__(None, None, None)


# ---- features


@pytest.mark.requirement("NP-10")
async def test_state_that_differs_is_told_first_and_state_that_holds_is_not(
    http: Visitor, home: str, alice: Person, kind: str
) -> None:
    place = f"{home}doc"
    old = (await http.put(place, "<#a> <#b> 1.", by=alice)).headers["ETag"]
    now = (await http.put(place, "<#a> <#b> 2.", by=alice)).headers["ETag"]
    async with listening(http, await subscribed(http, kind, place, by=alice, state=etag_of(old))) as ear:
        message = await ear.next()
        assert (message["type"], message["object"], message["state"]) == ("Update", place, etag_of(now))
        await http.delete(place, by=alice)
        assert await ear.kinds(1) == ["Delete"]
    await http.put(place, "<#a> <#b> 3.", by=alice)
    for state in (now, etag_of(now)):
        async with listening(http, await subscribed(http, kind, place, by=alice, state=state)) as ear:
            assert await ear.kinds(1) == ["Update"]  # it was deleted and made anew since


@pytest.mark.requirement("NP-10")
async def test_the_state_of_any_representation_counts_as_seen(
    http: Visitor, home: str, alice: Person, kind: str
) -> None:
    place = f"{home}doc"
    await http.put(place, "<#a> <#b> 1.", by=alice)
    for media_type in (TURTLE, JSON_LD):
        state = (await http.get(place, by=alice, accept=media_type)).headers["ETag"]
        async with listening(http, await subscribed(http, kind, place, by=alice, state=state)) as ear:
            assert await ear.hears_nothing()


@pytest.mark.requirement("NP-10")
async def test_a_state_of_something_deleted_is_told_once_as_deletion(http: Visitor, home: str, alice: Person) -> None:
    channel = await subscribed(http, STREAM, f"{home}gone", by=alice, state="5-ttl")
    async with listening(http, channel) as ear:
        assert await ear.kinds(1) == ["Delete"]
    await asyncio.sleep(0.2)
    async with listening(http, channel) as ear:
        assert await ear.hears_nothing()


@pytest.mark.requirement("NP-10", "TR-26")
async def test_a_rate_leaves_time_between_messages_and_ends_with_the_newest(
    http: Visitor, home: str, alice: Person, kind: str
) -> None:
    place = f"{home}doc"
    async with listening(http, await subscribed(http, kind, place, by=alice, rate="PT1S")) as ear:
        loop = asyncio.get_running_loop()
        await http.put(place, "<#a> <#b> 0.", by=alice)
        await ear.next()
        first_at = loop.time()
        for turn in range(1, 6):
            last = (await http.put(place, f"<#a> <#b> {turn}.", by=alice)).headers["ETag"]
        second = await ear.next()
        assert loop.time() - first_at >= 0.8
        assert second["state"] == etag_of(last)
        assert await ear.hears_nothing(1.3)


@pytest.mark.requirement("NP-10")
async def test_nothing_is_told_before_start_at(http: Visitor, home: str, alice: Person, kind: str) -> None:
    starts = datetime.now(UTC) + timedelta(seconds=1)
    channel = await subscribed(http, kind, f"{home}doc", by=alice, startAt=starts.isoformat())
    begins = datetime.fromisoformat(channel["startAt"])
    async with listening(http, channel) as ear:
        await http.put(f"{home}doc", "<#a> <#b> 1.", by=alice)
        assert await ear.hears_nothing()
        await asyncio.sleep((begins - datetime.now(UTC)).total_seconds() + 0.1)
        await http.put(f"{home}doc", "<#a> <#b> 2.", by=alice)
        assert await ear.kinds(1) == ["Update"]
        assert await ear.hears_nothing()


@pytest.mark.requirement("NP-10")
@pytest.mark.parametrize("media_type", [TURTLE, "application/n-triples"])
async def test_messages_come_in_the_format_that_is_accepted(
    http: Visitor, home: str, alice: Person, media_type: str
) -> None:
    channel = await subscribed(http, WEBSOCKET, home, by=alice, accept=f"{media_type}, {JSON_LD};q=0.5")
    async with listening(http, channel) as ear:
        await http.put(f"{home}doc", "<#a> <#b> 1.", by=alice)
        text = await ear.next()
    syntax = pyoxigraph.RdfFormat.from_media_type(media_type)
    assert syntax is not None
    facts = {(quad.predicate.value, str(quad.object)) for quad in pyoxigraph.parse(text, format=syntax)}
    assert ("http://www.w3.org/1999/02/22-rdf-syntax-ns#type", f"<{AS}Add>") in facts
    assert (f"{AS}object", f"<{home}doc>") in facts
    assert (f"{AS}target", f"<{home}>") in facts


@pytest.mark.requirement("D11")
async def test_messages_name_the_context_of_the_subscription(http: Visitor, home: str, alice: Person) -> None:
    answer = await subscribed(http, WEBSOCKET, home, by=alice, **{"@context": [PROTOCOL_CONTEXT]})
    async with listening(http, answer) as ear:
        await http.put(f"{home}doc", "<#a> <#b> 1.", by=alice)
        assert (await ear.next())["@context"] == [ACTIVITIES, PROTOCOL_CONTEXT]


# ---- bounds


@pytest.mark.requirement("ATK-32")
async def test_a_receiver_that_talks_is_let_go(http: Visitor, home: str, alice: Person) -> None:
    channel = await subscribed(http, WEBSOCKET, home, by=alice)
    socket = await http.session.ws_connect(channel["receiveFrom"])
    async with asyncio.timeout(SOON):
        with suppress(ConnectionError, aiohttp.ClientError):
            for _ in range(1000):
                await socket.send_str("hello")
        assert (await socket.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
    await socket.close()


@pytest.mark.requirement("NP-1")
async def test_much_at_once_comes_whole_and_in_order(http: Visitor, alice: Person, kind: str) -> None:
    container = await fresh_container(http, alice)
    async with listening(http, await subscribed(http, kind, container, by=alice)) as ear:
        made: list[Any] = await asyncio.gather(
            *(http.put(f"{container}d{number}", "text", by=alice, kind="text/plain") for number in range(400))
        )
        assert {answer.status for answer in made} == {201}
        heard = [(await ear.next()) for _ in range(400)]
    assert {message["object"] for message in heard} == {f"{container}d{number}" for number in range(400)}
    assert {message["type"] for message in heard} == {"Add"}
    assert len({message["id"] for message in heard}) == 400
