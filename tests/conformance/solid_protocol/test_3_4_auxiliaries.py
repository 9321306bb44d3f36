"""Solid Protocol, auxiliary resources: one ACL and one description of each subject, found by link, gone with it."""

from __future__ import annotations

import pytest

from tests.people import CONTAINER_LINK, JSON_LD, TURTLE, Person, Visitor, acl, n3_patch, rule

SOME = "<#it> <#is> <#here>."


@pytest.mark.requirement("PR-40", "WA-1", "TR-18")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("place", ["", "doc", "data.bin"])
async def test_every_subject_leads_to_its_auxiliaries_before_they_exist(
    http: Visitor, home: str, alice: Person, method: str, place: str
) -> None:
    await http.put(f"{home}doc", SOME, by=alice)
    await http.put(f"{home}data.bin", b"\0\1", by=alice, kind="application/octet-stream")
    links = (await http.send(method, home + place, by=alice)).links
    assert links["acl"] == [f"{home}{place}.acl"]
    assert links["describedby"] == [f"{home}{place}.meta"]


@pytest.mark.requirement("PR-40")
async def test_a_put_answers_with_the_acl_link(http: Visitor, home: str, alice: Person) -> None:
    assert (await http.put(f"{home}doc", SOME, by=alice)).links["acl"] == [f"{home}doc.acl"]
    assert (await http.put(f"{home}doc", SOME, by=alice)).links["acl"] == [f"{home}doc.acl"]


@pytest.mark.requirement("WA-1")
async def test_the_acl_link_is_the_same_for_every_reader(http: Visitor, home: str, alice: Person, bob: Person) -> None:
    url = f"{home}doc"
    await http.put(url, SOME, by=alice)
    await http.share(
        url,
        acl(rule(modes="read control", agent=alice.webid, to=url), rule(modes="read", agent_class="public", to=url)),
        by=alice,
    )
    found = {(await http.head(url, by=who)).links["acl"][0] for who in (alice, bob, None)}
    assert found == {f"{url}.acl"}


@pytest.mark.requirement("PR-41", "PR-44", "D8")
async def test_a_description_is_missing_until_it_is_written(http: Visitor, home: str, alice: Person) -> None:
    await http.put(f"{home}doc", SOME, by=alice)
    meta = f"{home}doc.meta"
    assert (await http.get(meta, by=alice)).status == 404
    assert (await http.put(meta, "<doc> <#says> <#more>.", by=alice)).status == 201
    assert (await http.put(meta, "<doc> <#says> <#less>.", by=alice)).status == 204
    assert (await http.insert(meta, "<doc> <#says> <#again>", by=alice)).status == 204
    answer = await http.get(meta, by=alice, accept=JSON_LD)
    assert (answer.status, answer.headers["Content-Type"]) == (200, JSON_LD)


@pytest.mark.requirement("PR-44")
async def test_a_patch_makes_a_description(http: Visitor, home: str, alice: Person) -> None:
    assert (await http.insert(f"{home}.meta", f"<{home}> <#says> <#more>", by=alice)).status == 201
    assert (await http.get(f"{home}.meta", by=alice)).status == 200


@pytest.mark.requirement("PR-44", "PR-69", "D8")
@pytest.mark.parametrize("place", ["doc", "box/"])
async def test_a_description_does_not_say_what_the_server_says(
    http: Visitor, home: str, alice: Person, place: str
) -> None:
    url = home + place
    assert (await http.put(url, by=alice)).status == 201
    assert (await http.put(f"{url}.meta", f"<{url}> <#says> <#more>.", by=alice)).status == 201
    ldp, media = "http://www.w3.org/ns/ldp#", "http://www.w3.org/ns/iana/media-types/"
    managed = {
        "doc": [
            "<http://www.w3.org/ns/posix/stat#size> 1",
            "<http://www.w3.org/ns/posix/stat#mtime> 1",
            '<http://purl.org/dc/terms/modified> "2020-01-01T00:00:00Z"',
            f"a <{ldp}BasicContainer>",
            f"a <{media}image/png#Resource>",
        ],
        "box/": [f"<{ldp}contains> <{home}doc>", "a <http://www.w3.org/ns/pim/space#Storage>"],
    }[place]
    for said in managed:
        assert (await http.put(f"{url}.meta", f"<{url}> {said}.", by=alice)).status == 409, said
        assert (await http.insert(f"{url}.meta", f"<{url}> {said}", by=alice)).status == 409, said
    assert (await http.get(f"{url}.meta", by=alice)).text == f"<{url}> <#says> <#more>."


@pytest.mark.requirement("PR-43", "WM-14")
async def test_a_description_follows_the_rights_on_its_subject(
    http: Visitor, home: str, alice: Person, bob: Person
) -> None:
    url = f"{home}doc"
    await http.put(url, SOME, by=alice)
    await http.put(f"{url}.meta", "<doc> <#says> <#more>.", by=alice)
    assert (await http.get(f"{url}.meta", by=bob)).status == 403
    await http.share(
        url,
        acl(rule(modes="read write control", agent=alice.webid, to=url), rule(modes="read", agent=bob.webid, to=url)),
        by=alice,
    )
    assert (await http.get(f"{url}.meta", by=bob)).status == 200
    assert (await http.put(f"{url}.meta", "", by=bob)).status == 403
    assert (await http.insert(f"{url}.meta", "<#a> <#b> <#c>", by=bob)).status == 403
    assert (await http.delete(f"{url}.meta", by=bob)).status == 403
    await http.share(
        url,
        acl(rule(modes="control", agent=alice.webid, to=url), rule(modes="write", agent=bob.webid, to=url)),
        by=alice,
    )
    assert (await http.put(f"{url}.meta", "<doc> <#says> <#bob>.", by=bob)).status == 204
    assert (await http.get(f"{url}.meta", by=bob)).status == 403


