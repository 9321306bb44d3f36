"""Solid Protocol, PATCH: N3 Patch rule by rule, and the part of SPARQL Update that clients send."""

from __future__ import annotations

import pytest

from tests.people import JSON_LD, N3, SPARQL, TERMS, TURTLE, Person, Visitor, n3_patch

NTRIPLES = "application/n-triples"
START = "<#a> <#p> <#b>. <#a> <#q> <#c>."


async def triples(http: Visitor, url: str, by: Person) -> set[str]:
    """The graph of a document, as lines with `#` for the document."""
    text = (await http.get(url, by=by, accept=NTRIPLES)).text
    return {line.replace(url, "").removesuffix(" .") for line in text.splitlines()}


@pytest.fixture
async def doc(http: Visitor, home: str, alice: Person) -> str:
    url = f"{home}doc"
    assert (await http.put(url, START, by=alice)).status == 201
    return url


BEFORE = {"<#a> <#p> <#b>", "<#a> <#q> <#c>"}


@pytest.mark.requirement("N3-1", "N3-13")
async def test_an_insert_adds_and_a_delete_takes_away(http: Visitor, doc: str, alice: Person) -> None:
    assert (await http.insert(doc, "<#n> <#is> 1", by=alice)).status == 204
    assert (await http.patch(doc, n3_patch(deletes="<#a> <#p> <#b>"), by=alice)).status == 204
    found = await triples(http, doc, alice)
    assert "<#a> <#q> <#c>" in found
    assert "<#a> <#p> <#b>" not in found
    assert len(found) == 2


@pytest.mark.requirement("N3-2")
@pytest.mark.parametrize("body", ["nonsense", "@prefix : .", "<#a> <#b> { <#c> ", '"'])
async def test_what_is_not_n3_is_malformed(http: Visitor, doc: str, alice: Person, body: str) -> None:
    assert (await http.patch(doc, body, by=alice)).status == 400
    assert await triples(http, doc, alice) == BEFORE


HEAD = f"@prefix solid: <{TERMS}>.\n"


@pytest.mark.requirement("N3-3", "N3-4", "N3-5", "N3-6", "N3-7", "N3-8")
@pytest.mark.parametrize(
    ("rule", "body"),
    [
        ("no patch at all", "<#a> <#b> <#c>."),
        ("two patches", "<#x> a solid:InsertDeletePatch. <#y> a solid:InsertDeletePatch; solid:inserts {<#a> <#b> 1}."),
        ("untyped", "_:x solid:inserts { <#a> <#b> <#c> }."),
        ("typed as Patch alone", "_:x a solid:Patch; solid:inserts { <#a> <#b> <#c> }."),
        ("two inserts", "_:x a solid:InsertDeletePatch; solid:inserts { <#a> <#b> 1 }, { <#a> <#b> 2 }."),
        ("not a formula", "_:x a solid:InsertDeletePatch; solid:inserts <#a>."),
        ("nested formula", "_:x a solid:InsertDeletePatch; solid:inserts { <#a> <#b> { <#c> <#d> <#e> } }."),
        ("unbound variable", "_:x a solid:InsertDeletePatch; solid:inserts { ?v <#b> <#c> }."),
        ("blank node in deletes", "_:x a solid:InsertDeletePatch; solid:deletes { _:y <#b> <#c> }."),
    ],
)
async def test_a_patch_of_the_wrong_shape_cannot_be_processed(
    http: Visitor, doc: str, alice: Person, rule: str, body: str
) -> None:
    answer = await http.patch(doc, HEAD + body, by=alice)
    assert answer.status == 422, rule
    assert await triples(http, doc, alice) == BEFORE


@pytest.mark.requirement("N3-9")
@pytest.mark.parametrize(
    ("where", "body"),
    [
        ("inserts and where", "_:x a solid:InsertDeletePatch; solid:where {_:n <#p> ?o}; solid:inserts {_:n <#q> ?o}."),
        ("inserts and the rest", "_:n a solid:InsertDeletePatch; solid:inserts { _:n <#q> <#c> }."),
        (
            "where and the rest",
            "_:n a solid:InsertDeletePatch; solid:where {_:n <#p> ?o}; solid:inserts {<#n> <#q> ?o}.",
        ),
    ],
)
async def test_a_blank_node_stands_in_one_part_of_a_patch_only(
    http: Visitor, doc: str, alice: Person, where: str, body: str
) -> None:
    assert (await http.patch(doc, HEAD + body, by=alice)).status == 422, where
    assert await triples(http, doc, alice) == BEFORE


