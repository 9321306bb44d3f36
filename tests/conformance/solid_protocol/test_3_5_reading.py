"""Solid Protocol, reading: what a target supports, negotiation, tags, ranges."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from tests.people import JSON_LD, TURTLE, Person, Visitor

NTRIPLES = "application/n-triples"
SOME = "@prefix ex: <http://example.org/>. # a comment\nex:a ex:b <#c>.\n"
DATA = bytes(range(256)) * 200  # larger than what stays in a row


@pytest.mark.requirement("PR-50")
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("place", ["", "doc", ".acl", "missing", "missing/"])
async def test_reading_methods_are_never_unsupported(http: Visitor, home: str, method: str, place: str) -> None:
    assert (await http.send(method, home + place)).status in (204, 401)


@pytest.mark.requirement("PR-51", "TR-4")
async def test_allow_is_true_for_each_kind_of_target(http: Visitor, home: str, alice: Person) -> None:
    await http.put(f"{home}doc", SOME, by=alice)
    await http.put(f"{home}data.bin", b"\0", by=alice, kind="application/octet-stream")
    reading = {"GET", "HEAD", "OPTIONS"}
    expected = {
        home: reading | {"PUT", "POST", "PATCH", "DELETE"},
        f"{home}doc": reading | {"PUT", "PATCH", "DELETE"},
        f"{home}data.bin": reading | {"PUT", "DELETE"},
        alice.pod: reading | {"PUT", "POST", "PATCH"},
        f"{alice.pod}.acl": reading | {"PUT", "PATCH"},
        alice.webid.partition("#")[0]: reading | {"PUT", "PATCH"},
    }
    for url, methods in expected.items():
        for method in ("GET", "HEAD", "OPTIONS"):
            assert (await http.send(method, url, by=alice)).listed("Allow") == methods, (method, url)


@pytest.mark.requirement("PR-51")
async def test_what_allow_leaves_out_is_refused(http: Visitor, home: str, alice: Person) -> None:
    await http.put(f"{home}doc", SOME, by=alice)
    await http.put(f"{home}data.bin", b"\0", by=alice, kind="application/octet-stream")
    for method, url in (
        ("POST", f"{home}doc"),
        ("PATCH", f"{home}data.bin"),
        ("DELETE", alice.pod),
        ("DELETE", f"{alice.pod}.acl"),
        ("DELETE", alice.webid.partition("#")[0]),
    ):
        body = None if method == "DELETE" else "INSERT DATA { <#a> <#b> <#c> }"
        answer = await http.send(
            method, url, by=alice, body=body, kind=None if body is None else "application/sparql-update"
        )
        assert answer.status == 405, (method, url)
        assert method not in answer.listed("Allow")


@pytest.mark.requirement("PR-52", "PR-53")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_missing_target_tells_those_who_may_read_it_how_it_is_made(
    http: Visitor, home: str, alice: Person, bob: Person, method: str
) -> None:
    """rdflib.js takes the patch format from the 404 of what it is about to make, Comunica the methods."""
    absent = await http.send(method, f"{home}doc", by=alice)
    assert absent.status == 404
    assert absent.listed("Allow") == {"GET", "HEAD", "OPTIONS", "PUT", "PATCH"}
    assert absent.listed("Accept-Patch") == {"text/n3", "application/sparql-update"}
    assert absent.listed("Accept-Put") == {TURTLE, JSON_LD, NTRIPLES, "*/*"}
    assert absent.modes["user"] == {"read", "write", "append", "control"}
    for by in (bob, None):
        refused = await http.send(method, f"{home}doc", by=by)
        assert refused.status in (401, 403)
        assert not {"Allow", "Accept-Patch", "Accept-Put", "WAC-Allow"} & set(refused.headers)


@pytest.mark.requirement("PR-52", "PR-53")
async def test_accepted_types_are_told_for_the_methods_that_are_allowed(
    http: Visitor, home: str, alice: Person
) -> None:
    await http.put(f"{home}doc", SOME, by=alice)
    await http.put(f"{home}data.bin", b"\0", by=alice, kind="application/octet-stream")
    for method in ("GET", "HEAD", "OPTIONS"):
        container = await http.send(method, home, by=alice)
        assert container.listed("Accept-Patch") == {"text/n3", "application/sparql-update"}
        assert container.headers["Accept-Post"] == "*/*"
        assert TURTLE in container.listed("Accept-Put")
        document = await http.send(method, f"{home}doc", by=alice)
        assert document.listed("Accept-Patch") == {"text/n3", "application/sparql-update"}
        assert "Accept-Post" not in document.headers
        assert document.listed("Accept-Put") == {TURTLE, JSON_LD, NTRIPLES, "*/*"}
        binary = await http.send(method, f"{home}data.bin", by=alice)
        assert "Accept-Patch" not in binary.headers
        assert "Accept-Post" not in binary.headers


@pytest.mark.requirement("WM-1", "TR-3")
async def test_options_tells_a_stranger_nothing_of_what_exists(http: Visitor, home: str, alice: Person) -> None:
    await http.put(f"{home}data.bin", b"\0", by=alice, kind="application/octet-stream")
    there, missing = await http.options(f"{home}data.bin"), await http.options(f"{home}nothing")
    assert there.status == missing.status == 204
    names = ("Allow", "Accept-Patch", "Accept-Put")
    assert [there.headers.get(name) for name in names] == [missing.headers.get(name) for name in names]


@pytest.mark.requirement("PR-54", "LDP-1")
@pytest.mark.parametrize(
    ("kind", "body"), [(TURTLE, SOME), (JSON_LD, '{"@id":"#a","http://example.org/b":{"@id":"#c"}}')]
)
@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_an_rdf_source_is_turtle_and_json_ld(
    http: Visitor, home: str, alice: Person, kind: str, body: str, method: str
) -> None:
    if method == "PUT":
        url = f"{home}doc"
        await http.put(url, body, by=alice, kind=kind)
    else:
        url = (await http.post(home, body, by=alice, kind=kind)).location
    for wanted in (TURTLE, JSON_LD, NTRIPLES):
        answer = await http.get(url, by=alice, accept=wanted)
        assert (answer.status, answer.headers["Content-Type"]) == (200, wanted)
        assert "http://example.org/" in answer.text
        if wanted == kind:
            assert answer.text == body


@pytest.mark.requirement("TR-6", "D20")
async def test_turtle_comes_back_as_it_was_written(http: Visitor, home: str, alice: Person) -> None:
    await http.put(f"{home}doc", SOME, by=alice)
    for accept in (TURTLE, "*/*", None, "text/*"):
        assert (await http.get(f"{home}doc", by=alice, accept=accept)).text == SOME


@pytest.mark.requirement("PR-55")
async def test_json_ld_with_named_graphs_keeps_them(http: Visitor, home: str, alice: Person) -> None:
    body = '{"@id":"http://example.org/g","@graph":[{"@id":"#a","http://example.org/b":"c"}]}'
    assert (await http.put(f"{home}doc", body, by=alice, kind=JSON_LD)).status == 201
    assert (await http.get(f"{home}doc", by=alice, accept=JSON_LD)).text == body
    assert (await http.get(f"{home}doc", by=alice, accept=TURTLE)).status == 200


@pytest.mark.requirement("PR-56")
async def test_no_acceptable_representation_is_said_so(http: Visitor, home: str, alice: Person) -> None:
    await http.put(f"{home}doc", SOME, by=alice)
    await http.put(f"{home}data.bin", b"\0", by=alice, kind="application/octet-stream")
    for url, accept in ((f"{home}doc", "image/png"), (home, "text/csv"), (f"{home}data.bin", TURTLE)):
        assert (await http.get(url, by=alice, accept=accept)).status == 406
        assert (await http.head(url, by=alice, accept=accept)).status == 406


@pytest.mark.requirement("PR-57", "CH-7")
async def test_a_long_accept_is_weighed(http: Visitor, home: str, alice: Person) -> None:
    await http.put(f"{home}doc", SOME, by=alice)
    browser = "text/html,application/xhtml+xml;q=0.95,text/turtle;q=0.9,application/ld+json;q=0.8,*/*;q=0.1"
    for url in (home, f"{home}doc"):
        answer = await http.get(url, by=alice, accept=browser)
        assert answer.headers["Content-Type"] == TURTLE
        assert answer.headers.getall("Vary") == ["Accept, Authorization, Origin"]
    preferred = await http.get(f"{home}doc", by=alice, accept="text/turtle;q=0.5, application/ld+json")
    assert preferred.headers["Content-Type"] == JSON_LD


@pytest.mark.requirement("PR-54", "PR-57")
@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/turtle;q=0.2, text/*;q=0.9, application/ld+json;q=0.5", JSON_LD),  # the most specific range counts
        ("text/turtle;q=0, */*;q=0.1", JSON_LD),
        ("text/turtle;q=0.001, application/ld+json;q=0", TURTLE),
        ("TEXT/Turtle;Q=0.9, application/ld+json;q=0.8", TURTLE),
        ('application/ld+json;profile="http://www.w3.org/ns/json-ld#compacted"', JSON_LD),
        (
            'application/ld+json;profile="http://www.w3.org/ns/json-ld#flattened, or so";q=0.9, text/turtle;q=0.8',
            JSON_LD,
        ),
        ("text/turtle;charset=utf-8", TURTLE),
        ("application/n-triples;q=1.0, text/turtle;q=0.99", NTRIPLES),
        ("text/*", TURTLE),
        ("application/*;q=0.5, text/html", JSON_LD),
    ],
)
async def test_the_weights_of_ranges_and_profiles_decide(
    http: Visitor, home: str, alice: Person, accept: str, kind: str
) -> None:
    await http.put(f"{home}doc", SOME, by=alice)
    for url in (home, f"{home}doc"):
        got = await http.get(url, by=alice, accept=accept)
        assert (got.status, got.headers["Content-Type"]) == (200, kind)
        assert (await http.head(url, by=alice, accept=accept)).headers["Content-Type"] == kind


@pytest.mark.requirement("PR-1", "PR-57")
async def test_a_list_in_several_header_lines_is_one_list(http: Visitor, home: str, alice: Person) -> None:
    """RFC 9110, section 5.3."""
    tag = (await http.put(f"{home}doc", SOME, by=alice)).headers["ETag"]
    accept = CIMultiDict([("Accept", "text/html"), ("Accept", "text/turtle;q=0.1, application/ld+json")])
    read = await http.send("GET", f"{home}doc", by=alice, headers=accept)
    assert (read.status, read.headers["Content-Type"]) == (200, JSON_LD)
    tags = CIMultiDict([("If-None-Match", '"other"'), ("If-None-Match", tag), ("Accept", TURTLE)])
    assert (await http.send("GET", f"{home}doc", by=alice, headers=tags)).status == 304
    tags = CIMultiDict([("If-Match", '"other"'), ("If-Match", tag)])
    assert (await http.send("DELETE", f"{home}doc", by=alice, headers=tags)).status == 204


@pytest.mark.requirement("PR-59", "TR-5", "ATK-16")
async def test_each_representation_has_its_own_strong_tag(http: Visitor, home: str, alice: Person) -> None:
    await http.put(f"{home}doc", SOME, by=alice)
    for url in (home, f"{home}doc"):
        tags = [(await http.get(url, by=alice, accept=kind)).headers["ETag"] for kind in (TURTLE, JSON_LD, NTRIPLES)]
        assert len(set(tags)) == 3
        assert not any(tag.startswith("W/") for tag in tags)


@pytest.mark.requirement("PR-59", "TR-5")
async def test_not_modified_is_said_after_negotiation(http: Visitor, home: str, alice: Person) -> None:
    url = f"{home}doc"
    await http.put(url, SOME, by=alice)
    tag = (await http.get(url, by=alice, accept=TURTLE)).headers["ETag"]
    same = await http.get(url, by=alice, accept=TURTLE, If_None_Match=tag)
    assert (same.status, same.body, same.headers["ETag"]) == (304, b"", tag)
    assert (await http.get(url, by=alice, accept=JSON_LD, If_None_Match=tag)).status == 200
    assert (await http.get(url, by=alice, accept="image/png", If_None_Match=tag)).status == 406
    await http.put(url, SOME + "<#d> <#e> <#f>.", by=alice)
    assert (await http.get(url, by=alice, accept=TURTLE, If_None_Match=tag)).status == 200


@pytest.mark.requirement("PR-59")
async def test_a_tag_survives_a_change_of_the_acl(http: Visitor, home: str, alice: Person, bob: Person) -> None:
    from tests.people import acl, rule

    url = f"{home}doc"
    tag = (await http.put(url, SOME, by=alice)).headers["ETag"]
    rules = acl(
        rule(modes="read write control", agent=alice.webid, to=url), rule(modes="read", agent=bob.webid, to=url)
    )
    await http.share(url, rules, by=alice)
    assert (await http.get(url, by=bob)).headers["ETag"] == tag
    assert (await http.put(url, SOME, by=alice, If_Match=tag)).status == 204


@pytest.mark.requirement("PR-59")
async def test_any_current_tag_matches_a_write(http: Visitor, home: str, alice: Person) -> None:
    url = f"{home}doc"
    await http.put(url, SOME, by=alice)
    for kind in (TURTLE, JSON_LD):
        tag = (await http.get(url, by=alice, accept=kind)).headers["ETag"]
        assert (await http.put(url, SOME, by=alice, If_Match=tag)).status == 204
        assert (await http.put(url, SOME, by=alice, If_Match=tag)).status == 412


@pytest.mark.requirement("PR-1", "PR-59")
@pytest.mark.parametrize(
    ("asked", "status", "first", "last"),
    [
        ("bytes=0-99", 206, 0, 99),
        ("bytes=51000-", 206, 51000, 51199),
        ("bytes=-200", 206, 51000, 51199),
        ("bytes=0-99999", 206, 0, 51199),
        ("bytes=51200-", 416, 0, 0),
        ("bytes=5-2", 200, 0, 51199),
        ("lines=1-2", 200, 0, 51199),
    ],
)
async def test_ranges_of_stored_bytes(
    http: Visitor, home: str, alice: Person, asked: str, status: int, first: int, last: int
) -> None:
    url = f"{home}film.mp4"
    await http.put(url, DATA, by=alice, kind="video/mp4")
    answer = await http.get(url, by=alice, Range=asked)
    assert answer.status == status
    if status == 206:
        assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(DATA)}"
        assert answer.body == DATA[first : last + 1]
    elif status == 416:
        assert answer.headers["Content-Range"] == f"bytes */{len(DATA)}"
    else:
        assert answer.body == DATA


@pytest.mark.requirement("PR-59", "TR-19")
async def test_a_range_depends_on_if_range_and_conversions_have_none(http: Visitor, home: str, alice: Person) -> None:
    url = f"{home}film.mp4"
    tag = (await http.put(url, DATA, by=alice, kind="video/mp4")).headers["ETag"]
    assert (await http.get(url, by=alice, Range="bytes=0-9", If_Range=tag)).status == 206
    assert (await http.get(url, by=alice, Range="bytes=0-9", If_Range='"other"')).body == DATA
    await http.put(f"{home}doc", SOME, by=alice)
    converted = await http.get(f"{home}doc", by=alice, accept=JSON_LD, Range="bytes=0-9")
    assert converted.status == 200
    assert "Accept-Ranges" not in converted.headers
    assert (await http.get(f"{home}doc", by=alice)).headers["Accept-Ranges"] == "bytes"


@pytest.mark.requirement("LDP-1", "TR-28")
@pytest.mark.parametrize("accept", [TURTLE, JSON_LD])
async def test_head_is_get_without_its_body(http: Visitor, home: str, alice: Person, accept: str) -> None:
    await http.put(f"{home}doc", SOME, by=alice)
    for url in (home, f"{home}doc"):
        got, head = await http.get(url, by=alice, accept=accept), await http.head(url, by=alice, accept=accept)
        assert head.body == b""
        assert head.status == got.status
        moving = {"Date", "Content-Length"}
        assert {k: v for k, v in head.headers.items() if k not in moving} == {
            k: v for k, v in got.headers.items() if k not in moving
        }
        if "Content-Length" in head.headers:
            assert head.headers["Content-Length"] == str(len(got.body))
    assert (await http.head(f"{home}doc", by=alice)).headers["Content-Length"] == str(len(SOME))


@pytest.mark.requirement("TR-7")
async def test_the_type_is_what_was_sent_whatever_the_name_says(http: Visitor, home: str, alice: Person) -> None:
    await http.put(f"{home}page.ttl", "<p>", by=alice, kind="text/plain")
    await http.put(f"{home}data.txt", SOME, by=alice, kind=TURTLE)
    assert (await http.get(f"{home}page.ttl", by=alice)).headers["Content-Type"] == "text/plain"
    assert (await http.get(f"{home}data.txt", by=alice)).headers["Content-Type"] == TURTLE
