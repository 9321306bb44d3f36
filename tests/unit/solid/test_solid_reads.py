"""GET and HEAD against the real store: stored bytes first, and nothing sent that was not asked for."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.solid.hands import BASE, Hand
from vault.errors import Missing, NotAcceptable, PreconditionFailed
from vault.rdf.graph import DCT, LDP, PIM, RDF, STAT, Iri
from vault.rdf.syntax import parse
from vault.solid.headers import AnyTag, Conditions, parse_prefer, parse_range
from vault.solid.ports import Span
from vault.solid.read import NotModified, ReadOutcome, Representation, Unsatisfiable, describe_storage
from vault.solid.resource import BlobRef, Draft, Inline
from vault.values import JSON_LD, NTRIPLES, TURTLE, ETag, MediaType

PLAIN = MediaType("text/plain")
TEXT = '# mine\n<> <https://ex.example/name> "Ann" .\n'


def shown(outcome: ReadOutcome) -> Representation:
    assert isinstance(outcome, Representation)
    return outcome


@pytest.mark.parametrize("path", ["/nothing", "/nothing/", "/profile/card.meta", "/settings/.acl", "/nothing.acl"])
@pytest.mark.requirement("WA-4")
@pytest.mark.requirement("PR-44")
@pytest.mark.requirement("TR-23")
async def test_what_was_never_written_is_missing(hand: Hand, path: str) -> None:
    with pytest.raises(Missing):
        await hand.read(path)


@pytest.mark.requirement("PR-54")
@pytest.mark.parametrize(
    ("stored", "text"), [(TURTLE, TEXT), (JSON_LD, '{"@id": "", "https://ex.example/name": "Ann"}')]
)
async def test_rdf_is_available_in_every_rdf_type(hand: Hand, stored: MediaType, text: str) -> None:
    await hand.put("/doc", text, stored)
    graphs = set()
    for wanted in (TURTLE, JSON_LD, NTRIPLES):
        outcome = shown(await hand.read("/doc", str(wanted)))
        assert outcome.media_type == wanted
        assert isinstance(outcome.body, Inline)
        assert outcome.total == len(outcome.body.data)
        graphs.add(parse(outcome.body.data, wanted, base=f"{BASE}alice/doc", limits=hand.limits))
    assert len(graphs) == 1
    assert await hand.text("/doc") == text


@pytest.mark.requirement("PR-55")
async def test_named_graphs_come_back_as_they_were(hand: Hand) -> None:
    text = '{"@id": "urn:g", "@graph": [{"@id": "urn:a", "urn:q": 1}], "urn:p": 2}'
    await hand.put("/doc", text, JSON_LD)
    assert await hand.text("/doc", "application/ld+json") == text
    assert "urn:p" in await hand.text("/doc", "text/turtle")


@pytest.mark.requirement("PR-56")
async def test_what_cannot_be_sent_as_asked_is_not_sent(hand: Hand) -> None:
    await hand.put("/doc", TEXT)
    await hand.put("/text", "text", PLAIN)
    for path, accept in (("/doc", "text/html"), ("/text", "text/turtle"), ("/", "image/png")):
        with pytest.raises(NotAcceptable):
            await hand.read(path, accept)


@pytest.mark.requirement("PR-59")
@pytest.mark.requirement("TR-5")
async def test_304_is_said_of_the_representation_that_would_be_sent(hand: Hand) -> None:
    await hand.put("/doc", TEXT)
    turtle = shown(await hand.read("/doc")).etag
    json = shown(await hand.read("/doc", "application/ld+json")).etag
    assert turtle != json
    mine = Conditions(if_none_match=(turtle,))
    assert isinstance(await hand.read("/doc", conditions=mine), NotModified)
    shown(await hand.read("/doc", "application/ld+json", conditions=mine))
    with pytest.raises(NotAcceptable):  # only after negotiation
        await hand.read("/doc", "text/html", conditions=Conditions(if_none_match=AnyTag.ANY))
    await hand.put("/doc", TEXT)
    shown(await hand.read("/doc", conditions=mine))


async def test_if_match_on_a_read_takes_any_current_tag(hand: Hand) -> None:
    await hand.put("/doc", TEXT)
    json = shown(await hand.read("/doc", "application/ld+json")).etag
    shown(await hand.read("/doc", conditions=Conditions(if_match=(json,))))
    with pytest.raises(PreconditionFailed):
        await hand.read("/doc", conditions=Conditions(if_match=(ETag("0-ttl"),)))


async def test_dates_give_304_on_documents(hand: Hand) -> None:
    await hand.put("/doc", TEXT)
    modified = (await hand.known("/doc")).modified
    assert isinstance(await hand.read("/doc", conditions=Conditions(if_modified_since=modified)), NotModified)
    shown(await hand.read("/doc", conditions=Conditions(if_modified_since=modified - timedelta(seconds=1))))


@pytest.mark.requirement("PR-32")
async def test_dates_never_give_304_on_containers_and_tags_do(hand: Hand) -> None:
    await hand.put("/c/doc", "text", PLAIN)
    later = (await hand.known("/c/")).modified + timedelta(days=1)
    shown(await hand.read("/c/", conditions=Conditions(if_modified_since=later)))
    tag = shown(await hand.read("/c/")).etag
    mine = Conditions(if_none_match=(tag,))
    assert isinstance(await hand.read("/c/", conditions=mine), NotModified)
    await hand.put("/c/doc", "text two", PLAIN)
    shown(await hand.read("/c/", conditions=mine))


@pytest.mark.requirement("PR-59")
async def test_a_range_is_cut_from_stored_bytes(hand: Hand) -> None:
    await hand.put("/text", "0123456789", PLAIN)
    part = shown(await hand.read("/text", wanted_range=parse_range("bytes=2-4")))
    assert (part.body, part.span, part.total, part.ranges) == (Inline(b"234"), Span(2, 4), 10, True)
    outcome = await hand.read("/text", wanted_range=parse_range("bytes=10-"))
    assert isinstance(outcome, Unsatisfiable)
    assert outcome.total == 10
    stale = shown(await hand.read("/text", wanted_range=parse_range("bytes=2-4", '"0-x"')))
    assert (stale.span, stale.body) == (None, Inline(b"0123456789"))
    head = shown(await hand.read("/text", wanted_range=parse_range("bytes=2-4"), head=True))
    assert (head.span, head.body, head.total) == (None, None, 10)


async def test_a_large_body_is_named_and_left_for_the_answer_to_open(hand: Hand) -> None:
    await hand.put("/file", BlobRef("ab" * 32, 5000), PLAIN)
    part = shown(await hand.read("/file", wanted_range=parse_range("bytes=-10")))
    assert (part.body, part.span, part.total) == (BlobRef("ab" * 32, 5000), Span(4990, 4999), 5000)


@pytest.mark.requirement("TR-19")
async def test_converted_and_listed_content_has_no_ranges(hand: Hand) -> None:
    await hand.put("/c/doc", TEXT)
    for path, accept in (("/c/doc", "application/ld+json"), ("/c/", None)):
        outcome = shown(await hand.read(path, accept, wanted_range=parse_range("bytes=0-1")))
        assert (outcome.span, outcome.ranges) == (None, False)


@pytest.mark.requirement("PR-35")
@pytest.mark.requirement("TR-28")
@pytest.mark.parametrize("accept", [None, "*/*", "application/ld+json", "application/n-triples"])
async def test_head_says_what_get_says_without_a_body(hand: Hand, accept: str | None) -> None:
    await hand.put("/c/doc", TEXT)
    for path in ("/c/", "/c/doc"):
        head, get = shown(await hand.read(path, accept, head=True)), shown(await hand.read(path, accept))
        assert (head.media_type, head.etag, head.ranges) == (get.media_type, get.etag, get.ranges)
        assert head.body is None
        assert head.total in (None, get.total)
        if accept is None:
            assert get.media_type == TURTLE


@pytest.mark.requirement("PR-30")
@pytest.mark.requirement("PR-31")
@pytest.mark.requirement("PR-33")
@pytest.mark.requirement("PR-36")
async def test_a_listing_shows_the_members_and_their_facts(hand: Hand) -> None:
    await hand.put("/c/b", "text", PLAIN)
    await hand.put("/c/a", TEXT)
    await hand.put("/c/k/deep", TEXT)
    await hand.put("/c/a.acl", "")
    await hand.put("/c/.meta", "<> a <urn:x>.")
    here = Iri(f"{BASE}alice/c/")
    found = await hand.graph("/c/")
    assert [str(member) for member in found.objects(here, LDP.contains)] == [
        f"<{BASE}alice/c/{name}>" for name in ("a", "b", "k/")
    ]
    b = Iri(f"{BASE}alice/c/b")
    row = await hand.known("/c/b")
    assert found.text(b, STAT.size) == "4"
    assert found.text(b, STAT.mtime) == str(int(row.modified.timestamp()))
    assert found.text(b, DCT.modified) == row.modified.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert Iri("http://www.w3.org/ns/iana/media-types/text/plain#Resource") in found.objects(b, RDF.type)
    assert LDP.Container in found.objects(Iri(f"{BASE}alice/c/k/"), RDF.type)
    assert set(found.objects(here, RDF.type)) == {LDP.Container, LDP.BasicContainer, LDP.Resource}


@pytest.mark.requirement("TR-17")
async def test_the_same_state_gives_the_same_bytes(hand: Hand) -> None:
    for name in ("b", "ab", "a", "A", "é"):
        await hand.put(f"/c/{name}".replace("é", "%C3%A9"), TEXT)
    first = await hand.text("/c/")
    hand.conversions = type(hand.conversions)(1_000_000)
    assert await hand.text("/c/") == first
    positions = [first.index(f"contains <{BASE}alice/c/{name}>") for name in ("%C3%A9", "A", "a", "ab", "b")]
    assert positions == sorted(positions)


@pytest.mark.requirement("LDP-3")
async def test_a_minimal_container_leaves_its_members_out(hand: Hand) -> None:
    await hand.put("/c/", '<> <http://purl.org/dc/terms/title> "Mine".')
    await hand.put("/c/doc", TEXT)
    prefer = parse_prefer([f'return=representation; include="{LDP.PreferMinimalContainer.value}"'])
    minimal, whole = shown(await hand.read("/c/", prefer=prefer)), shown(await hand.read("/c/"))
    assert minimal.minimal
    assert not whole.minimal
    assert minimal.etag != whole.etag
    assert isinstance(minimal.body, Inline)
    assert b"Mine" in minimal.body.data
    assert b"/c/doc" not in minimal.body.data
    shown(await hand.read("/c/", conditions=Conditions(if_none_match=(minimal.etag,))))


@pytest.mark.requirement("PR-23")
async def test_the_description_says_what_the_storage_is(hand: Hand) -> None:
    graph = describe_storage(hand.at("/"), base_url=BASE)
    assert (Iri(f"{BASE}alice/"), RDF.type, PIM.Storage) in {(t.subject, t.predicate, t.object) for t in graph}


@pytest.mark.requirement("D20")
async def test_a_plain_read_parses_nothing(hand: Hand) -> None:
    # Bytes that no parser of ours would take: if one looked at them, this would fail.
    await hand.put("/c/doc", TEXT)
    async with hand.store.writing() as work:
        resource = await work.resources.get(hand.at("/c/doc"))
        assert resource is not None
        broken = Draft(resource.url, resource.kind, resource.media_type, resource.modified)
        await work.resources.put(broken, Inline(b"<<<< not turtle"))
    assert await hand.text("/c/doc") == "<<<< not turtle"
    assert "doc" in await hand.text("/c/")
