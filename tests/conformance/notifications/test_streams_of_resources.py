"""The channel that each resource leads to by a link of its own: no subscription, the same token, one connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.conformance.notifications.channels import CONTEXT, Ear, grant, hear_stream, own_only
from tests.people import JSON_LD, TURTLE, Person, Visitor

UPDATES = "http://www.w3.org/ns/solid/terms#updatesViaStreamingHttp2023"


async def stream_of(http: Visitor, url: str, by: Person) -> str:
    """Found as clients find it: by the Link of the resource."""
    found = (await http.head(url, by=by)).links[UPDATES]
    assert len(found) == 1
    return found[0]


@asynccontextmanager
async def listening_to(http: Visitor, place: str, by: Person | None, accept: str | None = None) -> AsyncIterator[Ear]:
    headers = {} if accept is None else {"Accept": accept}
    if by is not None:
        headers["Authorization"] = f"DPoP {await http.token_of(by)}"
        headers["DPoP"] = by.proof("GET", place)
    async with http.session.get(place, headers=headers) as response:
        assert response.status == 200, await response.text()
        assert response.headers["Content-Type"] == (accept or JSON_LD)
        assert response.headers["Cache-Control"] == "no-store"
        assert (await response.content.readline()).strip() == b""  # it is connected
        ear = Ear()
        listen = asyncio.create_task(hear_stream(response, ear))
        try:
            yield ear
        finally:
            listen.cancel()
            await asyncio.gather(listen, return_exceptions=True)


@pytest.mark.requirement("NC-3", "NP-1")
async def test_each_resource_leads_to_its_own_channel(http: Visitor, home: str, alice: Person) -> None:
    doc = f"{home}d%20o-c"
    await http.put(doc, "<#a> <#b> 1.", by=alice)
    places = {await stream_of(http, url, alice) for url in (alice.pod, home, doc)}
    assert len(places) == 3
    for url in (doc, home):
        for answer in (await http.get(url, by=alice), await http.options(url)):
            assert answer.links[UPDATES] == [await stream_of(http, url, alice)]
    for url in (f"{doc}.acl", f"{doc}.meta", f"{alice.pod}.well-known/solid"):
        assert UPDATES not in (await http.head(url, by=alice)).links


@pytest.mark.requirement("NC-3", "NP-13", "WM-15")
async def test_it_tells_of_a_resource_and_of_what_comes_and_goes_in_a_container(
    http: Visitor, home: str, alice: Person
) -> None:
    doc = f"{home}d%20oc"
    place, folder = await stream_of(http, home, alice), f"{http.base_url}.notifications/of/"
    assert place == folder + home.removeprefix(http.base_url)
    there = folder + doc.removeprefix(http.base_url)  # the topic may not exist yet
    async with listening_to(http, place, alice) as above, listening_to(http, there, alice) as ear:
        tag = (await http.put(doc, "<#a> <#b> 1.", by=alice)).headers["ETag"]
        await http.put(doc, "<#a> <#b> 2.", by=alice)
        await http.put(f"{home}other", "", by=alice)
        await http.delete(doc, by=alice)
        first = await ear.next()
        assert first["@context"][1] == CONTEXT
        assert (first["type"], first["object"], first["state"]) == ("Create", doc, tag.strip('"'))
        assert await ear.kinds(2) == ["Update", "Delete"]
        assert await above.kinds(3) == ["Add", "Add", "Remove"]
        assert await ear.hears_nothing()
        assert await above.hears_nothing(0.1)


@pytest.mark.requirement("NC-3", "NP-10")
async def test_messages_come_in_the_type_that_accept_asks_for(http: Visitor, home: str, alice: Person) -> None:
    place = await stream_of(http, home, alice)
    async with listening_to(http, place, alice, accept=TURTLE) as ear:
        await http.put(f"{home}doc", "", by=alice)
        text = "".join([await ear.next() for _ in range(ear.came.qsize() or 1)])
        assert "as:" in text
    head = await http.head(place, by=alice, accept="application/n-triples")
    assert (head.status, head.headers["Content-Type"]) == (200, "application/n-triples")
    assert (await http.get(place, by=alice, accept="image/png")).status == 406


@pytest.mark.requirement("NP-11", "WM-15", "TR-3")
async def test_only_who_may_read_may_listen(
    http: Visitor, home: str, alice: Person, bob: Person, carol: Person
) -> None:
    await grant(http, home, alice, bob)
    await grant_append(http, home, alice, bob, carol)
    place = await stream_of(http, home, alice)
    answers = [await http.head(place, by=who) for who in (alice, bob, carol, None)]
    assert [answer.status for answer in answers] == [200, 200, 403, 401]
    assert (await http.head(f"{http.base_url}.notifications/of/nobody-at-all/", by=bob)).status == 403
    for nothing in ("alice/doc.acl", "alice/doc.meta", "alice/.well-known/solid", "alice", "alice/a//b", ""):
        assert (await http.get(f"{http.base_url}.notifications/of/{nothing}", by=alice)).status in (400, 404)


async def grant_append(http: Visitor, home: str, alice: Person, bob: Person, carol: Person) -> None:
    """Bob may read, Carol may only add."""
    text = (await http.get(f"{home}.acl", by=alice)).text
    more = f"[] a acl:Authorization; acl:agent <{carol.webid}>; acl:accessTo <{home}>; acl:mode acl:Append."
    assert (await http.put(f"{home}.acl", f"{text}\n{more}", by=alice)).status == 204
    assert (await http.get(home, by=bob)).status == 200


@pytest.mark.requirement("NP-11", "PAIN-18")
async def test_a_revoked_reader_is_let_go_and_hears_nothing_more(
    http: Visitor, home: str, alice: Person, bob: Person
) -> None:
    await grant(http, home, alice, bob)
    async with listening_to(http, await stream_of(http, home, alice), bob) as ear:
        await http.put(f"{home}one", "", by=alice)
        assert await ear.kinds(1) == ["Add"]
        await own_only(http, home, alice)
        await http.put(f"{home}two", "", by=alice)
        await ear.end()
        assert ear.came.empty()


@pytest.mark.requirement("NC-3", "NP-11")
async def test_a_public_resource_can_be_listened_to_by_everybody(http: Visitor, home: str, alice: Person) -> None:
    await grant(http, home, alice, None)
    place = await stream_of(http, home, alice)
    async with listening_to(http, place, None) as one, listening_to(http, place, None) as two:
        await http.put(f"{home}doc", "", by=alice)
        told = [await one.next(), await two.next()]
        assert told[0] == told[1]
        assert told[0]["type"] == "Add"
        assert await one.hears_nothing()
