"""PATCH against the real store: nothing changes unless everything holds."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.solid.hands import BASE, OWNER, Hand
from tests.unit.solid.test_solid_writes import refused
from vault.config import Limits
from vault.errors import (
    Conflict,
    Forbidden,
    Malformed,
    MethodNotAllowed,
    PreconditionFailed,
    TooLarge,
    Unprocessable,
    UnsupportedMedia,
)
from vault.rdf.graph import Iri, Literal
from vault.solid.edit import Edited, costly_document, patch_resource, prepare_patch
from vault.solid.headers import AnyTag, Conditions
from vault.solid.operation import Patch
from vault.solid.resource import ChangeSet
from vault.values import JSON_LD, TURTLE, ETag, MediaType

PLAIN = MediaType("text/plain")
HEAD = "@prefix solid: <http://www.w3.org/ns/solid/terms#>. @prefix ex: <https://ex.example/>. "
NAME = Iri("https://ex.example/name")


def n3(*, where: str = "", deletes: str = "", inserts: str = "") -> str:
    parts = [("where", where), ("deletes", deletes), ("inserts", inserts)]
    clauses = "".join(f"; solid:{name} {{ {text} }}" for name, text in parts if text)
    return f"{HEAD} _:p a solid:InsertDeletePatch{clauses}."


@pytest.mark.requirement("N3-10")
@pytest.mark.requirement("N3-15")
@pytest.mark.requirement("TR-7")
@pytest.mark.parametrize("path", ["/doc", "/a/b/doc.txt", "/data.json"])
async def test_a_patch_makes_a_turtle_document_whatever_its_name(hand: Hand, path: str) -> None:
    made = await hand.patch(path, n3(inserts='<> ex:name "Ann".'))
    assert made.created[-1] == hand.at(path)
    assert (await hand.known(path)).media_type == TURTLE
    assert (await hand.graph(path)).value(Iri(hand.at(path).iri(BASE)), NAME) == Literal("Ann")


@pytest.mark.requirement("N3-13")
async def test_deletes_and_inserts_happen_together(hand: Hand) -> None:
    await hand.put("/doc", '@prefix ex: <https://ex.example/>. <> ex:name "Ann"; ex:age 3 .')
    await hand.patch("/doc", n3(where="?s ex:name ?n.", deletes="?s ex:name ?n.", inserts='?s ex:name "Bea".'))
    assert (await hand.graph("/doc")).objects(Iri(f"{BASE}alice/doc"), NAME) == (Literal("Bea"),)


@pytest.mark.requirement("TR-6")
async def test_an_edited_document_keeps_its_type_and_its_authors_short_names(hand: Hand) -> None:
    await hand.put(
        "/doc",
        "@prefix mine: <https://ex.example/>.\n<> mine:name 1 .",
        MediaType("text/turtle", (("charset", "utf-8"),)),
    )
    await hand.patch("/doc", n3(inserts="<> ex:name 2 ."))
    assert "mine:name" in await hand.text("/doc")
    assert (await hand.known("/doc")).media_type.parameter("charset") == "utf-8"
    await hand.put("/json", '{"@id": "", "https://ex.example/name": "Ann"}', JSON_LD)
    await hand.patch("/json", n3(inserts='<> ex:name "Bea".'))
    assert (await hand.known("/json")).media_type == JSON_LD
    names = (await hand.graph("/json")).objects(Iri(f"{BASE}alice/json"), NAME)
    assert names == (Literal("Ann"), Literal("Bea"))


@pytest.mark.requirement("PR-55")
async def test_a_document_with_named_graphs_is_not_torn_by_a_patch(hand: Hand) -> None:
    text = '{"@id": "urn:g", "@graph": [{"@id": "urn:a", "urn:q": 1}]}'
    await hand.put("/json", text, JSON_LD)
    await refused(Conflict, hand.patch("/json", n3(inserts="<> ex:name 1 .")), hand, "named-graphs")
    assert await hand.text("/json") == text


@pytest.mark.requirement("N3-11")
@pytest.mark.requirement("N3-12")
@pytest.mark.parametrize(
    "text",
    [
        n3(deletes='<> ex:name "Nobody".'),
        n3(where="?s ex:shoe ?x.", inserts="?s ex:name 1 ."),
        n3(where="?s ?p ?o.", inserts="?s ex:name 1 ."),
        n3(deletes='<> ex:name "Ann", "Nobody".', inserts="<> ex:name 1 ."),
    ],
)
async def test_a_patch_that_does_not_fit_changes_nothing(hand: Hand, text: str) -> None:
    await hand.put("/doc", '<> <https://ex.example/name> "Ann"; <https://ex.example/age> 3 .')
    before = await hand.known("/doc")
    await refused(Conflict, hand.patch("/doc", text), hand)
    await refused(Conflict, hand.patch("/new", n3(deletes='<> ex:name "Ann".')), hand)
    assert await hand.known("/doc") == before
    assert await hand.get("/new") is None


@pytest.mark.requirement("N3-19")
@pytest.mark.parametrize(
    "text", [n3(), n3(inserts='<> ex:name "Ann".'), n3(deletes='<> ex:name "Ann".', inserts='<> ex:name "Ann".')]
)
async def test_a_patch_that_changes_nothing_is_not_told(hand: Hand, text: str) -> None:
    await hand.put("/doc", '<> <https://ex.example/name> "Ann" . # mine')
    before = (await hand.known("/doc"), await hand.told(), await hand.audit())
    changes = await hand.patch("/doc", text)
    assert (changes.created, changes.updated, changes.resource) == ((), (), before[0])
    assert (await hand.known("/doc"), await hand.told(), await hand.audit()) == before
    assert "# mine" in await hand.text("/doc")


async def test_an_empty_patch_makes_an_empty_document(hand: Hand) -> None:
    assert (await hand.patch("/doc", n3())).created == (hand.at("/doc"),)
    assert await hand.text("/doc", "text/turtle") == ""


@pytest.mark.requirement("N3-16")
async def test_bytes_that_are_not_rdf_take_no_patch(hand: Hand) -> None:
    await hand.put("/text", "text", PLAIN)
    await refused(MethodNotAllowed, hand.patch("/text", n3(inserts="<> ex:name 1 .")), hand)
    await refused(MethodNotAllowed, hand.patch("/text", Malformed("rdf-syntax")), hand)
    await refused(MethodNotAllowed, hand.patch("/.well-known/solid", n3()), hand)
    await refused(Forbidden, hand.patch("/x.acl/", n3()), hand)


@pytest.mark.requirement("N3-16")
@pytest.mark.requirement("PR-69")
async def test_a_containers_own_triples_may_change_and_protected_ones_not(hand: Hand) -> None:
    await hand.put("/c/doc", "text", PLAIN)
    await hand.patch("/c/", n3(inserts='<> ex:name "Mine".'))
    contains, size = "<http://www.w3.org/ns/ldp#contains>", "<http://www.w3.org/ns/posix/stat#size>"
    for text in (
        n3(inserts=f"<> {contains} <other>."),
        n3(deletes=f"<> {contains} <doc>."),
        n3(inserts=f"<doc> {size} 5 ."),
        n3(deletes=f"<doc> {size} 4 ."),
        n3(deletes="<> a <http://www.w3.org/ns/ldp#Container>."),
        n3(where=f"?c {contains} ?x.", deletes=f"?c {contains} ?x."),
    ):
        await refused(Conflict, hand.patch("/c/", text), hand)
    await hand.patch(
        "/c/", n3(where=f"?c {contains} <doc>; ex:name ?n.", deletes="?c ex:name ?n.", inserts='?c ex:name "Ours".')
    )
    here = Iri(f"{BASE}alice/c/")
    found = await hand.graph("/c/")
    assert found.objects(here, NAME) == (Literal("Ours"),)
    assert len(found.objects(here, Iri(contains[1:-1]))) == 1
    before = await hand.known("/c/")
    await hand.patch("/c/", n3(inserts='<> ex:name "Ours"; a <http://www.w3.org/ns/ldp#Container>.'))
    assert await hand.known("/c/") == before


@pytest.mark.requirement("PR-61")
async def test_a_patch_makes_a_container_and_those_above_it(hand: Hand) -> None:
    made = await hand.patch("/a/b/", n3(inserts='<> ex:name "Mine".'))
    assert [url.path for url in made.created] == ["/a/", "/a/b/"]
    assert (await hand.graph("/a/b/")).value(Iri(f"{BASE}alice/a/b/"), NAME) == Literal("Mine")


async def test_a_patch_of_a_crowded_container_that_looks_at_it_is_bounded(hand: Hand) -> None:
    for number in range(3):
        await hand.put(f"/c/{number}", "text", PLAIN)
    hand.limits = Limits(triples=16)
    await refused(Unprocessable, hand.patch("/c/", n3(where="<> ex:name ?n.", inserts="<> ex:name 1 .")), hand)
    await hand.patch("/c/", n3(inserts="<> ex:name 1 ."))


@pytest.mark.requirement("WP-3")
async def test_a_patch_takes_over_no_identity(hand: Hand) -> None:
    webid, issuer = f"<{OWNER}>", "<http://www.w3.org/ns/solid/terms#oidcIssuer>"
    await refused(
        Conflict, hand.patch("/profile/card", n3(inserts=f"{webid} {issuer} <https://rogue.example/>.")), hand
    )
    await refused(Conflict, hand.patch("/profile/card", n3(deletes=f"{webid} {issuer} <{BASE}>.")), hand)
    sparql = f"DELETE {{ ?s {issuer} ?o }} INSERT {{ ?s {issuer} <https://rogue.example/> }} WHERE {{ ?s {issuer} ?o }}"
    await refused(Conflict, hand.patch("/profile/card", sparql, sparql=True), hand)
    await hand.patch("/profile/card", n3(inserts=f"{webid} ex:name 1 ."))


@pytest.mark.requirement("WA-5")
async def test_a_patch_leaves_control_in_the_root_acl(hand: Hand) -> None:
    rule, mode = f"<{BASE}alice/.acl#owner>", "<http://www.w3.org/ns/auth/acl#mode>"
    control = "<http://www.w3.org/ns/auth/acl#Control>"
    await refused(Conflict, hand.patch("/.acl", n3(deletes=f"{rule} {mode} {control}.")), hand)
    await hand.patch("/.acl", n3(deletes=f"{rule} {mode} <http://www.w3.org/ns/auth/acl#Write>."))
    assert OWNER in await hand.text("/.acl")  # WA-17: full WebIDs in the text


@pytest.mark.requirement("WM-18")
async def test_a_body_that_is_no_patch_is_answered_in_its_place_in_the_order(hand: Hand) -> None:
    await hand.put("/doc", "<> a <urn:x>.")
    stale = Conditions(if_match=(ETag("0-ttl"),))
    no_type = Malformed("content-type-missing")
    await refused(UnsupportedMedia, hand.patch("/doc", UnsupportedMedia("x"), conditions=stale), hand)
    await refused(Malformed, hand.patch("/doc", no_type, conditions=stale), hand, "content-type-missing")
    await refused(PreconditionFailed, hand.patch("/doc", Malformed("rdf-syntax"), conditions=stale), hand)
    await refused(Malformed, hand.patch("/doc", Malformed("rdf-syntax")), hand, "rdf-syntax")
    await refused(Malformed, hand.patch("/doc/", Malformed("rdf-syntax")), hand, "rdf-syntax")
    await refused(Unprocessable, hand.patch("/new", Unprocessable("patch-shape")), hand, "patch-shape")


@pytest.mark.requirement("N3-17")
async def test_a_patch_obeys_its_preconditions(hand: Hand) -> None:
    await hand.put("/doc", "<> a <urn:x>.")
    text = n3(inserts="<> ex:name 1 .")
    await refused(PreconditionFailed, hand.patch("/doc", text, conditions=Conditions(if_none_match=AnyTag.ANY)), hand)
    await refused(PreconditionFailed, hand.patch("/new", text, conditions=Conditions(if_match=AnyTag.ANY)), hand)
    made = await hand.patch("/doc", text, conditions=Conditions(if_match=((await hand.known("/doc")).etag(),)))
    assert made.updated == (hand.at("/doc"),)


@pytest.mark.requirement("PR-72")
async def test_ten_patches_at_once_all_survive(hand: Hand) -> None:
    await asyncio.gather(*(hand.patch("/doc", n3(inserts=f"<> ex:name {number} .")) for number in range(10)))
    assert len((await hand.graph("/doc")).objects(Iri(f"{BASE}alice/doc"), NAME)) == 10


@pytest.mark.requirement("D9")
@pytest.mark.requirement("TR-29")
async def test_a_sparql_update_edits_and_a_miss_is_no_conflict(hand: Hand) -> None:
    await hand.patch("/doc", 'INSERT DATA { <> <https://ex.example/name> "Ann" }', sparql=True)
    before = await hand.known("/doc")
    await hand.patch("/doc", 'DELETE DATA { <> <https://ex.example/name> "Nobody" }', sparql=True)
    assert await hand.known("/doc") == before
    await hand.patch("/doc", "DELETE WHERE { ?s <https://ex.example/name> ?o }", sparql=True)
    assert len(await hand.graph("/doc")) == 0


@pytest.mark.requirement("LIM-02")
async def test_a_document_does_not_grow_beyond_what_can_be_read_again(hand: Hand) -> None:
    await hand.put("/doc", "<> a <urn:x>.")
    hand.limits = Limits(rdf_bytes=200)
    await refused(TooLarge, hand.patch("/doc", n3(inserts=f'<> ex:name "{"x" * 200}".')), hand)
    await refused(TooLarge, hand.patch("/c/", n3(inserts=f'<> ex:name "{"x" * 200}".')), hand)


async def test_what_is_costly_is_edited_before_the_writer_or_not_at_all(hand: Hand) -> None:
    await hand.put("/doc", '<> <https://ex.example/name> "Ann" .')
    hand.limits = Limits(inline_parse_bytes=10)
    patch = hand.patching("/doc", n3(where="<> ex:name ?n.", deletes="<> ex:name ?n.", inserts="<> ex:name 1 ."))
    before = await hand.known("/doc")
    assert await _put(hand, patch, None) is None
    assert await hand.known("/doc") == before
    prepared = await _prepared(hand, patch)
    assert await _put(hand, patch, prepared) is not None
    assert (await hand.text("/doc")).encode() == prepared.data


async def test_what_was_worked_out_before_counts_only_for_the_same_version(hand: Hand) -> None:
    await hand.put("/doc", '<> <https://ex.example/name> "Ann" .')
    hand.limits = Limits(inline_parse_bytes=10)
    patch = hand.patching("/doc", n3(where="<> ex:name ?n.", deletes="<> ex:name ?n.", inserts="<> ex:name 1 ."))
    prepared = await _prepared(hand, patch)
    await hand.put("/doc", '<> <https://ex.example/name> "Bea"; <https://ex.example/age> 3 .')
    assert await _put(hand, patch, prepared) is None
    assert await _put(hand, patch, await _prepared(hand, patch)) is not None
    assert len(await hand.graph("/doc")) == 2  # the age is still there: the old result was not used


async def test_what_is_small_needs_no_preparing(hand: Hand) -> None:
    await hand.put("/doc", '<> <https://ex.example/name> "Ann" .')
    patch = hand.patching("/doc", n3(inserts="<> ex:name 1 ."))
    async with hand.store.reading() as work:
        assert await costly_document(work.resources, patch, limits=hand.limits) is None
    assert await _put(hand, patch, None) is not None


@pytest.mark.requirement("N3-18")
async def test_a_fault_found_in_preparing_waits_for_what_outranks_it(hand: Hand) -> None:
    await hand.put("/doc", '<> <https://ex.example/name> "Ann" .')
    hand.limits = Limits(inline_parse_bytes=10)
    wrong = n3(deletes='<> ex:name "Nobody".')
    stale = hand.patching("/doc", wrong, conditions=Conditions(if_match=(ETag("0-ttl"),)))
    prepared = await _prepared(hand, stale)
    assert isinstance(prepared.fault, Conflict)
    with pytest.raises(PreconditionFailed):
        await _put(hand, stale, prepared)
    with pytest.raises(Conflict):
        await _put(hand, hand.patching("/doc", wrong), prepared)


async def _prepared(hand: Hand, patch: Patch) -> Edited:
    async with hand.store.reading() as work:
        stored = await costly_document(work.resources, patch, limits=hand.limits)
    assert stored is not None
    return await prepare_patch(stored, patch, base_url=BASE, limits=hand.limits)


async def _put(hand: Hand, patch: Patch, prepared: Edited | None) -> ChangeSet | None:
    async with hand.store.writing() as work:
        return await patch_resource(
            work, patch, actor=OWNER, now=hand.now, base_url=BASE, limits=hand.limits, prepared=prepared
        )
