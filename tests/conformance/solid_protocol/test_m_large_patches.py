"""PATCH of documents that are costly to read: edited before the writer is taken, nothing lost (PR-72, LIM-16)."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.people import N3, TURTLE, Person, Visitor

# Some 90 kB: above what is parsed inline.
LARGE = "\n".join(f'<#n{number}> <urn:p> "{"x" * 60}" .' for number in range(1200))


def _insert(number: int) -> str:
    return (
        "@prefix solid: <http://www.w3.org/ns/solid/terms#>. "
        f'_:p a solid:InsertDeletePatch; solid:inserts {{ <#it> <urn:added> "{number}" . }} .'
    )


@pytest.mark.requirement("PR-72", "LIM-16")
async def test_ten_patches_of_a_large_document_at_once_all_survive(http: Visitor, home: str, alice: Person) -> None:
    url = f"{home}large"
    assert (await http.put(url, LARGE, by=alice, kind=TURTLE)).status == 201
    sent = (http.send("PATCH", url, by=alice, body=_insert(number), kind=N3) for number in range(10))
    assert [answer.status for answer in await asyncio.gather(*sent)] == [204] * 10
    lines = (await http.get(url, by=alice, accept="application/n-triples")).text.splitlines()
    assert sum("urn:added" in line for line in lines) == 10
    assert sum("urn:p" in line for line in lines) == 1200


@pytest.mark.requirement("PR-72", "LIM-16")
async def test_many_who_patch_a_large_document_at_once_take_turns(http: Visitor, home: str, alice: Person) -> None:
    """More of them than anybody tries again: each is served, and nobody's work is done twice for nothing."""
    url = f"{home}large"
    assert (await http.put(url, LARGE, by=alice, kind=TURTLE)).status == 201
    sent = (http.send("PATCH", url, by=alice, body=_insert(number), kind=N3) for number in range(60))
    assert {answer.status for answer in await asyncio.gather(*sent)} == {204}
    lines = (await http.get(url, by=alice, accept="application/n-triples")).text.splitlines()
    assert sum("urn:added" in line for line in lines) == 60


@pytest.mark.requirement("N3-12", "N3-17", "N3-18")
async def test_a_large_document_is_refused_in_the_same_order_as_a_small_one(
    http: Visitor, home: str, alice: Person, bob: Person
) -> None:
    url = f"{home}large"
    assert (await http.put(url, LARGE, by=alice, kind=TURTLE)).status == 201
    absent = (
        "@prefix solid: <http://www.w3.org/ns/solid/terms#>. "
        '_:p a solid:InsertDeletePatch; solid:deletes { <#it> <urn:never> "there" . } .'
    )
    assert (await http.send("PATCH", url, by=bob, body=absent, kind=N3)).status == 403
    stale = {"If-Match": '"0-ttl"'}
    assert (await http.send("PATCH", url, by=alice, body=absent, kind=N3, headers=stale)).status == 412
    assert (await http.send("PATCH", url, by=alice, body=absent, kind=N3)).status == 409
    assert (await http.get(url, by=alice)).text == LARGE


@pytest.mark.requirement("LIM-16", "ATK-10")
async def test_patching_large_documents_keeps_no_other_writer_waiting(http: Visitor, home: str, alice: Person) -> None:
    url = f"{home}large"
    assert (await http.put(url, LARGE * 8, by=alice, kind=TURTLE)).status == 201
    patches = [asyncio.create_task(http.send("PATCH", url, by=alice, body=_insert(n), kind=N3)) for n in range(4)]
    waits: list[float] = []
    while not all(task.done() for task in patches):
        start = time.monotonic()
        assert (await http.put(f"{home}small{len(waits)}", "<#a> <#b> <#c> .", by=alice, kind=TURTLE)).status == 201
        waits.append(time.monotonic() - start)
    assert {(await task).status for task in patches} <= {204, 503}
    # The writer is never held while a document is parsed: the small writes pass between.
    assert len(waits) >= 3