@pytest.mark.requirement("N3-3", "TR-27")
@pytest.mark.parametrize(
    "body",
    [
        "<#patch> a solid:InsertDeletePatch; solid:inserts { <#n> <#is> <#here> }.",
        "<> a solid:InsertDeletePatch; solid:inserts { <#n> <#is> <#here> }.",
        "_:x a solid:InsertDeletePatch; solid:inserts { <#n> <#is> <#here>. }.",
        "@prefix : <#>. _:x a solid:InsertDeletePatch; solid:inserts { :n :is :here }; solid:deletes {}.",
        "[] a solid:InsertDeletePatch, solid:Patch; solid:where {}; solid:inserts { <#n> <#is> <#here> }.",
    ],
)
async def test_the_spellings_that_clients_use_are_understood(http: Visitor, doc: str, alice: Person, body: str) -> None:
    assert (await http.patch(doc, HEAD + body, by=alice)).status == 204
    assert "<#n> <#is> <#here>" in await triples(http, doc, alice)


@pytest.mark.requirement("N3-8", "N3-9")
async def test_a_blank_node_in_inserts_is_fresh_each_time(http: Visitor, doc: str, alice: Person) -> None:
    for _ in range(2):
        assert (await http.insert(doc, "_:new <#says> <#hello>", by=alice)).status == 204
    text = (await http.get(doc, by=alice, accept=NTRIPLES)).text
    subjects = {line.split(" ")[0] for line in text.splitlines() if "#says" in line}
    assert len(subjects) == 2


@pytest.mark.requirement("N3-10", "N3-13", "N3-15")
@pytest.mark.parametrize("name", ["new", "new.txt", "new.json"])
async def test_a_patch_makes_a_turtle_document(http: Visitor, home: str, alice: Person, name: str) -> None:
    answer = await http.insert(home + name, "<#a> <#b> <#c>", by=alice)
    assert answer.status == 201
    got = await http.get(home + name, by=alice)
    assert (got.status, got.headers["Content-Type"]) == (200, TURTLE)


@pytest.mark.requirement("N3-11")
async def test_where_must_match_exactly_once(http: Visitor, doc: str, alice: Person) -> None:
    once = n3_patch(where="?x <#p> <#b>", deletes="?x <#p> <#b>", inserts="?x <#p> <#z>")
    assert (await http.patch(doc, once, by=alice)).status == 204
    assert await triples(http, doc, alice) == {"<#a> <#p> <#z>", "<#a> <#q> <#c>"}
    none = n3_patch(where="?x <#missing> ?y", inserts="?x <#seen> ?y")
    assert (await http.patch(doc, none, by=alice)).status == 409
    many = n3_patch(where="?x ?p ?y", inserts="?x <#seen> ?y")
    assert (await http.patch(doc, many, by=alice)).status == 409
    assert await triples(http, doc, alice) == {"<#a> <#p> <#z>", "<#a> <#q> <#c>"}


@pytest.mark.requirement("N3-12")
async def test_deleting_what_is_not_there_changes_nothing(http: Visitor, doc: str, alice: Person) -> None:
    patch = n3_patch(deletes="<#a> <#p> <#b>. <#a> <#missing> <#c>", inserts="<#n> <#is> <#here>")
    tag = (await http.head(doc, by=alice)).headers["ETag"]
    assert (await http.patch(doc, patch, by=alice)).status == 409
    after = await http.get(doc, by=alice)
    assert after.text == START
    assert after.headers["ETag"] == tag


@pytest.mark.requirement("N3-15")
async def test_a_patched_document_keeps_its_media_type(http: Visitor, home: str, alice: Person) -> None:
    url = f"{home}doc"
    await http.put(url, '{"@id":"#a","http://example.org/p":"x"}', by=alice, kind=JSON_LD)
    assert (await http.insert(url, "<#n> <#is> <#here>", by=alice)).status == 204
    answer = await http.get(url, by=alice)
    assert answer.headers["Content-Type"] == JSON_LD
    assert {"<#n> <#is> <#here>", '<#a> <http://example.org/p> "x"'} <= await triples(http, url, alice)


@pytest.mark.requirement("N3-16")
@pytest.mark.parametrize(
    ("kind", "body"), [(N3, n3_patch(inserts="<#a> <#b> <#c>")), (SPARQL, "INSERT DATA {<#a> <#b> <#c>}")]
)
async def test_what_is_not_rdf_is_not_patched(http: Visitor, home: str, alice: Person, kind: str, body: str) -> None:
    await http.put(f"{home}data.bin", b"\0", by=alice, kind="application/octet-stream")
    answer = await http.patch(f"{home}data.bin", body, by=alice, kind=kind)
    assert answer.status == 405
    assert "PATCH" not in answer.listed("Allow")


