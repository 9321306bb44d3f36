"""Solid Protocol, containers: containment mirrors the paths, and the listing is the server's own word."""

from __future__ import annotations

import asyncio
from email.utils import parsedate_to_datetime

import pytest

from tests.people import CONTAINER_LINK, JSON_LD, LDP, TURTLE, Person, Visitor, n3_patch

NTRIPLES = "application/n-triples"
SOME = "<#it> <#is> <#here>."
CONTAINS = f"<{LDP}contains>"


async def members(http: Visitor, container: str, by: Person) -> set[str]:
    """The members a listing names."""
    answer = await http.get(container, by=by, accept=NTRIPLES)
    assert answer.status == 200
    found = set()
    for line in answer.text.splitlines():
        subject, predicate, rest = line.split(" ", 2)
        if predicate == CONTAINS:
            assert subject == f"<{container}>"
            found.add(rest.removesuffix(" .").strip("<>"))
    return found


@pytest.mark.requirement("PR-30")
async def test_containment_mirrors_the_paths(http: Visitor, home: str, alice: Person) -> None:
    for name in ("b", "a", "box/", "box/inner"):
        assert (await http.put(home + name, by=alice)).status == 201
    assert await members(http, home, alice) == {f"{home}a", f"{home}b", f"{home}box/"}
    assert await members(http, f"{home}box/", alice) == {f"{home}box/inner"}


@pytest.mark.requirement("PR-31", "LDP-1")
async def test_a_container_says_its_types_in_links_and_in_triples(http: Visitor, home: str, alice: Person) -> None:
    answer = await http.get(home, by=alice, accept=NTRIPLES)
    for kind in ("Container", "BasicContainer", "Resource"):
        assert LDP + kind in answer.links["type"]
        assert f"<{home}> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <{LDP}{kind}>" in answer.text


@pytest.mark.requirement("PR-32", "TR-17")
async def test_a_containers_date_follows_containment_and_never_climbs(http: Visitor, home: str, alice: Person) -> None:
    await http.put(f"{home}box/doc", SOME, by=alice)
    before = {url: (await http.head(url, by=alice)).headers["Last-Modified"] for url in (home, f"{home}box/")}
    await asyncio.sleep(1.1)
    await http.put(f"{home}box/doc", SOME + SOME, by=alice)
    assert (await http.insert(f"{home}box/", f"<{home}box/> <#title> 1", by=alice)).status == 204
    assert (await http.put(f"{home}box/", f"<{home}box/> <#title> 2.", by=alice)).status == 204
    after_change = (await http.head(f"{home}box/", by=alice)).headers["Last-Modified"]
    await http.put(f"{home}box/new", SOME, by=alice)
    after_new = (await http.head(f"{home}box/", by=alice)).headers["Last-Modified"]
    assert after_change == before[f"{home}box/"]
    assert parsedate_to_datetime(after_new) > parsedate_to_datetime(after_change)
    assert (await http.head(home, by=alice)).headers["Last-Modified"] == before[home]


@pytest.mark.requirement("PR-32", "PR-59")
async def test_a_containers_tag_covers_everything_its_listing_shows(http: Visitor, home: str, alice: Person) -> None:
    await http.put(f"{home}doc", SOME, by=alice)
    first = await http.get(home, by=alice)
    await http.put(f"{home}doc", SOME + "<#more> <#of> <#it>.", by=alice)
    second = await http.get(home, by=alice)
    assert first.body != second.body
    assert first.headers["ETag"] != second.headers["ETag"]
    again = await http.get(home, by=alice, If_Modified_Since=second.headers["Last-Modified"])
    assert again.status == 200


@pytest.mark.requirement("PR-33", "PR-59")
async def test_a_listing_shows_when_a_container_in_it_changed_and_its_tag_says_so(
    http: Visitor, home: str, alice: Person
) -> None:
    await http.put(f"{home}box/doc", SOME, by=alice)
    first = await http.get(home, by=alice)
    await asyncio.sleep(1.1)
    await http.put(f"{home}box/new", SOME, by=alice)
    second = await http.get(home, by=alice, If_None_Match=first.headers["ETag"])
    assert second.status == 200
    assert second.body != first.body
    modified = parsedate_to_datetime((await http.head(f"{home}box/", by=alice)).headers["Last-Modified"])
    assert f"{modified:%Y-%m-%dT%H:%M:%S}" in second.text


