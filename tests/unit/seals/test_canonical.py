"""RDFC-1.0: one text for one graph, a label map, the digests of both suites, and a budget."""

from __future__ import annotations

import time

import pyoxigraph
import pytest

from vault.errors import Unprocessable
from vault.rdf.graph import Blank, Dataset, Graph, Iri, Literal, Quad, triple
from vault.seals.canonical import canonical, canonical_labels

STEPS = 200_000
P = Iri("https://example.org/p")


def dataset(nquads: str) -> Dataset:
    return Dataset(frozenset(pyoxigraph.parse(nquads, format=pyoxigraph.RdfFormat.N_QUADS)))


def by_the_library(data: Dataset) -> bytes:
    """A second implementation, for comparison."""
    made = pyoxigraph.Dataset(data.quads)
    made.canonicalize(pyoxigraph.CanonicalizationAlgorithm.RDFC_1_0)
    lines = pyoxigraph.serialize(made, format=pyoxigraph.RdfFormat.N_QUADS) or b""
    return b"".join(sorted(lines.splitlines(keepends=True)))


def clique(size: int) -> Graph:
    nodes = [Blank(f"n{number}") for number in range(size)]
    return Graph.of(triple(one, P, other) for one in nodes for other in nodes if one != other)


def test_blank_nodes_are_named_by_what_is_said_of_them() -> None:
    data = dataset('_:q <p:p> "2" .\n_:z <p:p> "1" .\n<a:a> <p:p> _:q .\n')
    text = canonical(data, steps=STEPS).decode()
    labels = canonical_labels(data, steps=STEPS)
    assert sorted(labels) == ["q", "z"]
    assert sorted(labels.values()) == ["c14n0", "c14n1"]
    assert f'_:{labels["z"]} <p:p> "1" .\n' in text
    renamed = dataset('_:a <p:p> "2" .\n_:b <p:p> "1" .\n<a:a> <p:p> _:a .\n')
    assert canonical(renamed, steps=STEPS).decode() == text
    assert canonical_labels(renamed, steps=STEPS) == {"a": labels["q"], "b": labels["z"]}


@pytest.mark.parametrize(
    "nquads",
    [
        "",
        '<a:a> <p:p> "x"@nl-be .\n<a:a> <p:p> "01"^^<http://www.w3.org/2001/XMLSchema#integer> .\n',
        '<a:a> <p:p> "tab\\t nl\\n cr\\r bs\\b ff\\f q\\" \\\\ \\u0000\\u007F \\u0085 \\u00E9\\U0001F600" .\n',
        "_:a <p:p> _:b .\n_:b <p:p> _:a .\n",
        "_:a <p:p> _:a .\n",
        "_:a <p:p> _:b .\n_:b <p:p> _:c .\n_:c <p:p> _:a .\n_:d <p:p> _:e .\n_:e <p:p> _:f .\n_:f <p:p> _:d .\n",
        "_:g <p:p> _:h _:g .\n_:h <p:p> _:g _:h .\n<a:a> <p:p> _:g <g:g> .\n",
        "".join(f"_:r <p:p> _:c{n} .\n_:c{n} <p:q> _:d{n} .\n" for n in range(5)),
    ],
)
def test_another_implementation_gives_the_same_text(nquads: str) -> None:
    data = dataset(nquads)
    assert canonical(data, steps=STEPS) == by_the_library(data)


def test_lines_are_sorted_by_code_point_and_end_in_a_newline() -> None:
    graph = Graph.of(triple(Iri("a:a"), P, Literal(text)) for text in ("\U00010000", "\ufffd", "z", "A"))
    lines = canonical(graph, steps=STEPS).decode().split("\n")
    assert lines.pop() == ""
    assert [line[-4] for line in lines] == ["A", "z", "\ufffd", "\U00010000"]


def test_a_graph_is_the_default_graph_of_its_dataset() -> None:
    graph = clique(3)
    quads = Dataset(frozenset(Quad(t.subject, t.predicate, t.object, Iri("g:g")) for t in graph))
    assert canonical(graph, steps=STEPS) == canonical(Dataset.of_graph(graph), steps=STEPS)
    assert canonical(graph, steps=STEPS) != canonical(quads, steps=STEPS)


def test_the_digest_of_the_other_suite_names_nodes_in_another_order() -> None:
    data = dataset("".join(f'_:n{n} <p:p> "{n}" .\n' for n in range(8)))
    plain, other = canonical_labels(data, steps=STEPS), canonical_labels(data, steps=STEPS, digest="sha384")
    assert plain != other
    assert sorted(plain.values()) == sorted(other.values())


@pytest.mark.requirement("LIM-14")
@pytest.mark.parametrize("size", [8, 10, 40])
def test_a_poisonous_graph_is_refused_soon(size: int) -> None:
    started = time.monotonic()
    with pytest.raises(Unprocessable) as caught:
        canonical(clique(size), steps=STEPS)
    assert caught.value.reason == "canonicalisation-budget"
    assert time.monotonic() - started < 2  # the rule says one second on a machine of its own; this one may be busy


@pytest.mark.requirement("LIM-14")
def test_a_clique_that_can_be_done_is_done() -> None:
    assert canonical(clique(5), steps=STEPS) == by_the_library(Dataset.of_graph(clique(5)))


@pytest.mark.requirement("LIM-14")
def test_a_long_chain_of_alike_nodes_is_an_answer_too() -> None:
    nodes = [Blank(f"n{number}") for number in range(3000)]
    circle = Graph.of(triple(one, P, other) for one, other in zip(nodes, (*nodes[1:], nodes[0]), strict=True))
    with pytest.raises(Unprocessable):
        canonical(circle, steps=10**9)


@pytest.mark.requirement("LIM-14")
def test_many_nodes_that_differ_cost_little() -> None:
    graph = Graph.of(triple(Blank(f"n{number}"), P, Literal(str(number))) for number in range(5000))
    assert canonical(graph, steps=5000).count(b"\n") == 5000
