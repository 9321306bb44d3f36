"""A listing says the same in every syntax, and nothing a name can hold breaks out of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from vault.config import Limits
from vault.rdf.graph import Graph
from vault.rdf.syntax import parse, serialise
from vault.solid.listing import json_tail, managed_graph, media_type_class, syntax_for
from vault.solid.resource import Kind, Resource
from vault.values import JSON_LD, NTRIPLES, TURTLE, MediaType, PodName, ResourceUrl

BASE = "https://vault.example/"
WHEN = datetime(2026, 11, 24, 9, 8, 7, tzinfo=UTC)
OWN = '<> <http://purl.org/dc/terms/title> "Mijn \\"map\\"\\n"@nl-BE, "x"^^<stat:x>; a <pim:x>; <urn:p> [ <ldp:q> 1 ].'


def at(path: str) -> ResourceUrl:
    return ResourceUrl(PodName("alice"), path)


MEMBERS = [
    Resource(at("/c/%22%3E%5C"), Kind.BINARY, MediaType("a^b/c|d#`e"), 3, WHEN, 9),
    Resource(at("/c/a:b,c"), Kind.GRAPH, JSON_LD, 4, WHEN, 0),
    Resource(at("/c/k/"), Kind.CONTAINER, TURTLE, 5, WHEN, 77),
    Resource(at("/c/n$'()"), Kind.BINARY, MediaType("image/svg+xml"), 6, WHEN, 10**12),
]


def written(container: ResourceUrl, members: list[Resource], media_type: MediaType, own: Graph) -> bytes:
    syntax, iri = syntax_for(media_type.essence), container.iri(BASE)
    lines = [syntax.head(iri, container.is_storage)]
    lines += [syntax.member(iri, member, member.url.iri(BASE), number == 0) for number, member in enumerate(members)]
    tail = json_tail(own) if media_type == JSON_LD else serialise(own, NTRIPLES).decode()
    return "".join([*lines, tail]).encode()


def read(data: bytes, media_type: MediaType) -> Graph:
    return parse(data, media_type, base="https://elsewhere.example/", limits=Limits())


@pytest.mark.requirement("PR-33")
@pytest.mark.requirement("PR-54")
@pytest.mark.parametrize("media_type", [TURTLE, JSON_LD, NTRIPLES])
@pytest.mark.parametrize("path", ["/c/", "/"])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_listing_says_the_same_in_every_syntax(media_type: MediaType, path: str, count: int) -> None:
    container = at(path)
    found = read(written(container, MEMBERS[1 : count + 1], media_type, Graph()), media_type)
    assert found == managed_graph(container, MEMBERS[1 : count + 1], base_url=BASE)


@pytest.mark.parametrize("media_type", [TURTLE, JSON_LD, NTRIPLES])
def test_odd_names_and_media_types_stay_inside_their_iris(media_type: MediaType) -> None:
    members = MEMBERS[:3]
    assert read(written(at("/c/"), members, media_type, Graph()), media_type) == managed_graph(
        at("/c/"), members, base_url=BASE
    )


@pytest.mark.parametrize("media_type", [TURTLE, JSON_LD, NTRIPLES])
def test_a_containers_own_triples_stand_in_its_listing(media_type: MediaType) -> None:
    own = parse(OWN.encode(), TURTLE, base=at("/c/").iri(BASE), limits=Limits())
    found = read(written(at("/c/"), MEMBERS[1:3], media_type, own), media_type)
    rest = found - managed_graph(at("/c/"), MEMBERS[1:3], base_url=BASE)
    assert serialise(rest, NTRIPLES) == serialise(own, NTRIPLES)


@pytest.mark.requirement("PR-33")
def test_a_media_type_has_a_class() -> None:
    assert media_type_class("text/turtle") == "http://www.w3.org/ns/iana/media-types/text/turtle#Resource"
    assert media_type_class("image/svg+xml") == "http://www.w3.org/ns/iana/media-types/image/svg+xml#Resource"


@pytest.mark.requirement("PR-31")
@pytest.mark.requirement("PR-21")
def test_the_types_of_a_container_are_in_its_rdf_and_only_a_root_is_a_storage() -> None:
    folder = {str(t.object) for t in managed_graph(at("/c/"), [], base_url=BASE)}
    root = {str(t.object) for t in managed_graph(at("/"), [], base_url=BASE)}
    assert folder == {f"<http://www.w3.org/ns/ldp#{kind}>" for kind in ("Container", "BasicContainer", "Resource")}
    assert root - folder == {"<http://www.w3.org/ns/pim/space#Storage>"}
