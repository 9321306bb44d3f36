"""Web Access Control, rule by rule: which authorizations count, for whom, where, and what the answer says of it."""

from __future__ import annotations

import pytest

from tests.people import CONTAINER_LINK, JSON_LD, TURTLE, Person, Visitor, acl, rule

SOME = "<#it> <#is> <#here>."
FULL = "read write control"


@pytest.fixture
async def doc(http: Visitor, home: str, alice: Person) -> str:
    url = f"{home}doc"
    assert (await http.put(url, SOME, by=alice)).status == 201
    return url


@pytest.mark.requirement("WA-2", "WA-13")
async def test_an_acl_is_turtle_and_comes_back_as_written(http: Visitor, doc: str, alice: Person) -> None:
    text = acl(rule(modes=FULL, agent=alice.webid, to=doc)) + "\n# mine\n"
    assert (await http.put(f"{doc}.acl", text, by=alice)).status == 201
    answer = await http.get(f"{doc}.acl", by=alice)
    assert (answer.headers["Content-Type"], answer.text) == (TURTLE, text)
    assert (await http.head(f"{doc}.acl", by=alice)).headers["Content-Type"] == TURTLE


@pytest.mark.requirement("WA-3", "WA-4")
async def test_no_acl_makes_itself(http: Visitor, home: str, doc: str, alice: Person) -> None:
    await http.put(f"{home}box/", by=alice, Link=CONTAINER_LINK)
    made = (await http.post(home, SOME, by=alice)).location
    for url in (home, doc, f"{home}box/", made):
        assert (await http.get(f"{url}.acl", by=alice)).status == 404
        assert (await http.head(f"{url}.acl", by=alice)).status == 404


@pytest.mark.requirement("WA-5")
async def test_the_root_acl_exists_and_keeps_somebody_in_control(http: Visitor, bob: Person) -> None:
    place = f"{bob.pod}.acl"
    before = await http.get(place, by=bob)
    assert before.status == 200
    assert bob.webid in before.text
    nobody = acl(rule(modes="read write", agent=bob.webid, to=bob.pod, default=bob.pod))
    assert (await http.put(place, nobody, by=bob)).status == 409
    assert (await http.put(place, "", by=bob)).status == 409
    assert (await http.delete(place, by=bob)).status == 405
    assert (await http.get(place, by=bob)).body == before.body


@pytest.mark.requirement("WA-5", "WA-10")
async def test_the_owner_keeps_control_and_only_control(http: Visitor, doc: str, alice: Person, bob: Person) -> None:
    await http.share(doc, acl(rule(modes=FULL, agent=bob.webid, to=doc)), by=alice)
    assert (await http.get(doc, by=alice)).status == 403
    assert (await http.put(doc, SOME, by=alice)).status == 403
    acl_of = await http.get(f"{doc}.acl", by=alice)
    assert acl_of.status == 200
    assert acl_of.modes["user"] >= {"control"}
    await http.share(doc, acl(rule(modes=FULL, agent=alice.webid, to=doc)), by=alice)
    assert (await http.get(doc, by=alice)).status == 200
    assert (await http.get(doc, by=bob)).status == 403


@pytest.mark.requirement("WA-6", "TR-14")
async def test_the_nearest_acl_decides_alone(http: Visitor, home: str, alice: Person, bob: Person) -> None:
    mine = rule(modes=FULL, agent=alice.webid, to=home, default=home)
    await http.put(f"{home}box/in/doc", SOME, by=alice)
    await http.share(home, acl(mine, rule(modes="read", agent=bob.webid, to=home, default=home)), by=alice)
    assert (await http.get(f"{home}box/in/doc", by=bob)).status == 200
    box = f"{home}box/"
    await http.share(box, acl(rule(modes=FULL, agent=alice.webid, to=box, default=box)), by=alice)
    assert (await http.get(f"{home}box/in/doc", by=bob)).status == 403
    assert (await http.get(home, by=bob)).status == 200
    assert (await http.delete(f"{box}.acl", by=alice)).status == 204
    assert (await http.get(f"{home}box/in/doc", by=bob)).status == 200


@pytest.mark.requirement("WA-7", "TR-14")
async def test_access_to_a_container_is_not_access_to_its_children(
    http: Visitor, home: str, doc: str, alice: Person, bob: Person
) -> None:
    mine = rule(modes=FULL, agent=alice.webid, to=home, default=home)
    await http.share(home, acl(mine, rule(modes="read", agent=bob.webid, to=home)), by=alice)
    assert (await http.get(home, by=bob)).status == 200
    assert (await http.get(doc, by=bob)).status == 403
    await http.share(home, acl(mine, rule(modes="read", agent=bob.webid, default=home)), by=alice)
    assert (await http.get(home, by=bob)).status == 403
    assert (await http.get(doc, by=bob)).status == 200


