"""Answers that are kept and sent again: never after the pod moved, and never to somebody else."""

from __future__ import annotations

import pytest

from tests.people import JSON_LD, TURTLE, Person, Visitor, acl, rule

SOME = "<#it> <#is> <#here>."
FULL = "read write control"


@pytest.fixture
async def doc(http: Visitor, home: str, alice: Person) -> str:
    """A document that everybody may read, and that everybody has read."""
    url = f"{home}doc"
    assert (await http.put(url, SOME, by=alice)).status == 201
    await http.share(
        url,
        acl(rule(modes=FULL, agent=alice.webid, to=url), rule(modes="read", agent_class="public", to=url)),
        by=alice,
    )
    for _ in range(2):
        assert (await http.get(url)).status == 200
        assert (await http.get(url, by=alice)).status == 200
    return url


@pytest.mark.requirement("WA-18")
async def test_a_withdrawn_permission_ends_the_answer_that_was_kept(http: Visitor, doc: str, alice: Person) -> None:
    await http.put(f"{doc}.acl", acl(rule(modes=FULL, agent=alice.webid, to=doc)), by=alice)
    assert (await http.get(doc)).status == 401
    assert (await http.get(doc, by=alice)).status == 200
    await http.put(
        f"{doc}.acl",
        acl(rule(modes=FULL, agent=alice.webid, to=doc), rule(modes="read", agent_class="public", to=doc)),
        by=alice,
    )
    assert (await http.get(doc)).status == 200


@pytest.mark.requirement("WA-18")
async def test_an_acl_that_goes_gives_way_to_the_one_above(http: Visitor, doc: str, alice: Person) -> None:
    await http.delete(f"{doc}.acl", by=alice)
    assert (await http.get(doc)).status == 401


@pytest.mark.requirement("PR-59")
async def test_a_change_ends_the_answer_that_was_kept(http: Visitor, doc: str, alice: Person) -> None:
    before = await http.get(doc)
    await http.put(doc, "<#it> <#is> <#there>.", by=alice)
    after = await http.get(doc)
    assert after.text == "<#it> <#is> <#there>."
    assert after.headers["ETag"] != before.headers["ETag"]
    await http.delete(doc, by=alice)
    assert (await http.get(doc, by=alice)).status == 404


@pytest.mark.requirement("WA-14", "ATK-17")
async def test_each_caller_is_told_of_his_own_modes(http: Visitor, doc: str, alice: Person, bob: Person) -> None:
    for _ in range(2):
        assert (await http.get(doc, by=alice)).modes["user"] == {"read", "append", "write", "control"}
        assert (await http.get(doc, by=bob)).modes["user"] == {"read"}
        assert (await http.get(doc)).modes["user"] == {"read"}
        assert (await http.get(doc)).headers["Cache-Control"] == "no-cache"
        assert "no-store" in (await http.get(doc, by=bob)).headers["Cache-Control"]


@pytest.mark.requirement("PR-54", "CO-3")
async def test_what_the_request_says_is_answered_each_time(http: Visitor, doc: str) -> None:
    tag = (await http.get(doc, Accept=TURTLE)).headers["ETag"]
    for _ in range(2):
        assert (await http.get(doc, Accept=TURTLE)).headers["Content-Type"] == TURTLE
        assert (await http.get(doc, Accept=JSON_LD)).headers["Content-Type"] == JSON_LD
        assert (await http.get(doc, If_None_Match=tag)).status == 304
        assert (await http.get(doc, If_None_Match='"another"')).status == 200
        assert (await http.get(doc, Range="bytes=0-3")).body == SOME.encode()[:4]
        assert (await http.get(doc, If_Match='"another"')).status == 412
        for origin in ("https://one.example", "https://two.example"):
            assert (await http.get(doc, Origin=origin)).headers["Access-Control-Allow-Origin"] == origin
        assert (await http.get(doc)).headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.requirement("TR-28")
async def test_the_answer_sent_again_is_the_one_sent_first(http: Visitor, home: str, alice: Person) -> None:
    url = f"{home}fresh"
    await http.put(url, SOME, by=alice)
    first, again = [await http.get(url, by=alice) for _ in range(2)]
    head = await http.head(url, by=alice)
    shown = [[line for line in answer.headers.items() if line[0] != "Date"] for answer in (first, again, head)]
    assert shown[0] == shown[1]
    assert sorted(shown[0]) == sorted(shown[2])
    assert (first.status, first.body) == (again.status, again.body)


@pytest.mark.requirement("WA-9", "WA-18")
async def test_who_left_a_group_in_another_pod_is_out_at_once(
    http: Visitor, doc: str, alice: Person, bob: Person, carol: Person
) -> None:
    group = f"{carol.pod}team"
    vcard = "@prefix vcard: <http://www.w3.org/2006/vcard/ns#>."
    await http.put(group, f"{vcard} <#us> a vcard:Group; vcard:hasMember <{bob.webid}>.", by=carol)
    public = rule(modes="read", agent_class="public", to=group)
    await http.share(group, acl(rule(modes=FULL, agent=carol.webid, to=group), public), by=carol)
    mine = rule(modes=FULL, agent=alice.webid, to=doc)
    await http.share(doc, acl(mine, rule(modes="read", group=f"{group}#us", to=doc)), by=alice)
    for _ in range(2):
        assert (await http.get(doc, by=bob)).status == 200
    await http.put(group, f"{vcard} <#us> a vcard:Group.", by=carol)
    assert (await http.get(doc, by=bob)).status == 403
