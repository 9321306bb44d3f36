"""Solid Protocol, HTTP and URIs: containers end in a slash, twins, one canonical form, methods, content types."""

from __future__ import annotations

import pytest

from tests.people import N3, TURTLE, Person, Visitor, acl, n3_patch, rule

SOME = "<#it> <#is> <#here>."


@pytest.mark.requirement("PR-5", "RS-1")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"])
async def test_a_stranger_at_a_private_container_is_asked_who_he_is(http: Visitor, home: str, method: str) -> None:
    kind = "application/sparql-update" if method == "PATCH" else TURTLE
    body = None if method in ("GET", "HEAD", "DELETE") else "INSERT DATA { <#a> <#b> <#c> }"
    answer = await http.send(method, home, body=body, kind=kind if body else None)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("DPoP ")
    assert 'algs="ES256 RS256' in answer.headers["WWW-Authenticate"]


@pytest.mark.requirement("PR-6")
async def test_error_bodies_say_what_type_they_are(http: Visitor, home: str, alice: Person) -> None:
    for answer in (await http.get(home), await http.get(f"{home}missing", by=alice)):
        assert answer.body
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json["status"] == answer.status


@pytest.mark.requirement("PR-7")
@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH"])
async def test_content_without_its_type_is_malformed(http: Visitor, home: str, alice: Person, method: str) -> None:
    url = home if method == "POST" else f"{home}untyped"
    answer = await http.send(method, url, by=alice, body="some text")
    assert answer.status == 400
    assert answer.json["reason"] == "content-type-missing"


@pytest.mark.requirement("PR-7", "CH-4")
async def test_no_content_needs_no_type(http: Visitor, home: str, alice: Person) -> None:
    assert (await http.put(f"{home}empty", by=alice, kind=None)).status == 201
    assert (await http.put(f"{home}folder/", by=alice, kind=None)).status == 201


@pytest.mark.requirement("CH-9")
async def test_a_type_with_parameters_and_capitals_is_understood(http: Visitor, home: str, alice: Person) -> None:
    url = f"{home}doc"
    assert (await http.put(url, SOME, by=alice, kind="Text/Turtle; charset=UTF-8")).status == 201
    answer = await http.get(url, by=alice, accept="application/ld+json")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/ld+json")


@pytest.mark.requirement("PR-8")
async def test_documents_and_containers_say_when_they_changed(http: Visitor, home: str, alice: Person) -> None:
    await http.put(f"{home}doc", SOME, by=alice)
    for url in (home, f"{home}doc"):
        for answer in (await http.get(url, by=alice), await http.head(url, by=alice)):
            assert answer.headers["Last-Modified"].endswith(" GMT")


@pytest.mark.requirement("PR-9")
async def test_trace_is_not_supported_and_the_answer_says_what_is(http: Visitor, home: str, alice: Person) -> None:
    answer = await http.send("TRACE", home, by=alice)
    assert answer.status == 405
    assert {"GET", "HEAD", "OPTIONS"} <= answer.listed("Allow")


@pytest.mark.requirement("PR-9")
async def test_a_method_nobody_here_knows_is_not_implemented(http: Visitor, home: str, alice: Person) -> None:
    assert (await http.send("PROPFIND", home, by=alice)).status == 501
    assert (await http.send("DAHU", home, by=alice)).status == 501


@pytest.mark.requirement("PR-10", "PR-31")
async def test_what_ends_in_a_slash_is_a_container_and_nothing_else_is(http: Visitor, home: str, alice: Person) -> None:
    await http.put(f"{home}box/", by=alice)
    await http.put(f"{home}doc", SOME, by=alice)
    container = (await http.head(f"{home}box/", by=alice)).links["type"]
    document = (await http.head(f"{home}doc", by=alice)).links["type"]
    assert "http://www.w3.org/ns/ldp#BasicContainer" in container
    assert document == ["http://www.w3.org/ns/ldp#Resource"]


@pytest.mark.requirement("PR-11", "PR-13")
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(("first", "second"), [("twin", "twin/"), ("twin/", "twin")])
async def test_a_uri_and_its_twin_never_both_exist(
    http: Visitor, home: str, alice: Person, method: str, first: str, second: str
) -> None:
    assert (await http.put(home + first, by=alice)).status == 201
    body = "" if method == "PUT" else n3_patch(inserts=SOME.rstrip("."))
    answer = await http.send(method, home + second, by=alice, body=body, kind=TURTLE if method == "PUT" else N3)
    assert answer.status == 409
    listing = (await http.get(home, by=alice)).text
    assert (await http.head(home + first, by=alice)).status == 200
    assert f"<{home}{second}>" not in listing