@pytest.mark.requirement("PR-33")
async def test_the_listing_describes_each_member(http: Visitor, home: str, alice: Person) -> None:
    await http.put(f"{home}picture.png", b"\x89PNG....", by=alice, kind="image/png")
    modified = parsedate_to_datetime((await http.head(f"{home}picture.png", by=alice)).headers["Last-Modified"])
    text = (await http.get(home, by=alice, accept=NTRIPLES)).text
    lines = [line for line in text.splitlines() if line.startswith(f"<{home}picture.png> ")]
    facts = {line.split(" ", 2)[1].strip("<>"): line.split(" ", 2)[2] for line in lines}
    assert any("<http://www.w3.org/ns/iana/media-types/image/png#Resource>" in line for line in lines)
    assert facts["http://www.w3.org/ns/posix/stat#size"].startswith('"8"')
    assert facts["http://www.w3.org/ns/posix/stat#mtime"].startswith(f'"{int(modified.timestamp())}"')
    assert facts["http://purl.org/dc/terms/modified"].startswith(f'"{modified:%Y-%m-%dT%H:%M:%S}')


@pytest.mark.requirement("PR-34", "PR-69")
@pytest.mark.parametrize(
    "triple",
    [
        "<> <http://www.w3.org/ns/ldp#contains> <sneaked>.",
        "<doc> <http://www.w3.org/ns/posix/stat#size> 1.",
        '<doc> <http://purl.org/dc/terms/modified> "2020-01-01T00:00:00Z".',
    ],
)
async def test_nobody_writes_what_the_server_says_of_members(
    http: Visitor, home: str, alice: Person, triple: str
) -> None:
    await http.put(f"{home}doc", SOME, by=alice)
    before = (await http.get(home, by=alice)).body
    assert (await http.put(home, triple, by=alice)).status == 409
    assert (await http.insert(home, triple.rstrip("."), by=alice)).status == 409
    assert (await http.get(home, by=alice)).body == before


@pytest.mark.requirement("PR-31", "PR-68", "PR-69")
async def test_a_container_says_its_own_types_and_no_others(http: Visitor, home: str, alice: Person) -> None:
    box = f"{home}box/"
    true = f"<> a <{LDP}BasicContainer>, <{LDP}Container>, <{LDP}Resource>, <#Album>."
    assert (await http.put(box, true, by=alice)).status == 201
    before = (await http.get(box, by=alice)).body
    for false in ("http://www.w3.org/ns/pim/space#Storage", f"{LDP}DirectContainer", f"{LDP}NonRDFSource"):
        assert (await http.put(box, f"<> a <{false}>.", by=alice)).status == 409
        assert (await http.insert(box, f"<{box}> a <{false}>", by=alice)).status == 409
        assert (await http.put(f"{home}other/", f"<> a <{false}>.", by=alice)).status == 409
    assert (await http.get(box, by=alice)).body == before
    assert f"<{box}#Album>" in before.decode()
    patch = n3_patch(deletes=f"<{box}> a <{LDP}BasicContainer>")
    assert (await http.patch(box, patch, by=alice)).status == 409


@pytest.mark.requirement("PR-34")
async def test_a_patch_cannot_take_containment_away(http: Visitor, home: str, alice: Person) -> None:
    await http.put(f"{home}doc", SOME, by=alice)
    patch = n3_patch(deletes=f"<{home}> <{LDP}contains> <{home}doc>")
    assert (await http.patch(home, patch, by=alice)).status == 409
    assert await members(http, home, alice) == {f"{home}doc"}


@pytest.mark.requirement("PR-34", "TR-24")
async def test_a_posted_child_may_say_such_things_of_itself(http: Visitor, home: str, alice: Person) -> None:
    body = '<> <http://purl.org/dc/terms/modified> "2020-01-01T00:00:00Z".'
    answer = await http.post(home, body, by=alice)
    assert answer.status == 201
    assert (await http.get(answer.location, by=alice)).text == body


@pytest.mark.requirement("PR-35")
@pytest.mark.parametrize("accept", [None, "*/*"])
async def test_a_container_is_turtle_unless_asked_otherwise(
    http: Visitor, home: str, alice: Person, accept: str | None
) -> None:
    got = await http.get(home, by=alice, accept=accept)
    head = await http.head(home, by=alice, accept=accept)
    assert got.headers["Content-Type"] == head.headers["Content-Type"] == TURTLE


