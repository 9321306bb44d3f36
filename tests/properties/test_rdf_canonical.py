"""For any small graph: our RDFC-1.0 and the library's agree, and names of blank nodes leave no trace."""

from __future__ import annotations

import pyoxigraph
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.rdf_graphs import blanks, graphs, iris, renamed
from vault.rdf.blanks import isomorphic
from vault.rdf.graph import Dataset, Graph, triple
from vault.seals.canonical import canonical, canonical_labels

STEPS = 200_000

# Graphs of blank nodes alone, where first-degree hashes seldom suffice.
knots = st.lists(st.builds(triple, blanks, iris, blanks), max_size=8).map(Graph.of)


def by_the_library(graph: Graph) -> bytes:
    made = pyoxigraph.Dataset(Dataset.of_graph(graph).quads)
    made.canonicalize(pyoxigraph.CanonicalizationAlgorithm.RDFC_1_0)
    lines = (pyoxigraph.serialize(made, format=pyoxigraph.RdfFormat.N_QUADS) or b"").split(b"\n")
    return b"".join(sorted(line + b"\n" for line in lines if line))


@given(graphs() | knots)
def test_both_implementations_agree(graph: Graph) -> None:
    assert canonical(graph, steps=STEPS) == by_the_library(graph)


@given(graphs() | knots, st.randoms(use_true_random=False))
def test_names_of_blank_nodes_leave_no_trace(graph: Graph, random: object) -> None:
    assert canonical(renamed(graph, random), steps=STEPS) == canonical(graph, steps=STEPS)


@given(graphs(6) | knots, graphs(6) | knots)
def test_equal_texts_mean_isomorphic_graphs_and_the_reverse(one: Graph, other: Graph) -> None:
    same = canonical(one, steps=STEPS) == canonical(other, steps=STEPS)
    assert same == isomorphic(one, other)


@given(graphs() | knots)
def test_each_blank_node_has_a_label_of_its_own(graph: Graph) -> None:
    labels = canonical_labels(graph, steps=STEPS)
    assert sorted(labels.values(), key=lambda label: int(label[4:])) == [f"c14n{n}" for n in range(len(labels))]