@pytest.mark.requirement("PR-13", "PR-64")
async def test_a_slug_that_would_collide_with_a_twin_gets_another_name(http: Visitor, home: str, alice: Person) -> None:
    await http.put(f"{home}notes/", by=alice)
    answer = await http.post(home, SOME, by=alice, Slug="notes")
    assert answer.status == 201
    assert answer.location not in (f"{home}notes", f"{home}notes/")
    assert "notes" in answer.location


@pytest.mark.requirement("PR-12")
@pytest.mark.parametrize(("there", "asked"), [("place/", "place"), ("paper", "paper/")])
async def test_the_missing_twin_leads_to_the_one_that_exists(
    http: Visitor, home: str, alice: Person, there: str, asked: str
) -> None:
    await http.put(home + there, by=alice)
    for answer in (await http.get(home + asked, by=alice), await http.head(home + asked, by=alice)):
        assert answer.status == 301
        assert answer.location == home + there


@pytest.mark.requirement("PR-12", "TR-3")
async def test_the_twin_is_not_told_to_those_who_may_not_read_it(
    http: Visitor, home: str, alice: Person, bob: Person
) -> None:
    await http.put(f"{home}place/", by=alice)
    assert (await http.get(f"{home}place", by=bob)).status == 403
    assert (await http.get(f"{home}place")).status == 401
    await http.share(home, acl(rule(modes="read write", agent=alice.webid, to=home, default=home)), by=alice)
    hidden = f"{home}place/"
    await http.share(hidden, acl(rule(modes="control", agent=alice.webid, to=hidden)), by=alice)
    assert (await http.get(f"{home}place", by=alice)).status == 404


@pytest.mark.requirement("PR-14")
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("below", ["doc/x", "doc/a/b"])
async def test_nothing_stands_below_a_document(
    http: Visitor, home: str, alice: Person, method: str, below: str
) -> None:
    await http.put(f"{home}doc", SOME, by=alice)
    body = SOME if method == "PUT" else n3_patch(inserts=SOME.rstrip("."))
    answer = await http.send(method, home + below, by=alice, body=body, kind=TURTLE if method == "PUT" else N3)
    assert answer.status == 409
    assert (await http.post(f"{home}doc/foo/", SOME, by=alice)).status == 404


@pytest.mark.requirement("PR-15")
async def test_two_spellings_of_one_uri_are_one_resource(http: Visitor, home: str, alice: Person) -> None:
    assert (await http.put(f"{home}a%7Eb%20c", SOME, by=alice)).status == 201
    for spelling in ("a~b%20c", "%61~b%20c", "a%7eb%20c"):
        assert (await http.get(home + spelling, by=alice)).text == SOME
    assert (await http.put(f"{home}a~b%20c", SOME, by=alice)).status == 204


@pytest.mark.requirement("PR-15")
async def test_an_encoded_slash_is_not_a_slash(http: Visitor, home: str, alice: Person) -> None:
    assert (await http.put(f"{home}a%2Fb", SOME, by=alice)).status == 201
    assert (await http.get(f"{home}a%2fb", by=alice)).status == 200
    assert (await http.get(f"{home}a/b", by=alice)).status == 404
    assert (await http.head(f"{home}a/", by=alice)).status == 404


@pytest.mark.requirement("PR-15")
@pytest.mark.parametrize("odd", ["a//b", "./a", "a/../b", "%2e%2e/a", "a/%2E/b", "//", ".."])
async def test_dots_and_empty_segments_are_refused(http: Visitor, home: str, alice: Person, odd: str) -> None:
    assert (await http.put(home + odd, SOME, by=alice)).status == 400
    assert (await http.get(home + odd, by=alice)).status == 400


@pytest.mark.requirement("PR-16", "PR-45", "TR-13")
async def test_a_uri_used_again_starts_with_a_clean_slate(http: Visitor, home: str, alice: Person, bob: Person) -> None:
    url = f"{home}doc"
    await http.put(url, SOME, by=alice)
    await http.share(url, acl(rule(modes="read", agent=bob.webid, to=url)), by=alice)
    assert (await http.get(url, by=bob)).status == 200
    both = acl(rule(modes="read write", agent=alice.webid, to=url), rule(modes="read", agent=bob.webid, to=url))
    await http.share(url, both, by=alice)
    assert (await http.delete(url, by=alice)).status == 204
    assert (await http.get(url, by=alice)).status == 404
    assert (await http.put(url, SOME, by=alice)).status == 201
    assert (await http.get(url, by=bob)).status == 403
