"""Only the server says what a container contains, what its members are, and who vouches for a WebID."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from vault.config import Limits
from vault.errors import Conflict
from vault.rdf.graph import Graph
from vault.rdf.syntax import parse
from vault.solid.listing import managed_graph
from vault.solid.managed import check_issuers_kept, check_managed_kept, own_triples
from vault.solid.resource import Kind, Resource
from vault.values import TURTLE, PodName, ResourceUrl

BASE = "https://vault.example/"
C = ResourceUrl(PodName("alice"), "/c/")
ROOT = ResourceUrl(PodName("alice"), "/")
PREFIXES = """
    @prefix ldp: <http://www.w3.org/ns/ldp#>. @prefix dct: <http://purl.org/dc/terms/>.
    @prefix stat: <http://www.w3.org/ns/posix/stat#>. @prefix pim: <http://www.w3.org/ns/pim/space#>.
    @prefix solid: <http://www.w3.org/ns/solid/terms#>. @prefix iana: <http://www.w3.org/ns/iana/media-types/text/>.
"""


def graph(text: str, container: ResourceUrl = C) -> Graph:
    return parse((PREFIXES + text).encode(), TURTLE, base=container.iri(BASE), limits=Limits())


@pytest.mark.requirement("PR-69")
@pytest.mark.requirement("PR-34")
@pytest.mark.parametrize(
    "text",
    [
        "<> ldp:contains <x>.",
        "<https://elsewhere.example/> ldp:contains <x>.",
        "<x> stat:size 1.",
        "<x> stat:mtime 1.",
        '<x> dct:modified "2026-11-24T00:00:00Z".',
        "<x> a <http://www.w3.org/ns/iana/media-types/text/plain#Resource>.",
        "<x/> a ldp:Container.",
        "<x/> a pim:Storage.",
        "<> a pim:Storage.",
        "<> a ldp:DirectContainer.",
        "<> a ldp:NonRDFSource.",
    ],
)
def test_protected_triples_are_refused(text: str) -> None:
    with pytest.raises(Conflict):
        own_triples(C, graph(text), base_url=BASE)


@pytest.mark.requirement("PR-69")
@pytest.mark.parametrize("text", ["<> a ldp:Container, ldp:BasicContainer, ldp:Resource.", "<x> a ldp:Resource."])
def test_types_that_agree_with_the_facts_are_left_out(text: str) -> None:
    assert own_triples(C, graph(text), base_url=BASE) == Graph()


def test_a_root_container_may_say_that_it_is_a_storage() -> None:
    assert own_triples(ROOT, graph("<> a pim:Storage.", ROOT), base_url=BASE) == Graph()


@pytest.mark.requirement("TR-24")
@pytest.mark.parametrize(
    "text",
    [
        '<> dct:title "Mine"; a <https://example.org/Album>.',
        "<x> a <https://example.org/Photo>.",
        "<x#me> stat:size 1.",
        "<x/y> stat:size 1.",
        '<https://elsewhere.example/x> dct:modified "2026".',
        "_:it stat:size 1.",
    ],
)
def test_everything_else_is_the_containers_own(text: str) -> None:
    said = graph(text)
    assert own_triples(C, said, base_url=BASE) == said


@pytest.mark.requirement("PR-69")
def test_a_patch_keeps_every_managed_triple() -> None:
    member = Resource(ResourceUrl(C.pod, "/c/x"), Kind.GRAPH, TURTLE, 1, datetime(2026, 11, 24, tzinfo=UTC), 5)
    managed = managed_graph(C, [member], base_url=BASE)
    check_managed_kept(managed, managed | graph('<> dct:title "Mine".'))
    with pytest.raises(Conflict):
        check_managed_kept(managed, managed - graph("<> ldp:contains <x>."))
    with pytest.raises(Conflict):
        check_managed_kept(managed, managed - graph("<x> stat:size 5."))


@pytest.mark.requirement("WP-3")
@pytest.mark.requirement("TR-22")
@pytest.mark.parametrize(
    "after",
    [
        "<#me> solid:oidcIssuer <https://vault.example/>, <https://rogue.example/>.",
        "<#me> solid:oidcIssuer <https://rogue.example/>.",
        "<#me> solid:oidcIssuer <https://vault.example>.",
        "<#you> solid:oidcIssuer <https://vault.example/>.",
        "",
    ],
)
def test_the_issuers_of_a_webid_stay_as_they_are(after: str) -> None:
    before = graph("<#me> solid:oidcIssuer <https://vault.example/>.")
    check_issuers_kept(before, before | graph('<#me> dct:title "Dr".'))
    with pytest.raises(Conflict):
        check_issuers_kept(before, graph(after))