@pytest.mark.requirement("WA-7", "TR-14")
async def test_only_defaults_are_inherited_and_a_default_gives_nothing_where_it_stands(
    http: Visitor, home: str, doc: str, alice: Person, bob: Person
) -> None:
    """An `acl:accessTo` in the container's ACL that names its child is for an ACL of the child's own."""
    mine = rule(modes=FULL, agent=alice.webid, to=home, default=home)
    await http.share(home, acl(mine, rule(modes="read", agent=bob.webid, to=doc)), by=alice)
    assert (await http.get(doc, by=bob)).status == 403
    await http.share(home, acl(mine, rule(modes="read", agent=bob.webid, default=doc)), by=alice)
    assert (await http.get(doc, by=bob)).status == 403
    box = f"{home}box/"
    await http.put(f"{box}inner", "", by=alice)
    own = rule(modes=FULL, agent=alice.webid, to=box, default=box)
    await http.share(box, acl(own, rule(modes="read", agent=bob.webid, default=home)), by=alice)
    assert [(await http.get(url, by=bob)).status for url in (box, f"{box}inner")] == [403, 403]


@pytest.mark.requirement("WA-7")
async def test_an_authorization_for_something_else_gives_nothing(
    http: Visitor, home: str, doc: str, alice: Person, bob: Person
) -> None:
    mine = rule(modes=FULL, agent=alice.webid, to=doc)
    for other in (f"{home}other", home, f"{doc}#it", alice.pod):
        await http.share(doc, acl(mine, rule(modes="read", agent=bob.webid, to=other, default=other)), by=alice)
        assert (await http.get(doc, by=bob)).status == 403, other


@pytest.mark.requirement("WA-8")
@pytest.mark.parametrize(
    "broken",
    [
        "[] acl:agent <{bob}>; acl:accessTo <{doc}>; acl:mode acl:Read.",
        "[] a acl:Authorization; acl:agent <{bob}>; acl:mode acl:Read.",
        "[] a acl:Authorization; acl:agent <{bob}>; acl:accessTo <{doc}>.",
        "[] a acl:Authorization; acl:accessTo <{doc}>; acl:mode acl:Read.",
        "[] a acl:Authorization; acl:origin <https://app.example>; acl:accessTo <{doc}>; acl:mode acl:Read.",
    ],
)
async def test_an_authorization_that_lacks_a_part_gives_nothing(
    http: Visitor, doc: str, alice: Person, bob: Person, broken: str
) -> None:
    mine = rule(modes=FULL, agent=alice.webid, to=doc)
    await http.share(doc, acl(mine, broken.format(bob=bob.webid, doc=doc)), by=alice)
    assert (await http.get(doc, by=bob)).status == 403
    assert (await http.get(doc, by=bob, Origin="https://app.example")).status == 403


@pytest.mark.requirement("WA-8", "CH-5")
@pytest.mark.parametrize("subject", ["[]", "<#bob>", "_:b", "<https://elsewhere.example/rule>"])
async def test_blank_and_named_authorizations_with_relative_iris_count(
    http: Visitor, doc: str, alice: Person, bob: Person, subject: str
) -> None:
    name = doc.rsplit("/", 1)[1]
    text = acl(
        rule(modes=FULL, agent=alice.webid, to=doc),
        f"{subject} a acl:Authorization; acl:agent <{bob.webid}>; acl:accessTo <{name}>; acl:mode acl:Read.",
    )
    await http.share(doc, text, by=alice)
    assert (await http.get(doc, by=bob)).status == 200


@pytest.mark.requirement("WA-9", "WA-12")
async def test_agents_and_classes(http: Visitor, doc: str, alice: Person, bob: Person, carol: Person) -> None:
    mine = rule(modes=FULL, agent=alice.webid, to=doc)
    table = {
        rule(modes="read", agent=bob.webid, to=doc): (200, 403, 401),
        rule(modes="read", agent_class="authenticated", to=doc): (200, 200, 401),
        rule(modes="read", agent_class="public", to=doc): (200, 200, 200),
        "": (403, 403, 401),
    }
    for text, expected in table.items():
        await http.share(doc, acl(mine, text), by=alice)
        found = tuple([(await http.get(doc, by=who)).status for who in (bob, carol, None)])
        assert found == expected, text


@pytest.mark.requirement("WA-9")
async def test_authenticated_agent_of_another_vocabulary_is_nobody(
    http: Visitor, doc: str, alice: Person, bob: Person
) -> None:
    mine = rule(modes=FULL, agent=alice.webid, to=doc)
    odd = f"[] a acl:Authorization; acl:agentClass foaf:AuthenticatedAgent; acl:accessTo <{doc}>; acl:mode acl:Read."
    await http.share(doc, acl(mine, odd), by=alice)
    assert (await http.get(doc, by=bob)).status == 403


