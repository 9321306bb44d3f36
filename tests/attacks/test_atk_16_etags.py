"""ATK-16: no write goes through on a tag that is weak, old, or of something else."""

from __future__ import annotations

import asyncio

import pytest

from tests.people import JSON_LD, TURTLE, Person, Visitor, n3_patch

NTRIPLES = "application/n-triples"
KINDS = [TURTLE, JSON_LD, NTRIPLES]
SOME = "<#n> <#is> 0."


@pytest.mark.requirement("ATK-16", "PR-59", "PR-71")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_an_old_tag_of_any_representation_stops_every_write(
    http: Visitor, home: str, alice: Person, kind: str, method: str
) -> None:
    url = f"{home}doc"
    await http.put(url, SOME, by=alice)
    old = (await http.get(url, by=alice, accept=kind)).headers["ETag"]
    await http.put(url, "<#n> <#is> 1.", by=alice)
    body, sent = {"PUT": (SOME, TURTLE), "PATCH": (n3_patch(inserts="<#a> <#b> <#c>"), "text/n3")}.get(
        method, (None, None)
    )
    for tag in (old, f"W/{old}", f'{old}, "other"', '"1"', old.replace("-", "")):
        answer = await http.send(method, url, by=alice, body=body, kind=sent, headers={"If-Match": tag})
        assert answer.status == 412, tag
    assert (await http.get(url, by=alice)).text == "<#n> <#is> 1."
    current = (await http.get(url, by=alice, accept=kind)).headers["ETag"]
    assert (await http.send(method, url, by=alice, body=body, kind=sent, headers={"If-Match": current})).status == 204


@pytest.mark.requirement("ATK-16")
async def test_the_tag_of_one_document_is_none_of_another(http: Visitor, home: str, alice: Person) -> None:
    first = (await http.put(f"{home}a", SOME, by=alice)).headers["ETag"]
    second = (await http.put(f"{home}b", SOME, by=alice)).headers["ETag"]
    assert first != second
    assert (await http.put(f"{home}b", SOME, by=alice, If_Match=first)).status == 412


@pytest.mark.requirement("ATK-16", "PR-16")
async def test_a_tag_is_never_used_again_after_a_deletion(http: Visitor, home: str, alice: Person) -> None:
    url = f"{home}doc"
    tags = set()
    for _ in range(4):
        tags.add((await http.put(url, SOME, by=alice)).headers["ETag"])
        tags.add((await http.put(url, SOME, by=alice)).headers["ETag"])
        await http.delete(url, by=alice)
    assert len(tags) == 8


@pytest.mark.requirement("ATK-16", "PR-72")
async def test_two_clients_that_interleave_overwrite_nothing(http: Visitor, home: str, alice: Person) -> None:
    url = f"{home}doc"
    await http.put(url, SOME, by=alice)
    for turn in range(20):
        kind = KINDS[turn % len(KINDS)]
        tags = [(await http.get(url, by=alice, accept=kind)).headers["ETag"] for _ in range(2)]
        bodies = [f"<#n> <#is> {turn}, <#left>.", f"<#n> <#is> {turn}, <#right>."]
        answers = await asyncio.gather(
            *(http.put(url, body, by=alice, If_Match=tag) for body, tag in zip(bodies, tags, strict=True))
        )
        assert sorted(answer.status for answer in answers) == [204, 412]
        winner = bodies[[answer.status for answer in answers].index(204)]
        assert (await http.get(url, by=alice)).text == winner
