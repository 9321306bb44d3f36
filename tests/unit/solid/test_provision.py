"""A new pod is private, but for what must be public, and its profile says where everything is."""

from __future__ import annotations

import pytest

from tests.unit.solid.hands import ALICE, BASE, NOON, OWNER, Hand
from vault.access.modes import NO_MODES, AccessMode, Modes
from vault.access.wac import modes_held, parse_acl
from vault.audit import AuditEvent
from vault.rdf.graph import FOAF, LDP, PIM, RDF, SOLID, Graph, Iri, Literal, V
from vault.solid.provision import create_pod
from vault.storage.database import Database
from vault.values import ANONYMOUS, Agent, Caller, PodName, ResourceUrl, WebId

R, A, W, C = AccessMode.READ, AccessMode.APPEND, AccessMode.WRITE, AccessMode.CONTROL
ME = Iri(OWNER)
POD = f"{BASE}alice/"
BOB = Agent(WebId("https://bob.example/#me"), None, "https://bob.example/")
ALICE_HERSELF = Agent(OWNER, None, BASE)


async def modes(hand: Hand, acl: str, target: str, caller: Caller, *, below: str | None = None) -> Modes:
    rules = parse_acl(await hand.graph(acl), f"{POD}{acl[1:]}")
    inherited = None if below is None else f"{POD}{below[1:]}"
    return modes_held(rules, caller, target=f"{POD}{target[1:]}", inherited_from=inherited)


@pytest.mark.requirement("WP-8")
@pytest.mark.requirement("WP-6")
@pytest.mark.requirement("WP-2")
@pytest.mark.requirement("D10")
async def test_the_profile_says_who_somebody_is_and_where_their_things_are(hand: Hand) -> None:
    card = await hand.graph("/profile/card")
    document = Iri(f"{POD}profile/card")
    assert set(card.objects(document, RDF.type)) == {FOAF.PersonalProfileDocument}
    assert card.value(document, FOAF.primaryTopic) == ME
    person = set(card.objects(ME, RDF.type))
    assert person == {FOAF.Agent, FOAF.Person, Iri("http://schema.org/Person")}
    assert card.objects(ME, FOAF.name) == (Literal('Alice "A." Peeters\\'),)
    assert card.objects(ME, SOLID.oidcIssuer) == (Iri(BASE),)
    assert card.objects(ME, PIM.storage) == (Iri(POD),)
    assert card.objects(ME, PIM.preferencesFile) == (Iri(f"{POD}settings/prefs.ttl"),)
    assert card.objects(ME, LDP.inbox) == (Iri(f"{POD}inbox/"),)
    assert card.objects(ME, SOLID.account) == (Iri(POD),)
    assert card.objects(ME, V.dataLock) == (Iri(f"{BASE}datasluis/"),)


async def test_the_storage_is_written_with_its_full_predicate(hand: Hand) -> None:
    assert f"<http://www.w3.org/ns/pim/space#storage> <{POD}>" in await hand.text("/profile/card")


@pytest.mark.requirement("TI-2")
async def test_the_public_index_is_in_the_profile_and_the_private_one_in_the_preferences(hand: Hand) -> None:
    private = Iri(f"{POD}settings/privateTypeIndex.ttl")
    card = await hand.graph("/profile/card")
    assert card.objects(ME, SOLID.publicTypeIndex) == (Iri(f"{POD}settings/publicTypeIndex.ttl"),)
    assert not any(private in (t.subject, t.object) for t in card)
    assert (await hand.graph("/settings/prefs.ttl")).objects(ME, SOLID.privateTypeIndex) == (private,)
    assert SOLID.UnlistedDocument in (await hand.graph("/settings/privateTypeIndex.ttl")).objects(private, RDF.type)


@pytest.mark.requirement("CH-8")
@pytest.mark.requirement("WA-5")
async def test_a_new_pod_is_its_owners_alone(hand: Hand) -> None:
    for below in (None, "/"):
        target = "/" if below is None else "/settings/prefs.ttl"
        assert await modes(hand, "/.acl", target, ALICE_HERSELF, below=below) == {R, W, C}
        assert await modes(hand, "/.acl", target, BOB, below=below) == NO_MODES
        assert await modes(hand, "/.acl", target, ANONYMOUS, below=below) == NO_MODES


@pytest.mark.requirement("CH-8")
@pytest.mark.requirement("WP-5")
@pytest.mark.requirement("CH-2")
@pytest.mark.parametrize("path", ["/profile/card", "/settings/publicTypeIndex.ttl"])
async def test_what_must_be_public_may_be_read_and_no_more(hand: Hand, path: str) -> None:
    assert await modes(hand, f"{path}.acl", path, ANONYMOUS) == {R}
    assert await modes(hand, f"{path}.acl", path, BOB) == {R}
    assert await modes(hand, f"{path}.acl", path, ALICE_HERSELF) == {R, W, C}


@pytest.mark.requirement("LD-6")
@pytest.mark.requirement("LD-1")
async def test_the_inbox_takes_from_whoever_is_known_and_shows_to_nobody(hand: Hand) -> None:
    assert await modes(hand, "/inbox/.acl", "/inbox/", BOB) == {A}
    assert await modes(hand, "/inbox/.acl", "/inbox/", ANONYMOUS) == NO_MODES
    assert await modes(hand, "/inbox/.acl", "/inbox/x", BOB, below="/inbox/") == NO_MODES
    assert await modes(hand, "/inbox/.acl", "/inbox/x", ALICE_HERSELF, below="/inbox/") == {R, W, C}


async def test_only_the_documents_of_the_template_are_made(hand: Hand) -> None:
    assert await hand.members("/") == ["/inbox/", "/profile/", "/settings/"]
    assert await hand.members("/inbox/") == []
    assert await hand.get("/profile/.acl") is None
    assert [entry.event for entry in await hand.audit()] == [AuditEvent.POD_CREATED]
    assert await hand.used() > 0


@pytest.mark.parametrize("name", ['"', "\\", "a\nb", "> <urn:x>", "$owner ${issuer}", '"; a <urn:x> .', "", "Zoë 李"])
async def test_no_name_breaks_out_of_the_profile(empty: Database, name: str) -> None:
    async with empty.writing() as work:
        await create_pod(
            work,
            name=ALICE,
            owner=OWNER,
            display_name=name,
            issuer=BASE,
            base_url=BASE,
            quota_bytes=100_000,
            now=NOON,
        )
    card: Graph = await Hand(empty).graph("/profile/card")
    assert card.objects(ME, FOAF.name) == (Literal(name),)
    assert len(card) == 14


async def test_an_owner_from_elsewhere_has_no_profile_here(empty: Database) -> None:
    async with empty.writing() as work:
        pod = await create_pod(
            work,
            name=PodName("bob"),
            owner=BOB.webid,
            display_name="Bob",
            issuer=BASE,
            base_url=BASE,
            quota_bytes=100_000,
            now=NOON,
        )
    async with empty.reading() as work:
        assert await work.resources.get(ResourceUrl(PodName("bob"), "/profile/card")) is None
        assert await work.resources.get(ResourceUrl(PodName("bob"), "/.acl")) is not None
    assert pod.owner == BOB.webid