@pytest.mark.requirement("N3-16")
async def test_a_containers_own_triples_can_be_patched(http: Visitor, home: str, alice: Person) -> None:
    await http.put(f"{home}doc", START, by=alice)
    assert (await http.insert(home, f'<{home}> <#title> "mine"', by=alice)).status == 204
    text = (await http.get(home, by=alice, accept=NTRIPLES)).text
    assert '"mine"' in text
    assert f"<{home}doc>" in text
    assert (await http.patch(home, n3_patch(deletes=f'<{home}> <#title> "mine"'), by=alice)).status == 204
    assert '"mine"' not in (await http.get(home, by=alice)).text


@pytest.mark.requirement("N3-17", "PR-71")
async def test_conditions_hold_for_patches(http: Visitor, doc: str, alice: Person) -> None:
    tag = (await http.head(doc, by=alice)).headers["ETag"]
    assert (await http.insert(doc, "<#n> <#is> 1", by=alice, If_Match='"other"')).status == 412
    assert (await http.insert(doc, "<#n> <#is> 1", by=alice, If_None_Match="*")).status == 412
    assert (await http.insert(doc, "<#n> <#is> 1", by=alice, If_Match=tag)).status == 204


@pytest.mark.requirement("N3-19")
async def test_an_empty_patch_changes_nothing(http: Visitor, doc: str, alice: Person) -> None:
    tag = (await http.head(doc, by=alice)).headers["ETag"]
    assert (await http.patch(doc, n3_patch(), by=alice)).status == 204
    again = n3_patch(deletes="<#a> <#p> <#b>", inserts="<#a> <#p> <#b>")
    assert (await http.patch(doc, again, by=alice)).status == 204
    assert (await http.head(doc, by=alice)).headers["ETag"] == tag


@pytest.mark.requirement("D9")
@pytest.mark.parametrize(
    ("update", "after"),
    [
        ("INSERT DATA { <#n> <#is> <#x> }", BEFORE | {"<#n> <#is> <#x>"}),
        ("DELETE DATA { <#a> <#p> <#b> }", BEFORE - {"<#a> <#p> <#b>"}),
        ("DELETE DATA { <#a> <#p> <#b> }; INSERT DATA { <#a> <#p> <#x> }", {"<#a> <#p> <#x>", "<#a> <#q> <#c>"}),
        (
            "DELETE { ?x <#p> <#b> } INSERT { ?x <#p> <#x> } WHERE { ?x <#p> <#b> }",
            {"<#a> <#p> <#x>", "<#a> <#q> <#c>"},
        ),
        ("DELETE WHERE { ?x <#p> ?y }", {"<#a> <#q> <#c>"}),
        ("DELETE DATA { <#not> <#there> <#x> }", BEFORE),
        ("DELETE { ?x <#none> ?y } INSERT { ?x <#p> <#x> } WHERE { ?x <#none> ?y }", BEFORE),
        ("PREFIX ex: <#> INSERT DATA { ex:n ex:is ex:x }", BEFORE | {"<#n> <#is> <#x>"}),
    ],
)
async def test_the_sparql_updates_that_clients_send(
    http: Visitor, doc: str, alice: Person, update: str, after: set[str]
) -> None:
    assert (await http.patch(doc, update, by=alice, kind=SPARQL)).status == 204
    assert await triples(http, doc, alice) == after


@pytest.mark.requirement("D9", "N3-10")
async def test_a_sparql_insert_makes_a_document(http: Visitor, home: str, alice: Person) -> None:
    answer = await http.patch(f"{home}new", "INSERT DATA { <#a> <#b> <#c> }", by=alice, kind=SPARQL)
    assert answer.status == 201
    assert await triples(http, f"{home}new", alice) == {"<#a> <#b> <#c>"}


@pytest.mark.requirement("D9", "LIM-13")
@pytest.mark.parametrize(
    "update",
    [
        "LOAD <http://127.0.0.1:9/>",
        "CLEAR DEFAULT",
        "DROP ALL",
        "INSERT DATA { GRAPH <#g> { <#a> <#b> <#c> } }",
        "DELETE { ?x <#p> ?y } WHERE { ?x <#p> ?y FILTER(?y = 1) }",
        "DELETE { ?x <#p> ?y } WHERE { ?x <#p>/<#q> ?y }",
        "DELETE { ?x <#p> ?y } WHERE { { SELECT ?x { ?x <#p> ?y } } }",
        "INSERT { ?x <#p> 1 } WHERE { SERVICE <http://127.0.0.1:9/> { ?x ?y ?z } }",
    ],
)
async def test_other_updates_cannot_be_processed(http: Visitor, doc: str, alice: Person, update: str) -> None:
    assert (await http.patch(doc, update, by=alice, kind=SPARQL)).status == 422
    assert await triples(http, doc, alice) == BEFORE
