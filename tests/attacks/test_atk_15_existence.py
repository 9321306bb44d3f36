"""ATK-15: to those who may not read it, what is there and what is not there look the same."""

from __future__ import annotations

import statistics
import time

import pytest

from tests.people import CONTAINER_LINK, N3, TURTLE, Person, Visitor, acl, n3_patch, rule

HIDDEN = ["doc", "box/", "data.bin", "doc.acl", "doc.meta", "full/"]
ABSENT = {name: f"no-{name}" for name in HIDDEN}
MOVING = {"Date", "X-Request-Id"}


@pytest.fixture
async def pod(http: Visitor, home: str, alice: Person) -> str:
    await http.put(f"{home}doc", "<#a> <#b> <#c>.", by=alice)
    await http.put(f"{home}doc.meta", "<doc> <#b> <#c>.", by=alice)
    await http.share(f"{home}doc", acl(rule(modes="read write control", agent=alice.webid, to=f"{home}doc")), by=alice)
    await http.put(f"{home}box/", by=alice, Link=CONTAINER_LINK)
    await http.put(f"{home}full/doc", "<#a> <#b> <#c>.", by=alice)
    await http.put(f"{home}data.bin", b"\0" * 100, by=alice, kind="application/octet-stream")
    return home


@pytest.mark.requirement("ATK-15", "TR-3", "D4", "PR-5")
@pytest.mark.parametrize("who", ["stranger", "bob"])
@pytest.mark.parametrize("name", HIDDEN)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"])
async def test_present_and_absent_answer_alike(
    http: Visitor, pod: str, bob: Person, who: str, name: str, method: str
) -> None:
    body, kind = {
        "PUT": ("<#x> <#y> <#z>.", TURTLE),
        "POST": ("<#x> <#y> <#z>.", TURTLE),
        "PATCH": (n3_patch(inserts="<#x> <#y> <#z>"), N3),
    }.get(method, (None, None))
    by = bob if who == "bob" else None
    for conditions in ({}, {"If-Match": '"1-ttl"'}, {"If-None-Match": "*"}):
        there = await http.send(method, pod + name, by=by, body=body, kind=kind, headers=conditions)
        missing = await http.send(method, pod + ABSENT[name], by=by, body=body, kind=kind, headers=conditions)
        assert there.status == missing.status == (204 if method == "OPTIONS" else 403 if by else 401)
        assert _shape(there, name) == _shape(missing, ABSENT[name])


def _shape(answer: object, name: str) -> tuple[object, ...]:
    from tests.people import Answer

    assert isinstance(answer, Answer)
    headers = sorted(
        (key.lower(), value.replace(name.removesuffix(".acl").removesuffix(".meta"), "X"))
        for key, value in answer.headers.items()
        if key.title() not in {moving.title() for moving in MOVING}
    )
    body = answer.json if answer.body else {}
    return headers, {key: value for key, value in body.items() if key != "request"}


@pytest.mark.requirement("ATK-15")
async def test_the_time_it_takes_tells_nothing(http: Visitor, pod: str, bob: Person) -> None:
    """The same class of time: medians within a factor of two, interleaved so that a busy machine hits both alike."""
    taken: dict[str, list[float]] = {"doc": [], "no-doc": []}
    await http.token_of(bob)
    for _ in range(150):
        for name, times in taken.items():
            start = time.perf_counter()
            await http.get(pod + name, by=bob)
            times.append(time.perf_counter() - start)
    there, missing = (statistics.median(times) for times in taken.values())
    assert 0.5 < there / missing < 2.0


@pytest.mark.requirement("ATK-15", "PR-20")
async def test_a_storage_that_is_not_there_looks_like_one_that_is_private(
    http: Visitor, alice: Person, bob: Person
) -> None:
    for by in (None, bob):
        there = await http.get(f"{alice.pod}whatever", by=by)
        missing = await http.get(f"{http.base_url}nobody-lives-here/whatever", by=by)
        assert there.status == missing.status
        assert there.json["reason"] == missing.json["reason"]


@pytest.mark.requirement("ATK-15")
async def test_a_reader_without_control_is_told_nothing_of_the_acl(
    http: Visitor, home: str, alice: Person, bob: Person
) -> None:
    for name in ("with", "without"):
        await http.put(home + name, "<#a> <#b> <#c>.", by=alice)
    mine = rule(modes="read write control", agent=alice.webid, to=home, default=home)
    await http.share(home, acl(mine, rule(modes="read", agent=bob.webid, to=home, default=home)), by=alice)
    own = f"{home}with"
    both = acl(rule(modes="read write control", agent=alice.webid, to=own), rule(modes="read", agent=bob.webid, to=own))
    await http.share(own, both, by=alice)
    answers = [await http.get(f"{home}{name}.acl", by=bob) for name in ("with", "without")]
    assert [answer.status for answer in answers] == [403, 403]
    assert answers[0].json["reason"] == answers[1].json["reason"]
    heads = [await http.head(home + name, by=bob) for name in ("with", "without")]
    assert heads[0].headers["WAC-Allow"] == heads[1].headers["WAC-Allow"]
