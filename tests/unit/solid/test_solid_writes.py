"""PUT, POST and DELETE against the real store: what is refused, in which order, and what is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from tests.unit.solid.hands import BASE, OWNER, Hand
from vault.audit import AuditEvent
from vault.config import Limits
from vault.errors import (
    Conflict,
    Forbidden,
    Malformed,
    MethodNotAllowed,
    Missing,
    OverQuota,
    PreconditionFailed,
    Refusal,
    TooLarge,
    Unprocessable,
    UnsupportedMedia,
)
from vault.rdf.graph import DCT, LDP, Iri, Literal
from vault.solid.headers import AnyTag, Conditions
from vault.solid.provision import create_pod
from vault.solid.resource import BlobRef, Kind
from vault.values import JSON_LD, NTRIPLES, TURTLE, ETag, MediaType, PodName, WebId

PLAIN = MediaType("text/plain")
CONTAINER = frozenset({LDP.BasicContainer.value})
DOCUMENT = frozenset({LDP.NonRDFSource.value})
NEW_ONLY = Conditions(if_none_match=AnyTag.ANY)
STALE = Conditions(if_match=(ETag("0-ttl"),))
RULE = "<#o> a <http://www.w3.org/ns/auth/acl#Authorization>; <http://www.w3.org/ns/auth/acl#agent> <{who}>; "
RULE += "<http://www.w3.org/ns/auth/acl#mode> <http://www.w3.org/ns/auth/acl#{mode}>; "
RULE += "<http://www.w3.org/ns/auth/acl#accessTo> <{to}>."


async def refused(kind: type[Refusal], act: Awaitable[object], hand: Hand, reason: str | None = None) -> None:
    """The act is refused, and leaves nothing behind: no row, no entry, no notice."""
    before = (await hand.audit(), await hand.told(), await hand.used(), await hand.members("/"))
    with pytest.raises(kind) as refusal:
        await act
    assert reason is None or refusal.value.reason == reason
    assert (await hand.audit(), await hand.told(), await hand.used(), await hand.members("/")) == before


@pytest.mark.requirement("PR-62")
async def test_put_makes_a_document_and_then_replaces_it(hand: Hand) -> None:
    made = await hand.put("/notes", "<> a <urn:x>.")
    assert made.created == (hand.at("/notes"),)
    assert made.resource == await hand.known("/notes")
    again = await hand.put("/notes", b"\x00\xff", MediaType("image/png"))
    assert (again.created, again.updated) == ((), (hand.at("/notes"),))
    found = await hand.known("/notes")
    assert (found.kind, found.media_type.essence, found.size) == (Kind.BINARY, "image/png", 2)
    assert made.resource is not None
    assert found.version > made.resource.version


@pytest.mark.requirement("TR-6")
@pytest.mark.requirement("PR-55")
@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        ("# mine\n@prefix x: <urn:> .\n<>   x:y <#z> .", MediaType("text/turtle", (("charset", "UTF-8"),))),
        ('{"@id": "", "urn:p": {"@graph": [{"@id": "urn:a", "urn:q": 1}]}}', JSON_LD),
        ("<urn:a> <urn:b> <urn:c> .\n\n", NTRIPLES),
        ("", TURTLE),
        ("", None),
        ("not { rdf", PLAIN),
    ],
)
async def test_what_is_written_comes_back_byte_for_byte(hand: Hand, data: str, media_type: MediaType | None) -> None:
    await hand.put("/doc", data, media_type)
    assert await hand.text("/doc") == data
    stored = await hand.known("/doc")
    assert stored.media_type == (media_type or MediaType("application/octet-stream"))


@pytest.mark.requirement("PR-61")
@pytest.mark.requirement("PR-30")
async def test_put_makes_the_containers_above_with_their_containment(hand: Hand) -> None:
    made = await hand.put("/a/b/doc", "<> a <urn:x>.")
    assert [url.path for url in made.created] == ["/a/", "/a/b/", "/a/b/doc"]
    assert "/a/" in await hand.members("/")
    assert await hand.members("/a/") == ["/a/b/"]
    assert await hand.members("/a/b/") == ["/a/b/doc"]
    assert (await hand.known("/a/")).kind is Kind.CONTAINER


@pytest.mark.requirement("PR-11")
@pytest.mark.requirement("PR-13")
@pytest.mark.requirement("PR-14")
async def test_nothing_is_made_where_a_twin_or_a_document_stands(hand: Hand) -> None:
    await hand.put("/doc", "<> a <urn:x>.")
    await hand.put("/folder/")
    await refused(Conflict, hand.put("/doc/"), hand, "twin-exists")
    await refused(Conflict, hand.put("/folder", "", TURTLE), hand, "twin-exists")
    await refused(Conflict, hand.put("/doc/x", "", TURTLE), hand, "document-in-path")
    await refused(Conflict, hand.put("/doc/a/b/c", "", TURTLE), hand, "document-in-path")
    await refused(Conflict, hand.patch("/doc/x", "@prefix solid: <http://www.w3.org/ns/solid/terms#>. "
        "<> a solid:InsertDeletePatch; solid:inserts {<a> <b> <c>}."), hand, "document-in-path")  # fmt: skip


@pytest.mark.requirement("PR-47")
@pytest.mark.requirement("PR-46")
@pytest.mark.requirement("ATK-13")
@pytest.mark.parametrize(
    "path", ["/.acl/", "/x.acl/", "/x.meta/y", "/x.acl/.acl", "/doc.acl.acl", "/doc.meta.acl", "/a/.meta/b/"]
)
async def test_no_put_makes_a_name_like_that_of_an_auxiliary(hand: Hand, path: str) -> None:
    await refused(Forbidden, hand.put(path, "", TURTLE), hand, "reserved-name")


@pytest.mark.requirement("PR-46")
async def test_there_is_no_auxiliary_of_nothing(hand: Hand) -> None:
    await refused(Conflict, hand.put("/nothing.acl", "", TURTLE), hand, "no-subject")
    await refused(Conflict, hand.put("/nothing/.meta", "", TURTLE), hand, "no-subject")


@pytest.mark.requirement("PR-23")
@pytest.mark.parametrize("path", ["/.well-known/solid", "/.well-known/solid/", "/.well-known/solid/x", "/.well-known"])
async def test_the_place_of_the_storage_description_is_kept(hand: Hand, path: str) -> None:
    kind = MethodNotAllowed if path == "/.well-known/solid" else Conflict
    await refused(kind, hand.put(path, "", TURTLE), hand)


@pytest.mark.requirement("PR-7")
@pytest.mark.requirement("PR-70")
async def test_a_body_needs_a_type_that_its_target_takes(hand: Hand) -> None:
    await hand.put("/doc", "<> a <urn:x>.")
    await refused(Malformed, hand.put("/x", "text", None), hand, "content-type-missing")
    await refused(Malformed, hand.post("/", "text", None), hand, "content-type-missing")
    await refused(UnsupportedMedia, hand.put("/x/", "text", PLAIN), hand)
    await refused(UnsupportedMedia, hand.put("/doc.acl", "text", PLAIN), hand)
    await refused(UnsupportedMedia, hand.put("/doc.meta", "", PLAIN), hand)
    await refused(UnsupportedMedia, hand.post("/", "text", PLAIN, types=CONTAINER), hand)


@pytest.mark.requirement("PR-70")
@pytest.mark.requirement("WA-17")
@pytest.mark.parametrize("path", ["/x", "/x/", "/profile/card.acl", "/profile/card.meta"])
async def test_broken_rdf_is_never_stored(hand: Hand, path: str) -> None:
    await refused(Malformed, hand.put(path, "<> a ", TURTLE), hand)
    await refused(Malformed, hand.put(path, "{", JSON_LD), hand)
    unknown = '{"@context": "https://elsewhere.example/context", "@id": ""}'
    await refused(Unprocessable, hand.put(path, unknown, JSON_LD), hand)


async def test_an_empty_body_is_not_a_json_document(hand: Hand) -> None:
    await refused(Malformed, hand.put("/x", "", JSON_LD), hand)
    await hand.put("/x/", "", JSON_LD)
    assert await hand.text("/x/", "application/ld+json")


async def test_rdf_is_not_taken_as_a_file(hand: Hand) -> None:
    await refused(TooLarge, hand.put("/x", BlobRef("0" * 64, 5_000_000), TURTLE), hand)
    assert (await hand.put("/y", BlobRef("0" * 64, 5_000), PLAIN)).resource is not None


@pytest.mark.requirement("PR-68")
@pytest.mark.requirement("CH-4")
async def test_a_container_is_made_with_or_without_body_and_link(hand: Hand) -> None:
    await hand.put("/a/", "", TURTLE, types=CONTAINER)
    await hand.put("/b/", "", None)
    await hand.put("/c/", '<> <http://purl.org/dc/terms/title> "Mine"; a <http://www.w3.org/ns/ldp#Container>.')
    assert {"/a/", "/b/", "/c/"} <= set(await hand.members("/"))
    assert '"Mine"' in await hand.text("/c/")


@pytest.mark.requirement("PR-68")
@pytest.mark.requirement("PR-69")
async def test_a_container_body_may_not_say_what_only_the_server_knows(hand: Hand) -> None:
    await refused(Conflict, hand.put("/c/", f"<> <{LDP.contains.value}> <x>."), hand)
    await refused(Conflict, hand.put("/c/", "<x> <http://www.w3.org/ns/posix/stat#size> 1."), hand)
    await refused(Conflict, hand.put("/c", "", TURTLE, types=CONTAINER), hand, "interaction-model")
    await refused(Conflict, hand.put("/c/", "", TURTLE, types=DOCUMENT), hand, "interaction-model")
    await hand.put("/c/doc", f"<> <{LDP.contains.value}> <x>.")  # elsewhere it is plain content (TR-24)


@pytest.mark.requirement("D7")
@pytest.mark.requirement("TR-20")
async def test_put_on_a_container_replaces_its_own_description(hand: Hand) -> None:
    await hand.put("/c/x", "text", PLAIN)
    before = await hand.known("/c/")
    await hand.put("/c/", '<> <http://purl.org/dc/terms/title> "One".')
    await hand.put("/c/", '<> <http://purl.org/dc/terms/title> "Two".')
    text = await hand.text("/c/")
    assert '"Two"' in text
    assert '"One"' not in text
    assert "/c/x>" in text
    after = await hand.known("/c/")
    assert after.modified == before.modified
    assert after.version > before.version
    await refused(PreconditionFailed, hand.put("/c/", f"<> <{LDP.contains.value}> <x>.", conditions=NEW_ONLY), hand)


@pytest.mark.requirement("PR-71")
async def test_a_write_whose_precondition_fails_changes_nothing(hand: Hand) -> None:
    made = (await hand.put("/doc", "<> a <urn:x>.")).resource
    assert made is not None
    await refused(PreconditionFailed, hand.put("/doc", "", TURTLE, conditions=NEW_ONLY), hand)
    await refused(PreconditionFailed, hand.put("/doc", "", TURTLE, conditions=STALE), hand)
    await refused(PreconditionFailed, hand.put("/new", "", TURTLE, conditions=Conditions(if_match=AnyTag.ANY)), hand)
    await refused(PreconditionFailed, hand.delete("/doc", conditions=STALE), hand)
    await refused(PreconditionFailed, hand.post("/", "", TURTLE, conditions=STALE), hand)
    early = Conditions(if_unmodified_since=made.modified - timedelta(seconds=1))
    await refused(PreconditionFailed, hand.delete("/doc", conditions=early), hand)
    # PR-59: any current tag will do
    again = await hand.put("/doc", "<> a <urn:x>.", conditions=Conditions(if_match=(made.etag(JSON_LD),)))
    assert again.resource is not None
    await refused(PreconditionFailed, hand.delete("/doc", conditions=Conditions(if_match=(made.etag(),))), hand)
    await hand.delete("/doc", conditions=Conditions(if_match=(again.resource.etag(NTRIPLES),)))


@pytest.mark.requirement("PR-71")
async def test_of_ten_puts_that_want_to_be_first_one_is(hand: Hand) -> None:
    tries = [hand.put("/doc", str(n), PLAIN, conditions=NEW_ONLY) for n in range(10)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(outcome, PreconditionFailed) for outcome in outcomes) == 9


@pytest.mark.requirement("PR-59")
async def test_a_tag_survives_an_edit_of_the_acl(hand: Hand) -> None:
    made = (await hand.put("/doc", "<> a <urn:x>.")).resource
    await hand.put("/doc.acl", RULE.format(who=OWNER, mode="Read", to=f"{BASE}alice/doc"))
    await hand.put("/doc.meta", "<doc> a <urn:x>.")
    assert await hand.get("/doc") == made


@pytest.mark.requirement("D8")
@pytest.mark.requirement("PR-44")
@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/c/.meta", f"<./> <{LDP.contains.value}> <x>."),
        ("/c/.meta", "<x> <http://www.w3.org/ns/posix/stat#size> 1."),
        ("/c/.meta", "<./> a <http://www.w3.org/ns/pim/space#Storage>."),
        ("/c/x.meta", "<x> <http://www.w3.org/ns/posix/stat#mtime> 1."),
        ("/c/x.meta", f"<x> a <{LDP.Container.value}>."),
        ("/c/x.meta", "<x> a <http://www.w3.org/ns/iana/media-types/text/html#Resource>."),
    ],
)
async def test_a_description_says_nothing_that_only_the_server_knows(hand: Hand, path: str, text: str) -> None:
    await hand.put("/c/x", "text", PLAIN)
    await refused(Conflict, hand.put(path, text), hand)
    insert = "@prefix solid: <http://www.w3.org/ns/solid/terms#>. "
    insert += f"<> a solid:InsertDeletePatch; solid:inserts {{ {text} }}."
    await refused(Conflict, hand.patch(path, insert), hand)
    made = await hand.put(path, f'<x> <http://purl.org/dc/terms/title> "Mine"; a <{LDP.Resource.value}>.')
    assert made.created == (hand.at(path),)


@pytest.mark.requirement("WA-5")
async def test_the_root_acl_must_give_control_to_somebody(hand: Hand) -> None:
    root = f"{BASE}alice/"
    for text in (
        "",
        RULE.format(who=OWNER, mode="Write", to=root),
        RULE.format(who=OWNER, mode="Control", to=root + "x"),
    ):
        await refused(Conflict, hand.put("/.acl", text), hand, "root-acl-without-control")
    await hand.put("/.acl", RULE.format(who="https://bob.example/#me", mode="Control", to=root))
    await hand.put("/doc", "<> a <urn:x>.")
    await hand.put("/doc.acl", "")  # elsewhere it may be empty: the owner keeps Control


@pytest.mark.requirement("WP-3")
@pytest.mark.requirement("TR-22")
async def test_the_webid_document_keeps_its_issuer_and_stays(hand: Hand) -> None:
    text = await hand.text("/profile/card")
    await refused(
        Conflict,
        hand.put("/profile/card", text.replace(f"oidcIssuer <{BASE}>", "oidcIssuer <https://r.example/>")),
        hand,
    )
    await refused(Conflict, hand.put("/profile/card", ""), hand)
    await refused(Conflict, hand.put("/profile/card", "text", PLAIN), hand, "webid-document")
    await refused(MethodNotAllowed, hand.delete("/profile/card"), hand)
    await refused(Conflict, hand.delete("/profile/"), hand, "container-not-empty")
    await hand.put("/profile/card", text.replace('Alice \\"A.\\"', "Alicia"))
    assert "Alicia" in await hand.text("/profile/card")


@pytest.mark.requirement("LIM-16")
async def test_the_webid_document_stays_small_enough_to_be_read_at_once(hand: Hand) -> None:
    text, most = await hand.text("/profile/card"), 4096
    hand.limits = Limits(inline_parse_bytes=most)
    await refused(TooLarge, hand.put("/profile/card", f"{text}# {'x' * most}"), hand, "webid-document")
    await hand.put("/profile/card", f"{text}# {'x' * (most - len(text.encode()) - 2)}")
    await hand.put("/profile/other", f"{text}# {'x' * most}")  # elsewhere it may be larger


@pytest.mark.requirement("PR-63")
@pytest.mark.requirement("PR-64")
@pytest.mark.requirement("PR-13")
async def test_post_makes_a_child_named_after_its_slug_unless_that_is_taken(hand: Hand) -> None:
    first = await hand.post("/inbox/", '{"@id": "", "urn:p": 1}', JSON_LD, slug="hello")
    second = await hand.post("/inbox/", "text", PLAIN, slug="hello")
    twin = await hand.post("/inbox/", "", TURTLE, slug="hello", types=CONTAINER)
    unnamed = await hand.post("/inbox/", "text", PLAIN)
    paths = [made.created[0].path for made in (first, second, twin, unnamed)]
    assert paths[0] == "/inbox/hello"
    assert len(set(paths)) == 4
    assert all(path.startswith("/inbox/hello-") for path in paths[1:3])
    assert paths[2].endswith("/")
    assert sorted(paths) == await hand.members("/inbox/")
    assert first.resource == await hand.known("/inbox/hello")


@pytest.mark.requirement("PR-47")
@pytest.mark.requirement("ATK-13")
@pytest.mark.parametrize("slug", [".acl", "hello.acl", "x.meta/", "../.acl", ".ACL", "card.acl.acl"])
async def test_no_slug_makes_an_acl(hand: Hand, slug: str) -> None:
    await hand.put("/inbox/hello", "text", PLAIN)
    before = await hand.text("/inbox/.acl")
    made = await hand.post("/inbox/", "<> a <urn:x>.", TURTLE, slug=slug)
    assert made.created[0].path in await hand.members("/inbox/")
    assert await hand.get("/inbox/hello.acl") is None
    assert await hand.text("/inbox/.acl") == before


@pytest.mark.requirement("PR-65")
@pytest.mark.requirement("LDP-2")
async def test_post_makes_a_container_when_the_link_says_so(hand: Hand) -> None:
    made = await hand.post("/", '<> <http://purl.org/dc/terms/title> "Mine".', slug="album", types=CONTAINER)
    assert made.created[0].path == "/album/"
    here = Iri(f"{BASE}alice/album/")
    assert (await hand.graph("/album/")).value(here, DCT.title) == Literal("Mine")
    plain = await hand.post("/", "", TURTLE, slug="album/")
    assert plain.created[0].path.startswith("/album-")
    assert not plain.created[0].is_container
    await refused(Conflict, hand.post("/", f"<> <{LDP.contains.value}> <x>.", types=CONTAINER), hand)


@pytest.mark.requirement("PR-66")
@pytest.mark.requirement("PR-67")
@pytest.mark.requirement("TR-16")
async def test_post_to_what_is_no_container_makes_nothing(hand: Hand) -> None:
    await hand.put("/doc", "text", PLAIN)
    await refused(MethodNotAllowed, hand.post("/doc", "text", PLAIN), hand)
    await refused(Missing, hand.post("/missing/", "text", PLAIN), hand)
    await refused(Missing, hand.post("/missing", "text", PLAIN), hand)
    await refused(Malformed, hand.post("/", "<> a ", TURTLE), hand)


async def test_post_keeps_the_place_of_the_storage_description(hand: Hand) -> None:
    await hand.put("/.well-known/")
    made = await hand.post("/.well-known/", "text", PLAIN, slug="solid")
    assert made.created[0].path.startswith("/.well-known/solid-")


@pytest.mark.requirement("PR-74")
@pytest.mark.requirement("PR-45")
@pytest.mark.requirement("TR-13")
@pytest.mark.parametrize("path", ["/c/doc", "/c/k/"])
async def test_delete_takes_the_containment_and_the_auxiliaries_along(hand: Hand, path: str) -> None:
    await hand.put("/c/", "")
    before = await hand.used()
    await hand.put(path, "", TURTLE)
    await hand.put(f"{path}.acl", RULE.format(who=OWNER, mode="Read", to=f"{BASE}alice{path}"))
    await hand.put(f"{path}.meta", "<x> a <urn:x>.")
    gone = await hand.delete(path)
    assert gone.deleted == (hand.at(path),)
    assert gone.resource is None
    assert await hand.members("/c/") == []
    await hand.put(path, "", TURTLE)  # PR-16, PR-45: again, with a clean slate
    assert await hand.get(f"{path}.acl") is None
    assert await hand.get(f"{path}.meta") is None
    await hand.delete(path)
    assert await hand.used() == before


@pytest.mark.requirement("PR-73")
@pytest.mark.requirement("PR-75")
async def test_delete_spares_the_root_and_what_is_not_empty(hand: Hand) -> None:
    await refused(MethodNotAllowed, hand.delete("/"), hand)
    await refused(MethodNotAllowed, hand.delete("/.acl"), hand)
    await hand.put("/c/doc", "text", PLAIN)
    await refused(Conflict, hand.delete("/c/"), hand, "container-not-empty")
    await refused(Missing, hand.delete("/nothing"), hand)
    await refused(Missing, hand.delete("/doc.acl"), hand)
    await hand.delete("/c/doc")
    await hand.put("/c/.acl", "")
    await hand.delete("/c/")  # PR-36: auxiliaries do not make it non-empty
    assert await hand.get("/c/.acl") is None


@pytest.mark.requirement("PR-44")
async def test_an_acl_may_be_deleted_and_its_subject_stays(hand: Hand) -> None:
    await hand.put("/doc", "text", PLAIN)
    await hand.put("/doc.acl", "")
    await hand.delete("/doc.acl")
    assert await hand.get("/doc.acl") is None
    assert await hand.get("/doc") is not None


@pytest.mark.requirement("PR-32")
@pytest.mark.requirement("TR-17")
async def test_dates_follow_containment_and_never_climb(hand: Hand) -> None:
    await hand.put("/a/b/doc", "text", PLAIN)
    a, b, root = [await hand.known(path) for path in ("/a/", "/a/b/", "/")]
    await hand.put("/a/b/doc", "text two", PLAIN)  # the listing shows size and date
    a2, b2 = await hand.known("/a/"), await hand.known("/a/b/")
    assert (b2.modified, b2.version > b.version) == (b.modified, True)
    assert a2 == a
    await hand.put("/a/b/doc2", "text", PLAIN)
    a3, b3, root3 = [await hand.known(path) for path in ("/a/", "/a/b/", "/")]
    assert b3.modified > b2.modified
    assert (a3.modified, a3.version > a2.version) == (a.modified, True)  # it shows the date of b/
    assert root3 == root
    await hand.delete("/a/b/doc2")
    b4 = await hand.known("/a/b/")
    assert b4.modified > b3.modified
    assert (await hand.known("/a/")).modified == a.modified


@pytest.mark.requirement("PR-36")
async def test_auxiliaries_change_no_listing(hand: Hand) -> None:
    await hand.put("/c/doc", "text", PLAIN)
    before = await hand.known("/c/")
    await hand.put("/c/doc.acl", "")
    await hand.put("/c/doc.meta", "<doc> a <urn:x>.")
    await hand.put("/c/.acl", "")
    assert await hand.known("/c/") == before
    assert await hand.members("/c/") == ["/c/doc"]


async def test_a_change_is_told_and_recorded_in_its_own_transaction(hand: Hand) -> None:
    start, told = len(await hand.audit()), len(await hand.told())
    await hand.put("/a/doc", "text", PLAIN)
    await hand.put("/a/doc", "text two", PLAIN)
    await hand.put("/a/doc.meta", "<doc> a <urn:x>.")
    await hand.put("/a/doc.acl", "")
    await hand.delete("/a/doc")
    events = [(entry.event, entry.subject, entry.actor) for entry in (await hand.audit())[start:]]
    assert events == [
        (AuditEvent.RESOURCE_CREATED, "/a/", OWNER),
        (AuditEvent.RESOURCE_CREATED, "/a/doc", OWNER),
        (AuditEvent.RESOURCE_UPDATED, "/a/doc", OWNER),
        (AuditEvent.RESOURCE_CREATED, "/a/doc.meta", OWNER),
        (AuditEvent.ACL_CHANGED, "/a/doc.acl", OWNER),
        (AuditEvent.RESOURCE_DELETED, "/a/doc", OWNER),
    ]
    assert (await hand.told())[told:] == [
        ("Create", "/a/", None, True),
        ("Add", "/a/", "/", False),
        ("Create", "/a/doc", None, True),
        ("Add", "/a/doc", "/a/", False),
        ("Update", "/a/doc", None, True),
        ("Update", "/a/doc", None, True),
        ("solid:acl:changed", "/a/doc", None, False),  # told to nobody: those who listen are judged anew
        ("Delete", "/a/doc", None, False),
        ("Remove", "/a/doc", "/a/", False),
    ]


@pytest.mark.requirement("LIM-03")
async def test_a_full_pod_takes_nothing_more_and_lets_things_go(hand: Hand) -> None:
    room = 100_000 - await hand.used()
    await refused(OverQuota, hand.put("/big", "x" * (room + 1), PLAIN), hand)
    await hand.put("/big", "x" * room, PLAIN)
    await refused(OverQuota, hand.put("/more", "x", PLAIN), hand)
    await refused(OverQuota, hand.put("/big", "x" * (room + 1), PLAIN), hand)
    await refused(OverQuota, hand.put("/file", BlobRef("0" * 64, 1), PLAIN), hand)
    await refused(OverQuota, hand.post("/inbox/", "x", PLAIN), hand)
    await hand.put("/big", "x" * (room - 1), PLAIN)
    await hand.put("/more", "x", PLAIN)
    await hand.delete("/big")
    assert await hand.used() == 100_000 - room + 1


# What outranks what (section 6.1): each request has two faults, and the first of the pair is the answer.
ORDER: list[tuple[str, Callable[[Hand], Awaitable[object]], type[Refusal]]] = [
    ("method before type", lambda h: h.put("/.well-known/solid", "x", None), MethodNotAllowed),
    ("method before type on POST", lambda h: h.post("/doc", "x", None), MethodNotAllowed),
    ("missing before type", lambda h: h.post("/missing/", "x", None), Missing),
    ("type before precondition", lambda h: h.put("/doc", "x", None, conditions=STALE), Malformed),
    ("precondition before syntax", lambda h: h.put("/doc", "<> a ", conditions=STALE), PreconditionFailed),
    ("syntax before state", lambda h: h.put("/doc/", "<> a "), Malformed),
    (
        "precondition before state",
        lambda h: h.put("/c/", "<> a <urn:x>.", types=DOCUMENT, conditions=STALE),
        PreconditionFailed,
    ),
    ("missing before precondition", lambda h: h.delete("/missing", conditions=STALE), Missing),
    ("method before precondition", lambda h: h.delete("/", conditions=STALE), MethodNotAllowed),
    ("precondition before not empty", lambda h: h.delete("/c/", conditions=STALE), PreconditionFailed),
]


@pytest.mark.parametrize(("act", "kind"), [pytest.param(act, kind, id=name) for name, act, kind in ORDER])
async def test_earlier_steps_win(hand: Hand, act: Callable[[Hand], Awaitable[object]], kind: type[Refusal]) -> None:
    await hand.put("/doc", "<> a <urn:x>.")
    await hand.put("/c/doc", "text", PLAIN)
    await refused(kind, act(hand), hand)


async def test_there_is_nothing_to_write_in_a_pod_that_is_not_there(hand: Hand) -> None:
    await hand.put("/doc", "text", PLAIN)
    other = Hand(hand.store, PodName("nobody"))
    with pytest.raises(Missing):
        await other.put("/doc", "text", PLAIN)


async def test_a_pod_name_is_taken_once(hand: Hand) -> None:
    with pytest.raises(Conflict):
        async with hand.store.writing() as work:
            await create_pod(
                work,
                name=hand.at("/").pod,
                owner=WebId("https://bob.example/#me"),
                display_name="Bob",
                issuer=BASE,
                base_url=BASE,
                quota_bytes=1,
                now=hand.now,
            )
    assert OWNER in await hand.text("/.acl")