@pytest.mark.requirement("WA-9", "ATK-33")
async def test_members_of_a_group_document_in_the_pod(
    http: Visitor, home: str, doc: str, alice: Person, bob: Person, carol: Person
) -> None:
    group = f"{home}team"
    vcard = "@prefix vcard: <http://www.w3.org/2006/vcard/ns#>."
    await http.put(group, f"{vcard} <#us> a vcard:Group; vcard:hasMember <{bob.webid}>.", by=alice)
    mine = rule(modes=FULL, agent=alice.webid, to=doc)
    await http.share(doc, acl(mine, rule(modes="read", group=f"{group}#us", to=doc)), by=alice)
    assert (await http.get(doc, by=bob)).status == 200
    assert (await http.get(doc, by=carol)).status == 403
    assert (await http.get(doc)).status == 401
    await http.put(group, f"{vcard} <#us> a vcard:Group; vcard:hasMember <{carol.webid}>.", by=alice)
    assert (await http.get(doc, by=bob)).status == 403
    assert (await http.get(doc, by=carol)).status == 200
    await http.delete(group, by=alice)
    assert (await http.get(doc, by=carol)).status == 403


@pytest.mark.requirement("WA-10")
async def test_write_implies_append_and_control_implies_nothing(
    http: Visitor, home: str, alice: Person, bob: Person
) -> None:
    mine = rule(modes=FULL, agent=alice.webid, to=home, default=home)
    await http.share(home, acl(mine, rule(modes="write", agent=bob.webid, to=home)), by=alice)
    assert (await http.post(home, SOME, by=bob)).status == 201
    assert (await http.get(home, by=bob)).status == 403
    await http.share(home, acl(mine, rule(modes="control", agent=bob.webid, to=home)), by=alice)
    assert (await http.post(home, SOME, by=bob)).status == 403
    assert (await http.get(home, by=bob)).status == 403
    assert (await http.get(f"{home}.acl", by=bob)).status == 200


@pytest.mark.requirement("WA-11")
async def test_what_is_unknown_in_an_acl_is_skipped_and_widens_nothing(
    http: Visitor, doc: str, alice: Person, bob: Person
) -> None:
    odd = (
        f"[] a acl:Authorization; acl:agent <{bob.webid}>; acl:accessTo <{doc}>; acl:mode <https://x.example/Read>;"
        " <https://x.example/p> 1."
    )
    await http.share(doc, acl(rule(modes=FULL, agent=alice.webid, to=doc), odd), by=alice)
    assert (await http.get(doc, by=bob)).status == 403
    assert (await http.get(doc, by=alice)).status == 200


@pytest.mark.requirement("WA-13", "WM-13")
@pytest.mark.parametrize("modes", ["read", "write", "append", "read write"])
async def test_only_control_opens_an_acl(http: Visitor, doc: str, alice: Person, bob: Person, modes: str) -> None:
    mine, his = rule(modes=FULL, agent=alice.webid, to=doc), rule(modes=modes, agent=bob.webid, to=doc)
    text = acl(mine, his)
    await http.share(doc, text, by=alice)
    place = f"{doc}.acl"
    assert (await http.get(place, by=bob)).status == 403
    assert (await http.put(place, acl(rule(modes=FULL, agent=bob.webid, to=doc)), by=bob)).status == 403
    assert (await http.insert(place, "<#a> <#b> <#c>", by=bob)).status == 403
    assert (await http.delete(place, by=bob)).status == 403
    assert (await http.get(place)).status == 401
    assert (await http.get(place, by=alice)).text == text


@pytest.mark.requirement("WA-13", "WM-13")
async def test_control_alone_opens_the_acl_and_nothing_else(
    http: Visitor, doc: str, alice: Person, bob: Person
) -> None:
    mine, his = rule(modes=FULL, agent=alice.webid, to=doc), rule(modes="control", agent=bob.webid, to=doc)
    await http.share(doc, acl(mine, his), by=alice)
    assert (await http.get(doc, by=bob)).status == 403
    assert (await http.get(f"{doc}.acl", by=bob)).status == 200
    assert (await http.put(f"{doc}.acl", acl(mine, his), by=bob)).status == 204
    assert (await http.insert(f"{doc}.acl", "<#a> <#b> <#c>", by=bob)).status == 204
    assert (await http.delete(f"{doc}.acl", by=bob)).status == 204


