"""Solid Protocol, what answers carry for caches and for clients that read headers simply."""

from __future__ import annotations

import re

import pytest

from tests.people import TURTLE, Person, Visitor, acl, rule

SOME = "<#it> <#is> <#here>."


@pytest.mark.requirement("PR-2")
async def test_what_was_read_with_credentials_is_never_kept_for_others(http: Visitor, home: str, alice: Person) -> None:
    await http.put(f"{home}doc", SOME, by=alice)
    for url in (home, f"{home}doc", f"{home}missing"):
        answer = await http.get(url, by=alice)
        assert answer.headers["Cache-Control"] in ("private, no-store", "no-store")


@pytest.mark.requirement("PR-2", "PR-59")
async def test_what_is_public_is_kept_and_asked_about_again(http: Visitor, home: str, alice: Person) -> None:
    url = f"{home}doc"
    await http.put(url, SOME, by=alice)
    mine, all_ = (
        rule(modes="read write control", agent=alice.webid, to=url),
        rule(modes="read", agent_class="public", to=url),
    )
    await http.share(url, acl(mine, all_), by=alice)
    first = await http.get(url, accept=TURTLE)
    assert first.headers["Cache-Control"] == "no-cache"
    assert {"Accept", "Authorization"} <= first.listed("Vary")
    again = await http.get(url, accept=TURTLE, If_None_Match=first.headers["ETag"])
    assert (again.status, again.body) == (304, b"")
    for name in ("ETag", "Cache-Control", "Vary"):
        assert again.headers[name] == first.headers[name]
    dated = await http.get(url, accept=TURTLE, If_Modified_Since=first.headers["Last-Modified"])
    assert dated.status == 304
    assert "Content-Type" not in dated.headers
    await http.share(url, acl(mine), by=alice)
    assert (await http.get(url, accept=TURTLE, If_None_Match=first.headers["ETag"])).status == 401


@pytest.mark.requirement("PR-2")
async def test_a_tag_weighs_more_than_a_date(http: Visitor, home: str, alice: Person) -> None:
    url = f"{home}doc"
    await http.put(url, SOME, by=alice)
    now = (await http.head(url, by=alice)).headers["Last-Modified"]
    answer = await http.get(url, by=alice, If_None_Match='"other"', If_Modified_Since=now)
    assert answer.status == 200


@pytest.mark.requirement("CH-6", "CH-7", "TR-18")
async def test_each_link_stands_alone_and_each_list_on_one_line(http: Visitor, home: str, alice: Person) -> None:
    await http.put(f"{home}a%2C%20b", SOME, by=alice)
    for url in (alice.pod, home, f"{home}a%2C%20b"):
        for method in ("GET", "HEAD", "OPTIONS"):
            answer = await http.send(method, url, by=alice, headers={"Origin": "https://app.example"})
            for line in answer.headers.getall("Link"):
                assert re.fullmatch(r'<https?://[^<>", ]+>; rel="[a-z:/.0-9A-Z#]+"', line), line
            for name in ("Allow", "Vary", "Access-Control-Allow-Origin", "Access-Control-Expose-Headers"):
                assert len(answer.headers.getall(name)) == 1, name
    challenge = await http.get(home, Origin="https://app.example")
    assert len(challenge.headers.getall("WWW-Authenticate")) == 1


@pytest.mark.requirement("TR-11", "RS-7", "PR-15")
@pytest.mark.parametrize(
    ("written", "proven"), [("a b", "a%20b"), ("a%20b", "a%20b"), ("%7Etilde", "~tilde"), ("n%C3%A4me", "n%c3%a4me")]
)
async def test_a_proof_holds_for_every_spelling_of_an_address(
    http: Visitor, home: str, alice: Person, written: str, proven: str
) -> None:
    url = home + written.replace(" ", "%20")
    token = await http.token_of(alice)
    headers = {"Authorization": f"DPoP {token}", "DPoP": alice.proof("PUT", home + proven)}
    assert (await http.send("PUT", url, body=SOME, kind=TURTLE, headers=headers)).status == 201
    wrong = {"Authorization": f"DPoP {token}", "DPoP": alice.proof("GET", f"{home}other")}
    assert (await http.send("GET", url, headers=wrong)).status == 401


@pytest.mark.requirement("TR-12", "PR-47")
async def test_an_appender_cannot_take_over_a_container_by_its_slugs(
    http: Visitor, home: str, alice: Person, bob: Person
) -> None:
    mine = rule(modes="read write control", agent=alice.webid, to=home, default=home)
    await http.share(home, acl(mine, rule(modes="append", agent=bob.webid, to=home)), by=alice)
    mischief = acl(rule(modes="read write control", agent=bob.webid, to=home, default=home))
    before = await http.get(f"{home}.acl", by=alice)
    for slug in (".acl", "/.acl", ".acl/", "%2eacl", ".meta", "x/../.acl"):
        answer = await http.post(home, mischief, by=bob, Slug=slug)
        assert answer.status == 201, slug
        assert not answer.location.rstrip("/").endswith((".acl", ".meta")), slug
    after = await http.get(f"{home}.acl", by=alice)
    assert (after.body, after.headers["ETag"]) == (before.body, before.headers["ETag"])
    assert (await http.get(home, by=bob)).status == 403
