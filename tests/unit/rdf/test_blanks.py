"""Blank nodes: isomorphism and stable names."""

from __future__ import annotations

import pytest

from vault.errors import Unprocessable
from vault.rdf.blanks import isomorphic, stable_names
from vault.rdf.graph import Blank, Graph, Iri, Literal, Subject, Term, triple
from vault.rdf.rows import rows_of

P = Iri("p:p")


def graph(*edges: tuple[str, str]) -> Graph:
    def term(name: str) -> Subject:
        return Blank(name[1:]) if name.startswith("_") else Iri(f"a:{name}")

    return Graph.of(triple(term(one), P, term(other)) for one, other in edges)


def circle(*names: str) -> list[tuple[str, str]]:
    return list(zip(names, (*names[1:], names[0]), strict=True))


def test_names_do_not_matter() -> None:
    assert isomorphic(graph(("x", "_a"), ("_a", "_b")), graph(("x", "_q"), ("_q", "_a")))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (graph(("x", "_a")), graph(("x", "_a"), ("x", "_b"))),
        (graph(("x", "_a"), ("_a", "y")), graph(("x", "_a"), ("_a", "z"))),
        (graph(("x", "_a"), ("_a", "_b")), graph(("x", "_a"), ("_b", "_a"))),
        (graph(("x", "y")), graph(("x", "z"))),
        (graph(("_a", "_a")), graph(("_a", "_b"))),
        # Two triangles and one hexagon: every node looks the same from nearby.
        (
            graph(*circle("_a", "_b", "_c"), *circle("_d", "_e", "_f")),
            graph(*circle("_a", "_b", "_c", "_d", "_e", "_f")),
        ),
    ],
)
def test_different_graphs_are_told_apart(one: Graph, other: Graph) -> None:
    assert not isomorphic(one, other)
    assert not isomorphic(other, one)
    assert isomorphic(one, one)
    assert isomorphic(other, other)


def test_many_alike_nodes_are_paired_without_search() -> None:
    many = [(f"_n{number}", f"_m{number}") for number in range(500)]
    renamed = [(f"_q{number}", f"_n{number}") for number in range(500)]
    assert isomorphic(graph(*many), graph(*renamed), steps=300_000)
    assert not isomorphic(graph(*many), graph(*renamed[1:], ("_q1", "_n1x")), steps=300_000)


def test_a_comparison_that_takes_too_long_is_refused() -> None:
    one = graph(*(edge for n in range(6) for edge in circle(*(f"_{n}x{i}" for i in range(6)))))
    other = graph(*(edge for n in range(4) for edge in circle(*(f"_{n}x{i}" for i in range(9)))))
    with pytest.raises(Unprocessable):
        isomorphic(one, other, steps=10)


def test_stable_names_follow_from_what_is_said() -> None:
    def names(one: str, other: str) -> dict[Term, str]:
        made = Graph.of(
            [
                triple(Blank(one), P, Literal("1")),
                triple(Blank(other), P, Literal("2")),
                triple(Blank(one), P, Blank(other)),
            ]
        )
        given = stable_names(rows_of(made.triples))
        return {Literal("1"): given[f"_:{one}"], Literal("2"): given[f"_:{other}"]}

    assert names("a", "b") == names("b", "a") == names("zz", "q")
    assert set(names("a", "b").values()) == {"_:b0", "_:b1"}
