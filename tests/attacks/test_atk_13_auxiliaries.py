"""ATK-13: every way to an ACL needs Control: by any method, any body type, with any modes but that one."""

from __future__ import annotations

import itertools

import pytest

from tests.people import CONTAINER_LINK, JSON_LD, N3, SPARQL, TURTLE, Person, Visitor, acl, n3_patch, rule


def takeover(webid: str, url: str) -> str:
    return acl(rule(modes="read write control", agent=webid, to=url, default=url))


@pytest.mark.requirement("ATK-13", "WA-13", "PR-46", "PR-47")
@pytest.mark.parametrize("modes", ["", "read", "append", "write", "read append", "read write"])
@pytest.mark.parametrize("on", ["box/", "box/doc"])
async def test_nobody_without_control_touches_an_acl(
    http: Visitor, home: str, alice: Person, bob: Person, modes: str, on: str
) -> None:
    url = home + on
    await http.put(f"{home}box/doc", "<#a> <#b> <#c>.", by=alice)
    mine = rule(modes="read write control", agent=alice.webid, to=url, default=url)
    his = [rule(modes=modes, agent=bob.webid, to=url, default=url)] if modes else []
    text = acl(mine, *his)
    await http.share(url, text, by=alice)
    insert = (
        f"<#x> a <http://www.w3.org/ns/auth/acl#Authorization>; <http://www.w3.org/ns/auth/acl#agent> <{bob.webid}>"
    )
    tries = [
        ("GET", None, None),
        ("HEAD", None, None),
        ("PUT", takeover(bob.webid, url), TURTLE),
        ("PUT", "{}", JSON_LD),
        ("PATCH", n3_patch(inserts=insert), N3),
        ("PATCH", f"INSERT DATA {{ {insert} }}", SPARQL),
        ("POST", takeover(bob.webid, url), TURTLE),
        ("DELETE", None, None),
    ]
    for method, body, kind in tries:
        answer = await http.send(method, f"{url}.acl", by=bob, body=body, kind=kind)
        assert answer.status == 403, (method, answer.text)
    assert (await http.get(f"{url}.acl", by=alice)).text == text


@pytest.mark.requirement("ATK-13", "PR-47")
async def test_no_slug_or_link_makes_an_acl_for_somebody_who_may_append(
    http: Visitor, home: str, alice: Person, bob: Person
) -> None:
    mine = rule(modes="read write control", agent=alice.webid, to=home, default=home)
    await http.share(home, acl(mine, rule(modes="append write", agent=bob.webid, to=home, default=home)), by=alice)
    before = (await http.get(f"{home}.acl", by=alice)).body
    slugs = [
        ".acl",
        "doc.acl",
        ".meta",
        "doc.meta",
        "%2Eacl",
        ".acl/",
        "/.acl",
        "..acl",
        ".ACL",
        "doc.acl%00",
        "../.acl",
    ]
    links = ["", CONTAINER_LINK, f'<{home}>; rel="acl"', '<.acl>; rel="describedby"']
    for slug, link in itertools.product(slugs, links):
        headers = {"Slug": slug, **({"Link": link} if link else {})}
        answer = await http.send("POST", home, by=bob, body=takeover(bob.webid, home), kind=TURTLE, headers=headers)
        assert answer.status in (201, 400, 409), (slug, link, answer.text)
        if answer.status == 201:
            assert not answer.location.rstrip("/").lower().endswith((".acl", ".meta"))
    assert (await http.get(f"{home}.acl", by=alice)).body == before
    assert (await http.get(home, by=bob)).status == 403


@pytest.mark.requirement("ATK-13", "PR-46", "PR-47")
@pytest.mark.parametrize(
    "name", [".acl/", ".acl/x", "doc.acl/", ".acl.acl", "doc.meta.acl", ".meta/.acl", "x.acl/.acl"]
)
async def test_a_writer_makes_no_resource_that_could_pass_for_an_acl(
    http: Visitor, home: str, alice: Person, bob: Person, name: str
) -> None:
    await http.put(f"{home}doc", "<#a> <#b> <#c>.", by=alice)
    mine = rule(modes="read write control", agent=alice.webid, to=home, default=home)
    await http.share(home, acl(mine, rule(modes="read write", agent=bob.webid, to=home, default=home)), by=alice)
    body = "" if name.endswith("/") else takeover(bob.webid, home)
    assert (await http.put(home + name, body, by=bob)).status in (403, 409)
    assert (await http.insert(home + name, "<#a> <#b> <#c>", by=bob)).status in (403, 409)
    assert (await http.get(home + name, by=alice)).status in (403, 404)
