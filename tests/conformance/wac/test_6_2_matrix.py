"""The matrix of status codes (section 6.2): what each request answers to somebody known and to a stranger."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.people import CONTAINER_LINK, N3, TURTLE, Person, Visitor, acl, n3_patch, rule

SOME = "<#secret> <#is> <#here>."
PATCH = n3_patch(inserts="<#new> <#is> <#here>")
DELETING = n3_patch(deletes="<#secret> <#is> <#here>")
READING = n3_patch(where="?x <#is> <#here>", inserts="?x <#was> <#seen>")

DONE = (200, 201, 202, 204, 205)
OK = {204: DONE}


@dataclass(frozen=True)
class Row:
    """One request. `on`: what is asked about. `held` and `above`: the modes on it and on its container; a missing
    target gets `held` by default from the container."""

    method: str
    on: str  # document, container, missing, missing/
    body: str
    held: str
    above: str
    known: int
    stranger: int

    def __str__(self) -> str:
        return f"{self.method} {self.on} {self.body} held={self.held or '-'} above={self.above or '-'}"


# fmt: off
MATRIX = [
    #   method    on           body        held             above     known  stranger
    Row("GET",    "document",  "",         "",              "",       403, 401),
    Row("HEAD",   "document",  "",         "",              "",       403, 401),
    Row("GET",    "document",  "",         "write",         "",       403, 401),
    Row("GET",    "document",  "",         "append control","",       403, 401),
    Row("GET",    "document",  "",         "read",          "",       200, 200),
    Row("HEAD",   "document",  "",         "read",          "",       200, 200),
    Row("GET",    "container", "",         "",              "",       403, 401),
    Row("GET",    "container", "",         "read",          "",       200, 200),
    Row("GET",    "missing",   "",         "read",          "",       404, 404),
    Row("HEAD",   "missing",   "",         "read",          "",       404, 404),
    Row("GET",    "missing/",  "",         "read",          "",       404, 404),
    Row("GET",    "missing",   "",         "",              "read",   403, 401),
    Row("GET",    "missing",   "",         "write append",  "",       403, 401),
    Row("HEAD",   "missing",   "",         "control",       "",       403, 401),

    Row("PUT",    "document",  "turtle",   "read",          "",       403, 401),
    Row("PUT",    "document",  "turtle",   "append",        "write",  403, 401),
    Row("PUT",    "document",  "turtle",   "control",       "write",  403, 401),
    Row("PUT",    "document",  "turtle",   "write",         "",       204, 204),
    Row("PUT",    "document",  "untyped",  "read",          "read",   403, 401),
    Row("PUT",    "container", "turtle",   "read",          "",       403, 401),
    Row("PUT",    "container", "turtle",   "write",         "",       204, 204),
    Row("PUT",    "missing",   "turtle",   "read",          "",       403, 401),
    Row("PUT",    "missing",   "turtle",   "read",          "read",   403, 401),
    Row("PUT",    "missing",   "turtle",   "write",         "",       403, 401),
    Row("PUT",    "missing",   "turtle",   "",              "write",  403, 401),
    Row("PUT",    "missing",   "turtle",   "append",        "append", 403, 401),
    Row("PUT",    "missing",   "turtle",   "write",         "append", 201, 201),
    Row("PUT",    "missing",   "turtle",   "write",         "write",  201, 201),
    Row("PUT",    "missing/",  "turtle",   "read",          "read",   403, 401),
    Row("PUT",    "missing/",  "turtle",   "write",         "append", 201, 201),

    Row("POST",   "document",  "turtle",   "read",          "",       403, 401),
    Row("POST",   "document",  "turtle",   "append",        "",       405, 405),
    Row("POST",   "container", "turtle",   "read",          "",       403, 401),
    Row("POST",   "container", "turtle",   "control",       "",       403, 401),
    Row("POST",   "container", "turtle",   "append",        "",       201, 201),
    Row("POST",   "container", "turtle",   "write",         "",       201, 201),
    Row("POST",   "container", "turtle",   "",              "write",  403, 401),
    Row("POST",   "missing",   "turtle",   "read",          "",       404, 404),
    Row("POST",   "missing",   "turtle",   "",              "",       403, 401),
    Row("POST",   "missing/",  "turtle",   "read",          "",       404, 404),
    Row("POST",   "missing/",  "turtle",   "append",        "append", 404, 404),

    Row("PATCH",  "document",  "text",     "read",          "",       403, 401),
    Row("PATCH",  "document",  "text",     "append",        "",       415, 415),
    Row("PATCH",  "document",  "insert",   "read",          "",       403, 401),
    Row("PATCH",  "document",  "insert",   "control",       "write",  403, 401),
    Row("PATCH",  "document",  "insert",   "append",        "",       204, 204),
    Row("PATCH",  "document",  "insert",   "write",         "",       204, 204),
    Row("PATCH",  "document",  "delete",   "append",        "",       403, 401),
    Row("PATCH",  "document",  "delete",   "read append",   "",       403, 401),
    Row("PATCH",  "document",  "delete",   "write",         "",       403, 401),
    Row("PATCH",  "document",  "delete",   "read write",    "",       204, 204),
    Row("PATCH",  "document",  "where",    "append",        "",       403, 401),
    Row("PATCH",  "document",  "where",    "read append",   "",       204, 204),
    Row("PATCH",  "container", "insert",   "read",          "",       403, 401),
    Row("PATCH",  "container", "insert",   "append",        "",       204, 204),
    Row("PATCH",  "missing",   "insert",   "read",          "read",   403, 401),
    Row("PATCH",  "missing",   "insert",   "append",        "",       403, 401),
    Row("PATCH",  "missing",   "insert",   "",              "append", 403, 401),
    Row("PATCH",  "missing",   "insert",   "append",        "append", 201, 201),
    Row("PATCH",  "missing",   "insert",   "write",         "write",  201, 201),
    Row("PATCH",  "missing",   "insert",   "control",       "control",403, 401),
    Row("PATCH",  "missing",   "text",     "append",        "",       403, 401),

    Row("DELETE", "document",  "",         "",              "",       403, 401),
    Row("DELETE", "document",  "",         "read",          "",       403, 401),
    Row("DELETE", "document",  "",         "append",        "append", 403, 401),
    Row("DELETE", "document",  "",         "control",       "control",403, 401),
    Row("DELETE", "document",  "",         "write",         "",       403, 401),
    Row("DELETE", "document",  "",         "write",         "append", 403, 401),
    Row("DELETE", "document",  "",         "",              "write",  403, 401),
    Row("DELETE", "document",  "",         "write",         "write",  204, 204),
    Row("DELETE", "container", "",         "write",         "write",  403, 401),
    Row("DELETE", "container", "",         "read write",    "",       403, 401),
    Row("DELETE", "container", "",         "read write",    "write",  204, 204),
    Row("DELETE", "missing",   "",         "read",          "",       404, 404),
    Row("DELETE", "missing",   "",         "write",         "write",  403, 401),
    Row("DELETE", "missing",   "",         "read write",    "write",  404, 404),
    Row("DELETE", "missing/",  "",         "write",         "write",  403, 401),
]
# fmt: on

BODIES = {
    "": (None, None),
    "turtle": ("<#new> <#is> <#here>.", TURTLE),
    "untyped": ("<#new> <#is> <#here>.", None),
    "text": ("nothing", "text/plain"),
    "insert": (PATCH, N3),
    "delete": (DELETING, N3),
    "where": (READING, N3),
}
PLACES = {"document": "box/doc", "container": "box/inner/", "missing": "box/nothing", "missing/": "box/nothing/"}


@pytest.mark.requirement(
    "PR-5", "WM-2", "WM-3", "WM-4", "WM-5", "WM-6", "WM-7", "WM-8", "WM-9", "WM-11", "WM-12", "WM-16", "WM-17",
    "WM-18", "N3-14", "N3-18", "D1", "D2", "D3", "D4", "TR-2", "TR-3", "TR-16", "WA-12",
)  # fmt: skip
@pytest.mark.parametrize("given", ["agent", "authenticated", "public"])
@pytest.mark.parametrize("row", MATRIX, ids=str)
async def test_the_matrix(http: Visitor, home: str, alice: Person, bob: Person, row: Row, given: str) -> None:
    url = home + PLACES[row.on]
    await _lay(http, home, alice, row, given, bob)
    before = (await http.get(f"{home}box/", by=alice)).body
    body, kind = BODIES[row.body]
    answer = await http.send(row.method, url, by=bob, body=body, kind=kind)
    assert answer.status == row.known, answer.text
    if row.known in (403, 404, 405, 415):
        assert (await http.get(f"{home}box/", by=alice)).body == before
    if row.method != "GET":
        assert b"secret" not in answer.body


@pytest.mark.requirement("PR-5", "TR-2", "TR-3", "RS-1")
@pytest.mark.parametrize("row", MATRIX, ids=str)
async def test_the_matrix_for_strangers(http: Visitor, home: str, alice: Person, bob: Person, row: Row) -> None:
    url = home + PLACES[row.on]
    body, kind = BODIES[row.body]
    await _lay(http, home, alice, row, "public", bob)
    answer = await http.send(row.method, url, body=body, kind=kind)
    assert answer.status == row.stranger, answer.text
    if row.stranger == 401:
        assert answer.headers["WWW-Authenticate"].startswith("DPoP ")


@pytest.mark.requirement("PR-5", "TR-3", "RS-1")
@pytest.mark.parametrize("row", [row for row in MATRIX if row.known not in (401, 403)], ids=str)
async def test_what_somebody_else_was_given_is_not_for_strangers(
    http: Visitor, home: str, alice: Person, bob: Person, carol: Person, row: Row
) -> None:
    await _lay(http, home, alice, row, "agent", bob)
    body, kind = BODIES[row.body]
    assert (await http.send(row.method, home + PLACES[row.on], body=body, kind=kind)).status == 401
    answer = await http.send(row.method, home + PLACES[row.on], by=carol, body=body, kind=kind)
    assert answer.status == 403


async def _lay(http: Visitor, home: str, alice: Person, row: Row, given: str, bob: Person) -> None:
    """`box/` with a document and an empty container; `held` on the target, `above` on its container."""
    box = f"{home}box/"
    await http.put(box, by=alice, Link=CONTAINER_LINK)
    await http.put(f"{box}doc", SOME, by=alice)
    await http.put(f"{box}inner/", by=alice, Link=CONTAINER_LINK)
    who = {"agent": {"agent": bob.webid}, "authenticated": {"agent_class": "authenticated"}}.get(
        given, {"agent_class": "public"}
    )
    mine = rule(modes="read write control", agent=alice.webid, to=box, default=box)
    rules = [mine]
    if row.above:
        rules.append(rule(modes=row.above, to=box, **who))
    if row.held and row.on in ("missing", "missing/"):
        rules.append(rule(modes=row.held, default=box, **who))
    await http.share(box, acl(*rules), by=alice)
    if row.on in ("document", "container"):
        url = home + PLACES[row.on]
        own = [rule(modes="read write control", agent=alice.webid, to=url)]
        own += [rule(modes=row.held, to=url, **who)] if row.held else []
        await http.share(url, acl(*own), by=alice)


@pytest.mark.requirement("WM-10", "PR-61")
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_making_containers_needs_append_on_the_first_one_that_exists(
    http: Visitor, home: str, alice: Person, bob: Person, method: str
) -> None:
    body, kind = (SOME, TURTLE) if method == "PUT" else (PATCH, N3)
    mine = rule(modes="read write control", agent=alice.webid, to=home, default=home)
    await http.share(home, acl(mine, rule(modes="write", agent=bob.webid, default=home)), by=alice)
    answer = await http.send(method, f"{home}a/b/doc", by=bob, body=body, kind=kind)
    assert answer.status == 403
    assert (await http.get(f"{home}a/", by=alice)).status == 404
    both = rule(modes="append", agent=bob.webid, to=home)
    await http.share(home, acl(mine, rule(modes="write", agent=bob.webid, default=home), both), by=alice)
    assert (await http.send(method, f"{home}a/b/doc", by=bob, body=body, kind=kind)).status == 201


@pytest.mark.requirement("PR-76", "WM-4")
async def test_a_writer_without_read_learns_nothing(http: Visitor, home: str, alice: Person, bob: Person) -> None:
    url = f"{home}doc"
    await http.put(url, SOME, by=alice)
    mine = rule(modes="read control", agent=alice.webid, to=url)
    await http.share(url, acl(mine, rule(modes="write", agent=bob.webid, to=url)), by=alice)
    answer = await http.put(url, "<#x> <#y> <#z>.", by=bob)
    assert (answer.status, answer.body) == (204, b"")
    assert (await http.get(url, by=bob)).status == 403


@pytest.mark.requirement("N3-18", "TR-3")
@pytest.mark.parametrize(
    "patch",
    [n3_patch(deletes="<#not> <#there> <#x>"), n3_patch(where="?x <#none> ?y", inserts="?x <#p> ?y"), "nonsense"],
)
async def test_an_appender_cannot_probe_content_by_patches(
    http: Visitor, home: str, alice: Person, bob: Person, patch: str
) -> None:
    url = f"{home}doc"
    await http.put(url, SOME, by=alice)
    mine = rule(modes="read control", agent=alice.webid, to=url)
    await http.share(url, acl(mine, rule(modes="append", agent=bob.webid, to=url)), by=alice)
    expected = 400 if patch == "nonsense" else 403
    assert (await http.patch(url, patch, by=bob)).status == expected
    there = n3_patch(deletes="<#secret> <#is> <#here>")
    assert (await http.patch(url, there, by=bob)).status == 403
