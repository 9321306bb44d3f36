"""A server that takes `acl:origin` at its word, because its operator said so (D5, WA-16)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.conformance.notifications.channels import CONTEXT, STREAM, WEBSOCKET, listening, service
from tests.live import Live, serving
from tests.people import JSON_LD, N3, TERMS, Answer, Person, Visitor, acl, rule, visiting

APP, ROGUE = "https://app.example", "https://rogue.example"
ADDING = f"@prefix solid: <{TERMS}>. _:it a solid:InsertDeletePatch; solid:inserts {{ <#a> <#b> 1 }}."


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with serving(tmp_path_factory.mktemp("strict"), server={"strict_origins": True}) as live:
        yield live


@pytest.fixture
async def visitor(strict: Live) -> AsyncIterator[Visitor]:
    async with visiting(strict.base_url) as visitor:
        yield visitor


@pytest.fixture
def owner(strict: Live) -> Person:
    return strict.people["alice"]


@pytest.fixture
def guest(strict: Live) -> Person:
    return strict.people["bob"]


@pytest.fixture
async def note(visitor: Visitor, owner: Person, guest: Person) -> str:
    """A document that the guest may read and write through one app, and everybody may read through it."""
    url = f"{owner.pod}strict"
    assert (await visitor.put(url, "<#it> <#is> <#here>.", by=owner)).status in (201, 204)
    await through(visitor, url, APP, owner, guest)
    return url


async def through(visitor: Visitor, url: str, origin: str, owner: Person, guest: Person) -> None:
    rules = rule(modes="read write", agent=guest.webid, to=url), rule(modes="read", agent_class="public", to=url)
    bound = [text.replace("acl:mode", f"acl:origin <{origin}>; acl:mode", 1) for text in rules]
    await visitor.share(url, acl(rule(modes="read write control", agent=owner.webid, to=url), *bound), by=owner)


@pytest.mark.requirement("WA-16", "D5")
async def test_a_rule_with_an_origin_gives_nothing_to_pages_of_another(
    visitor: Visitor, note: str, guest: Person
) -> None:
    for origin, read, written in ((APP, 200, 204), (ROGUE, 403, 403), (f"{APP}/", 403, 403), ("null", 403, 403)):
        for _ in range(2):  # decided, and remembered as decided
            assert (await visitor.get(note, by=guest, Origin=origin)).status == read, origin
            assert (await visitor.head(note, by=guest, Origin=origin)).status == read, origin
        assert (await visitor.put(note, "<#it> <#is> <#new>.", by=guest, Origin=origin)).status == written, origin
        assert (await visitor.patch(note, ADDING, by=guest, kind=N3, Origin=origin)).status == written, origin
    told = await visitor.get(note, by=guest, Origin=APP)
    assert told.modes == {"user": {"read", "write", "append"}, "public": {"read"}}
    assert told.headers["Access-Control-Allow-Origin"] == APP


@pytest.mark.requirement("WA-16", "D5")
async def test_everybody_is_everybody_at_that_origin(visitor: Visitor, note: str) -> None:
    assert (await visitor.get(note, Origin=APP)).status == 200
    assert (await visitor.get(note, Origin=ROGUE)).status == 401
    assert (await visitor.get(note)).status == 200


@pytest.mark.requirement("WA-16", "D5")
async def test_what_comes_from_no_page_and_a_rule_without_origin_are_as_ever(
    visitor: Visitor, note: str, owner: Person, guest: Person
) -> None:
    assert (await visitor.get(note, by=guest)).status == 200
    assert (await visitor.get(note, by=owner, Origin=ROGUE)).status == 200


@pytest.mark.requirement("WA-16", "D5")
async def test_two_origins_are_none(visitor: Visitor, note: str) -> None:
    both = [("Origin", APP), ("Origin", ROGUE)]
    for headers in (both[:1], both, both[::-1]):
        async with visitor.session.get(note, headers=headers) as answer:
            assert answer.status == (200 if len(headers) == 1 else 401)


async def subscribe(visitor: Visitor, kind: str, topic: str, by: Person, origin: str) -> Answer:
    body = json.dumps({"@context": [CONTEXT], "type": kind, "topic": topic})
    return await visitor.post(service(visitor, kind), body, by=by, kind=JSON_LD, Origin=origin)


@pytest.mark.requirement("WA-16", "D5", "NP-11")
@pytest.mark.parametrize("kind", [WEBSOCKET, STREAM])
async def test_a_channel_is_heard_by_the_origin_it_was_made_from(
    visitor: Visitor, note: str, owner: Person, guest: Person, kind: str
) -> None:
    assert (await subscribe(visitor, kind, note, guest, ROGUE)).status == 403
    made = await subscribe(visitor, kind, note, guest, APP)
    assert made.status == 200
    async with listening(visitor, made.json) as ear:
        await visitor.put(note, "<#it> <#is> <#newer>.", by=owner)
        assert (await ear.next())["type"] == "Update"
        await through(visitor, note, ROGUE, owner, guest)
        await visitor.put(note, "<#it> <#is> <#newest>.", by=owner)
        await ear.end()
        assert ear.came.empty()


@pytest.mark.requirement("WA-16", "D5", "NC-3")
async def test_the_stream_of_a_resource_is_for_the_same_origins(visitor: Visitor, note: str, guest: Person) -> None:
    [place] = (await visitor.get(note, by=guest)).links[f"{TERMS}updatesViaStreamingHttp2023"]
    assert (await visitor.head(place, by=guest, Origin=APP)).status == 200
    assert (await visitor.head(place, by=guest, Origin=ROGUE)).status == 403