@pytest.mark.requirement("PR-36")
async def test_auxiliaries_are_not_listed_and_do_not_fill_a_container(http: Visitor, home: str, alice: Person) -> None:
    box = f"{home}box/"
    await http.put(box, by=alice, Link=CONTAINER_LINK)
    await http.put(f"{box}.meta", "<> <#a> <#b>.", by=alice)
    assert await members(http, box, alice) == set()
    assert (await http.delete(box, by=alice)).status == 204


@pytest.mark.requirement("PR-30", "LDP-3")
async def test_a_minimal_container_comes_without_its_members(http: Visitor, home: str, alice: Person) -> None:
    await http.put(f"{home}doc", SOME, by=alice)
    answer = await http.get(
        home, by=alice, accept=NTRIPLES, Prefer=f'return=representation; include="{LDP}PreferMinimalContainer"'
    )
    assert "contains" not in answer.text
    assert answer.headers["Preference-Applied"] == "return=representation"
    assert answer.headers["ETag"] != (await http.get(home, by=alice, accept=NTRIPLES)).headers["ETag"]


@pytest.mark.requirement("LDP-3")
@pytest.mark.parametrize(
    ("preference", "members"),
    [
        ('return=representation; include="ldp#PreferMinimalContainer"', False),
        ('return=representation; include="ldp#PreferEmptyContainer"', False),
        ('return=representation; omit="ldp#PreferContainment"', False),
        ('return=representation; omit="ldp#PreferMembership ldp#PreferContainment"', False),
        ('return=representation; include="ldp#PreferMinimalContainer ldp#PreferContainment"', True),
        ('return=representation; include="ldp#PreferContainment"', True),
        ('return=representation; omit="ldp#PreferMembership"', True),
        ('return=minimal; include="ldp#PreferMinimalContainer"', True),
        ("respond-async, wait=10", True),
    ],
)
async def test_a_preference_says_whether_the_members_come(
    http: Visitor, home: str, alice: Person, preference: str, members: bool
) -> None:
    await http.put(f"{home}doc", SOME, by=alice)
    prefer = preference.replace("ldp#", LDP)
    for answer in (await http.get(home, by=alice, Prefer=prefer), await http.head(home, by=alice, Prefer=prefer)):
        assert answer.status == 200
        assert ("Preference-Applied" in answer.headers) is not members
        assert answer.body == b"" or ("contains" in answer.text) is members


@pytest.mark.requirement("PR-30")
async def test_the_same_state_is_always_the_same_listing(http: Visitor, home: str, alice: Person) -> None:
    for name in ("c", "a", "b"):
        await http.put(home + name, SOME, by=alice)
    for kind in (TURTLE, JSON_LD):
        first = await http.get(home, by=alice, accept=kind)
        second = await http.get(home, by=alice, accept=kind)
        assert first.body == second.body
        assert [first.text.index(f"{home}{name}") for name in "abc"] == sorted(
            first.text.index(f"{home}{name}") for name in "abc"
        )


@pytest.mark.requirement("PR-41", "PR-43", "PR-59")
async def test_a_listing_shows_what_the_description_says_of_the_container(
    http: Visitor, home: str, alice: Person
) -> None:
    """Clients that keep the name of a folder in its .meta read it in the folder."""
    label = "http://www.w3.org/2000/01/rdf-schema#label"
    empty = await http.get(home, by=alice)
    text = f'<{home}> <{label}> "Letters"; <#has> [ <#a> <#b> ]. <{home}doc> <{label}> "Other".'
    assert (await http.put(f"{home}.meta", text, by=alice)).status == 201
    for kind in (TURTLE, NTRIPLES, JSON_LD):
        shown = await http.get(home, by=alice, accept=kind)
        assert "Letters" in shown.text
        assert "Other" not in shown.text
    assert shown.headers["Last-Modified"] == empty.headers["Last-Modified"]  # PR-32
    assert (await http.get(home, by=alice)).headers["ETag"] != empty.headers["ETag"]
    assert (await http.insert(f"{home}.meta", f"<{home}> <{LDP}contains> <{home}doc>", by=alice)).status == 409
    assert (await http.delete(f"{home}.meta", by=alice)).status == 204
    assert "Letters" not in (await http.get(home, by=alice)).text
