"""For any graph: what is written reads back, and says the same whatever blank nodes are called."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.properties.rdf_graphs import graphs, renamed
from vault.config import Limits
from vault.errors import Refusal
from vault.rdf.blanks import isomorphic
from vault.rdf.graph import Graph
from vault.rdf.syntax import RDF_TYPES, parse, serialise
from vault.values import MediaType

BASE = "https://pod.example/alice/doc"
LIMITS = Limits()


@given(graphs(), st.sampled_from(RDF_TYPES), st.sampled_from([None, BASE]))
def test_what_is_written_reads_back(graph: Graph, media_type: MediaType, base: str | None) -> None:
    again = parse(serialise(graph, media_type, base=base), media_type, base="https://other.example/", limits=LIMITS)
    assert isomorphic(again, graph)


@given(graphs(), st.sampled_from(RDF_TYPES))
def test_written_text_is_stable_once_read_and_written_again(graph: Graph, media_type: MediaType) -> None:
    written = serialise(graph, media_type, base=BASE)
    again = serialise(parse(written, media_type, base=BASE, limits=LIMITS), media_type, base=BASE)
    assert len(again) == len(written)


@given(graphs(), st.randoms(use_true_random=False))
def test_names_of_blank_nodes_never_matter(graph: Graph, random: object) -> None:
    other = renamed(graph, random)
    assert isomorphic(graph, other)
    assert isomorphic(other, graph)


@given(graphs(), graphs())
def test_isomorphic_graphs_have_as_many_triples_and_the_same_ground_ones(one: Graph, other: Graph) -> None:
    if isomorphic(one, other):
        assert len(one) == len(other)
        assert serialise(one, RDF_TYPES[2]).count(b"_:") == serialise(other, RDF_TYPES[2]).count(b"_:")


# Pieces that turn up at the edges of grammars, so that hostile text is found sooner than by chance.
FRAGMENTS = st.sampled_from(
    ["<", ">", "<<(", ")>>", "{|", "|}", "~", "\\", '"', "'", '"""', "'''", "[", "]", "(", ")", "{", "}", "@",
     "@prefix ", "PREFIX ", "VERSION ", "--", "^^", "#", "\n", ".", ";", ",", "?x", "a ", "<a:a> ", "_:b ", "1 ",
     "@context", ":", "\ufeff", '{"@context":', '"@id":', '"@list":', '"@type":', '"@import":', "null",
     "\\u0040", "\x00", "é"]
)  # fmt: skip


@settings(max_examples=300)
@given(st.lists(FRAGMENTS | st.text(max_size=3), max_size=40).map("".join), st.sampled_from(RDF_TYPES))
def test_any_text_is_a_graph_or_a_refusal(text: str, media_type: MediaType) -> None:
    with suppress(Refusal):  # anything else is a crash
        assert isinstance(parse(text.encode(), media_type, base=BASE, limits=LIMITS), Graph)


@given(st.binary(max_size=200), st.sampled_from(RDF_TYPES))
def test_any_bytes_are_a_graph_or_a_refusal(data: bytes, media_type: MediaType) -> None:
    with suppress(Refusal):
        assert isinstance(parse(data, media_type, base=BASE, limits=LIMITS), Graph)