@pytest.mark.requirement("PR-46")
async def test_a_description_leads_back_to_its_subject(http: Visitor, home: str, alice: Person) -> None:
    await http.put(f"{home}.meta", "<> <#a> <#b>.", by=alice)
    links = (await http.head(f"{home}.meta", by=alice)).links
    assert links["describes"] == [home]
    assert "describedby" not in links


@pytest.mark.requirement("PR-46")
@pytest.mark.parametrize("double", [".acl.acl", ".meta.meta", ".acl.meta", "doc.acl.acl", "doc.meta.meta"])
async def test_auxiliaries_have_no_auxiliaries(http: Visitor, home: str, alice: Person, double: str) -> None:
    await http.put(f"{home}doc", SOME, by=alice)
    answer = await http.put(home + double, SOME, by=alice)
    assert answer.status in (403, 409)
    assert (await http.get(home + double, by=alice)).status == 404


@pytest.mark.requirement("PR-46")
@pytest.mark.parametrize("suffix", [".acl", ".meta"])
async def test_there_is_no_auxiliary_of_nothing(http: Visitor, home: str, alice: Person, suffix: str) -> None:
    body = acl(rule(modes="read control", agent=alice.webid, to=f"{home}missing"))
    assert (await http.put(f"{home}missing{suffix}", body, by=alice)).status == 409
    assert (await http.get(home + "missing", by=alice)).status == 404


@pytest.mark.requirement("PR-42")
async def test_there_is_one_description_and_one_acl_however_often_they_are_written(
    http: Visitor, home: str, alice: Person
) -> None:
    url = f"{home}doc"
    await http.put(url, SOME, by=alice)
    for _ in range(2):
        await http.share(url, acl(rule(modes="read write control", agent=alice.webid, to=url)), by=alice)
        await http.put(f"{url}.meta", "<doc> <#a> <#b>.", by=alice)
    links = (await http.head(url, by=alice)).links
    assert len(links["acl"]) == len(links["describedby"]) == 1


@pytest.mark.requirement("PR-45", "PR-74", "TR-13")
async def test_auxiliaries_die_with_their_subject(http: Visitor, home: str, alice: Person) -> None:
    for url in (f"{home}doc", f"{home}box/"):
        await http.put(url, by=alice, Link=CONTAINER_LINK if url.endswith("/") else '<#x>; rel="about"')
        await http.put(f"{url}.meta", "<> <#a> <#b>.", by=alice)
        await http.share(url, acl(rule(modes="read write control", agent=alice.webid, to=url)), by=alice)
        assert (await http.delete(url, by=alice)).status == 204
        await http.put(url, by=alice)
        assert (await http.get(f"{url}.meta", by=alice)).status == 404
        assert (await http.get(f"{url}.acl", by=alice)).status == 404


@pytest.mark.requirement("PR-44", "PR-70")
@pytest.mark.parametrize("suffix", [".acl", ".meta"])
async def test_an_auxiliary_is_rdf(http: Visitor, home: str, alice: Person, suffix: str) -> None:
    answer = await http.put(home + suffix, "text", by=alice, kind="text/plain")
    assert answer.status == 415
    assert TURTLE in answer.listed("Accept-Put")


@pytest.mark.requirement("PR-47", "ATK-13")
@pytest.mark.parametrize("slug", [".acl", ".meta", "x.acl", "x.meta", "box/.acl", "a.acl.meta", "%2Eacl", "..acl"])
async def test_a_slug_never_makes_an_auxiliary(http: Visitor, home: str, alice: Person, slug: str) -> None:
    for link in ("", CONTAINER_LINK):
        more = {"Slug": slug, **({"Link": link} if link else {})}
        answer = await http.send("POST", home, by=alice, body="", kind=TURTLE, headers=more)
        assert answer.status == 201
        name = answer.location.removeprefix(home).rstrip("/")
        assert not name.endswith((".acl", ".meta"))
        assert "/" not in name
    assert (await http.get(f"{home}.acl", by=alice)).status == 404
    assert (await http.get(f"{home}.meta", by=alice)).status == 404


@pytest.mark.requirement("PR-47")
@pytest.mark.parametrize("place", [".acl/", "x.acl/", "x.meta/", "x.acl/doc", "box.meta/in/doc"])
async def test_no_container_is_named_like_an_auxiliary(http: Visitor, home: str, alice: Person, place: str) -> None:
    assert (await http.put(home + place, SOME if not place.endswith("/") else "", by=alice)).status == 403
    assert (await http.patch(home + place, n3_patch(inserts="<#a> <#b> <#c>"), by=alice)).status == 403


@pytest.mark.requirement("PR-47")
@pytest.mark.parametrize("name", [".dummy", "x.dummy", ".well", "acl", "metadata.txt"])
async def test_other_dot_names_are_ordinary_names(http: Visitor, home: str, alice: Person, name: str) -> None:
    assert (await http.put(home + name, SOME, by=alice)).status == 201
    assert (await http.post(home, SOME, by=alice, Slug="x.dummy")).location.endswith("x.dummy") or name == "x.dummy"