@pytest.mark.requirement("WA-14", "WA-15")
@pytest.mark.parametrize(
    ("his", "public", "value"),
    [
        ("read", "", 'user="read",public=""'),
        ("", "read", 'user="read",public="read"'),
        ("write", "", 'user="append write",public=""'),
        ("append", "", 'user="append",public=""'),
        ("control", "read", 'user="control read",public="read"'),
        ("read write control", "append", 'user="append control read write",public="append"'),
    ],
)
@pytest.mark.parametrize("place", ["doc", "box/"])
async def test_wac_allow_says_exactly_what_is_held(
    http: Visitor, home: str, alice: Person, bob: Person, place: str, his: str, public: str, value: str
) -> None:
    url = home + place
    await http.put(url, by=alice)
    rules = [rule(modes=FULL, agent=alice.webid, to=url)]
    rules += [rule(modes=his, agent=bob.webid, to=url)] if his else []
    rules += [rule(modes=public, agent_class="public", to=url)] if public else []
    await http.share(url, acl(*rules), by=alice)
    for answer in (await http.get(url, by=bob), await http.head(url, by=bob)):
        if "read" in f"{his} {public}":
            assert answer.headers.getall("WAC-Allow") == [value]
        else:
            assert answer.status == 403
            assert "WAC-Allow" not in answer.headers


@pytest.mark.requirement("WA-14", "WA-15")
async def test_wac_allow_of_a_stranger_has_two_equal_halves(http: Visitor, doc: str, alice: Person) -> None:
    mine, all_ = rule(modes=FULL, agent=alice.webid, to=doc), rule(modes="read append", agent_class="public", to=doc)
    await http.share(doc, acl(mine, all_), by=alice)
    assert (await http.get(doc)).headers["WAC-Allow"] == 'user="append read",public="append read"'


@pytest.mark.requirement("WA-14")
async def test_wac_allow_is_told_for_inherited_rights_too(
    http: Visitor, home: str, doc: str, alice: Person, bob: Person
) -> None:
    mine = rule(modes=FULL, agent=alice.webid, to=home, default=home)
    await http.share(home, acl(mine, rule(modes="read append", agent=bob.webid, default=home)), by=alice)
    assert (await http.get(doc, by=bob)).modes == {"user": {"read", "append"}, "public": set()}


@pytest.mark.requirement("WA-16", "D5")
async def test_every_origin_is_trusted_by_default(http: Visitor, doc: str, alice: Person, bob: Person) -> None:
    mine, his = rule(modes=FULL, agent=alice.webid, to=doc), rule(modes="read", agent=bob.webid, to=doc)
    await http.share(doc, acl(mine, his), by=alice)
    assert (await http.get(doc, by=bob, Origin="https://any.example")).status == 200
    with_origin = his.replace("acl:mode", "acl:origin <https://one.example>; acl:mode")
    await http.share(doc, acl(mine, with_origin), by=alice)
    assert (await http.get(doc, by=bob, Origin="https://any.example")).status == 200
    assert (await http.get(doc, by=bob)).status == 200


@pytest.mark.requirement("WA-17")
@pytest.mark.parametrize(
    ("body", "kind", "status"), [("not turtle", TURTLE, 400), ("{", JSON_LD, 400), ("x", "text/plain", 415)]
)
async def test_an_acl_that_cannot_be_read_is_never_stored(
    http: Visitor, doc: str, alice: Person, body: str, kind: str, status: int
) -> None:
    assert (await http.put(f"{doc}.acl", body, by=alice, kind=kind)).status == status
    assert (await http.get(f"{doc}.acl", by=alice)).status == 404
    assert (await http.get(doc, by=alice)).status == 200


@pytest.mark.requirement("WA-18", "CH-5")
async def test_a_change_bites_on_the_next_request(http: Visitor, doc: str, alice: Person, bob: Person) -> None:
    mine, his = rule(modes=FULL, agent=alice.webid, to=doc), rule(modes="read", agent=bob.webid, to=doc)
    for _ in range(5):
        await http.share(doc, acl(mine, his), by=alice)
        assert (await http.get(doc, by=bob)).status == 200
        await http.share(doc, acl(mine), by=alice)
        assert (await http.get(doc, by=bob)).status == 403


@pytest.mark.requirement("WA-19")
async def test_the_acl_of_something_missing_is_missing_to_those_in_control(
    http: Visitor, home: str, alice: Person, bob: Person
) -> None:
    assert (await http.get(f"{home}missing.acl", by=alice)).status == 404
    assert (await http.get(f"{home}missing.acl", by=bob)).status == 403
    assert (await http.get(f"{home}missing.acl")).status == 401
    mine = rule(modes=FULL, agent=alice.webid, to=home, default=home)
    await http.share(home, acl(mine, rule(modes="read", agent=bob.webid, default=home)), by=alice)
    assert (await http.get(f"{home}missing.acl", by=bob)).status == 403


@pytest.mark.requirement("AC-2", "CH-3")
async def test_an_acl_is_not_taken_for_an_access_control_resource(http: Visitor, alice: Person) -> None:
    (place,) = (await http.head(alice.pod, by=alice)).links["acl"]
    links = (await http.head(place, by=alice)).links
    assert not any("acp#" in target for targets in links.values() for target in targets)
