"""Four workers on one store, everything at once: no lost update, no orphan, no twin, no write after a revocation."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from tests.people import CONTAINER_LINK, Answer, Person, Visitor, acl, read_cast, rule
from tests.server_process import ServerProcess, server_process

FULL = "read write control"
NTRIPLES = "application/n-triples"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server_process(tmp_path_factory.mktemp("several") / "data", workers=4) as running:
        yield running


@pytest.fixture
async def http(server: ServerProcess) -> AsyncIterator[Visitor]:
    """Each request on a connection of its own or a shared one, as it comes: so they reach all workers."""
    connector = aiohttp.TCPConnector(limit=64)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), connector=connector) as session:
        yield Visitor(session, server.base_url)


@pytest.fixture
def alice(server: ServerProcess) -> Person:
    return read_cast(server.base_url)["alice"]


@pytest.fixture
def bob(server: ServerProcess) -> Person:
    return read_cast(server.base_url)["bob"]


@pytest.fixture
async def home(http: Visitor, alice: Person, bob: Person) -> str:
    for person in (alice, bob):
        await http.token_of(person)
    url = f"{alice.pod}w-{secrets.token_hex(6)}/"
    assert (await http.put(url, by=alice, Link=CONTAINER_LINK)).status == 201
    return url


async def members(http: Visitor, container: str, by: Person) -> set[str]:
    text = (await http.get(container, by=by, accept=NTRIPLES)).text
    return {line.split()[2].strip("<>") for line in text.splitlines() if "#contains>" in line}


@pytest.mark.requirement("PAIN-01", "PR-72")
async def test_five_hundred_reads_and_fifty_patches_at_once(http: Visitor, home: str, alice: Person) -> None:
    url = f"{home}doc"
    assert (await http.put(url, "<#it> <#is> <#here>.", by=alice)).status == 201
    everybody = rule(modes="read", agent_class="public", to=url)
    await http.share(url, acl(rule(modes=FULL, agent=alice.webid, to=url), everybody), by=alice)
    reads = [http.get(url, by=alice if number % 2 else None, accept=NTRIPLES) for number in range(500)]
    patches = [http.insert(url, f"<#n{number}> <#is> {number}", by=alice) for number in range(50)]
    every = [one for ten in range(50) for one in (*reads[ten * 10 : ten * 10 + 10], patches[ten])]
    answers = await asyncio.gather(*every)
    assert Counter(answer.status for answer in answers) == {200: 500, 204: 50}
    # Each read saw a whole state: a tag stands for one content alone.
    states: dict[str, set[bytes]] = {}
    for answer in answers:
        if answer.status == 200:
            states.setdefault(answer.headers["ETag"], set()).add(answer.body)
    assert all(len(bodies) == 1 for bodies in states.values())
    lines = (await http.get(url, accept=NTRIPLES)).text.splitlines()
    assert {line.split()[0] for line in lines} == {f"<{url}#{name}>" for name in ("it", *(f"n{n}" for n in range(50)))}


@pytest.mark.requirement("ATK-14", "PR-30", "PR-75")
async def test_a_container_is_deleted_or_something_is_made_in_it_and_never_both(
    http: Visitor, home: str, alice: Person
) -> None:
    seen: Counter[tuple[str, int]] = Counter()
    for number in range(60):
        box = f"{home}box{number}/"
        await http.put(box, by=alice)
        deeds = {
            "delete": http.delete(box, by=alice),
            "put": http.put(f"{box}doc", "", by=alice),
            "post": http.post(box, "", by=alice),
            "deep": http.put(f"{box}in/deep", "", by=alice),
        }
        names = random.Random(number).sample(sorted(deeds), len(deeds))
        answers = dict(zip(names, await asyncio.gather(*(deeds[name] for name in names)), strict=True))
        seen.update((name, answer.status) for name, answer in answers.items())
        made = {f"{box}doc"} if (await http.get(f"{box}doc", by=alice)).status == 200 else set()
        made |= {f"{box}in/"} if (await http.get(f"{box}in/deep", by=alice)).status == 200 else set()
        made |= {answers["post"].location} if answers["post"].status == 201 else set()
        there = (await http.get(box, by=alice)).status == 200
        # A PUT that comes after the deletion makes the container anew; whatever came before was in its way.
        assert there or not made
        assert not there or await members(http, box, alice) == made
        assert (box in await members(http, home, alice)) is there
    assert {status for _, status in seen} <= {201, 204, 404, 409}


@pytest.mark.requirement("ATK-14", "PR-11", "PR-13", "PR-71")
async def test_of_twins_and_of_what_is_made_only_once_one_wins(http: Visitor, home: str, alice: Person) -> None:
    for number in range(40):
        url = f"{home}it{number}"
        await asyncio.gather(
            http.put(url, "", by=alice),
            http.put(f"{url}/", by=alice),
            http.put(f"{url}/in", "", by=alice),
            http.insert(url, "<#a> <#b> 1", by=alice),
        )
        both = [(await http.get(place, by=alice)).status for place in (url, f"{url}/")]
        assert sorted(both) == [200, 301]
        once = await asyncio.gather(
            *(http.put(f"{home}once{number}", f"<#a> <#b> {n}.", by=alice, If_None_Match="*") for n in range(8))
        )
        assert Counter(answer.status for answer in once) == {201: 1, 412: 7}
    posted = await asyncio.gather(*(http.post(home, "", by=alice, Slug="same") for _ in range(40)))
    assert {answer.status for answer in posted} == {201}
    assert len({answer.location for answer in posted}) == 40


@pytest.mark.requirement("ATK-14", "ATK-25", "WA-18")
async def test_nothing_is_written_after_a_revocation(http: Visitor, home: str, alice: Person, bob: Person) -> None:
    for number in range(40):
        url = f"{home}doc{number}"
        assert (await http.put(url, "<#a> <#b> 0.", by=alice)).status == 201
        mine = rule(modes=FULL, agent=alice.webid, to=url)
        await http.share(url, acl(mine, rule(modes="read write", agent=bob.webid, to=url)), by=alice)
        revoked: list[float] = []

        async def write(place: str, value: int) -> tuple[float, Answer]:
            return time.monotonic(), await http.put(place, f"<#a> <#b> {value}.", by=bob)

        async def revoke(place: str, rules: str, done: list[float]) -> None:
            assert (await http.put(f"{place}.acl", rules, by=alice)).status == 204
            done.append(time.monotonic())

        writes = asyncio.gather(*(write(url, value) for value in range(1, 7)))
        await asyncio.gather(writes, revoke(url, acl(mine), revoked))
        answers = writes.result()
        answers += [await write(url, 99), (time.monotonic(), await http.get(url, by=bob))]
        for begun, answer in answers:
            assert answer.status == 403 if begun > revoked[0] else answer.status in (204, 403)
        assert "99" not in (await http.get(url, by=alice)).text


@pytest.mark.requirement("CH-11", "PR-75")
async def test_a_tree_is_cleared_by_many_deletes_at_once(http: Visitor, home: str, alice: Person) -> None:
    box = f"{home}tree/"
    leaves = [f"{box}{branch}/{leaf}" for branch in range(6) for leaf in range(6)]
    made = await asyncio.gather(*(http.put(leaf, "", by=alice) for leaf in leaves))
    assert {answer.status for answer in made} == {201}
    await http.share(box, acl(rule(modes=FULL, agent=alice.webid, to=box, default=box)), by=alice)
    for places in ([f"{box}.acl", *leaves], [f"{box}{branch}/" for branch in range(6)], [box]):
        gone = await asyncio.gather(*(http.delete(place, by=alice) for place in places))
        assert {answer.status for answer in gone} == {204}
    assert await members(http, home, alice) == set()
