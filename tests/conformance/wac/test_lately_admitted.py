"""Who wrote in a container a moment ago: the next write is judged by what holds then, whatever was true before."""

from __future__ import annotations

import pytest

from tests.people import N3, Person, Visitor, acl, rule

SOME = "<#it> <#is> <#here>."
FULL = "read write control"
INSERT = "@prefix solid: <http://www.w3.org/ns/solid/terms#>. _:p a solid:InsertDeletePatch; "
INSERT += "solid:inserts { <#it> <#is> <#there>. }."


async def _open(http: Visitor, home: str, alice: Person, *guests: str) -> None:
    mine = rule(modes=FULL, agent=alice.webid, to=home, default=home)
    assert (await http.put(f"{home}.acl", acl(mine, *guests), by=alice)).status in (201, 204)


async def _written(http: Visitor, home: str, name: str, by: Person) -> list[int]:
    """The statuses of making, patching and removing a document, and of adding one."""
    url = f"{home}{name}"
    made = await http.put(url, SOME, by=by)
    patched = await http.patch(url, INSERT, by=by, kind=N3)
    added = await http.post(home, SOME, by=by)
    gone = await http.delete(url, by=by)
    return [made.status, patched.status, added.status, gone.status]


@pytest.fixture
async def guest(http: Visitor, home: str, alice: Person, bob: Person) -> Person:
    """Bob, who may write in this container, and did."""
    await _open(http, home, alice, rule(modes="read write", agent=bob.webid, to=home, default=home))
    for name in ("one", "two"):
        assert await _written(http, home, name, bob) == [201, 204, 201, 204]
    return bob


@pytest.mark.requirement("WA-18", "ATK-25")
async def test_a_withdrawn_permission_ends_writing_at_once(
    http: Visitor, home: str, alice: Person, guest: Person
) -> None:
    await http.put(f"{home}doc", SOME, by=alice)
    before = await http.get(f"{home}doc", by=alice)
    listed = await http.get(home, by=alice)
    await _open(http, home, alice)
    for _ in range(2):
        assert (await http.put(f"{home}doc", "<#it> <#is> <#his>.", by=guest)).status == 403
        assert (await http.patch(f"{home}doc", INSERT, by=guest, kind=N3)).status == 403
        assert (await http.delete(f"{home}doc", by=guest)).status == 403
        assert (await http.put(f"{home}new", SOME, by=guest)).status == 403
        assert (await http.post(home, SOME, by=guest)).status == 403
    after = await http.get(f"{home}doc", by=alice)
    assert (after.body, after.headers["ETag"]) == (before.body, before.headers["ETag"])
    assert (await http.get(home, by=alice)).text.count("contains") == listed.text.count("contains")


@pytest.mark.requirement("WA-12")
async def test_it_helps_nobody_else(http: Visitor, home: str, guest: Person, carol: Person) -> None:
    assert await _written(http, home, "three", guest) == [201, 204, 201, 204]
    assert (await http.put(f"{home}mine", SOME, by=carol)).status == 403
    assert (await http.put(f"{home}mine", SOME)).status == 401
    assert (await http.post(home, SOME, by=carol)).status == 403


@pytest.mark.requirement("WM-10")
async def test_a_resource_with_an_acl_of_its_own_is_judged_by_that(
    http: Visitor, home: str, alice: Person, guest: Person
) -> None:
    url = f"{home}own"
    await http.put(url, SOME, by=alice)
    await http.put(f"{url}.acl", acl(rule(modes=FULL, agent=alice.webid, to=url)), by=alice)
    assert (await http.put(f"{home}other", SOME, by=guest)).status == 201
    assert (await http.put(url, SOME, by=guest)).status == 403


@pytest.mark.requirement("WA-9", "WA-18")
async def test_a_group_is_asked_when_the_permission_comes_from_one_now(
    http: Visitor, home: str, alice: Person, guest: Person, carol: Person
) -> None:
    group = f"{carol.pod}writers"
    vcard = "@prefix vcard: <http://www.w3.org/2006/vcard/ns#>."
    public = rule(modes="read", agent_class="public", to=group)
    await http.put(group, f"{vcard} <#us> a vcard:Group; vcard:hasMember <{guest.webid}>.", by=carol)
    await http.put(f"{group}.acl", acl(rule(modes=FULL, agent=carol.webid, to=group), public), by=carol)
    await _open(http, home, alice, rule(modes="read write", group=f"{group}#us", to=home, default=home))
    for name in ("four", "five"):
        assert await _written(http, home, name, guest) == [201, 204, 201, 204]
    await http.put(group, f"{vcard} <#us> a vcard:Group.", by=carol)
    assert (await http.put(f"{home}six", SOME, by=guest)).status == 403
    assert (await http.post(home, SOME, by=guest)).status == 403
