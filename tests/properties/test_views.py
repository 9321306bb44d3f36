"""Whatever the graph and whatever is granted: the leaves of a view are leaves of granted fields, and nothing is new."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from vault.datasluis.catalogue import DataType, Field, Path
from vault.datasluis.views import minimise
from vault.rdf.graph import RDF, Blank, Graph, Iri, Literal, Subject, Term, Triple, triple

PREDICATES = [f"urn:p{number}" for number in range(4)]
NODES: list[Subject] = [Iri(f"urn:doc#n{number}") for number in range(4)] + [Blank("b0"), Blank("b1")]
START = Iri("urn:doc#n0")
ALWAYS: tuple[Path, ...] = (("urn:mark",),)

predicates = st.sampled_from([*map(Iri, PREDICATES), Iri("urn:mark"), RDF.type])
objects: st.SearchStrategy[Term] = st.one_of(st.sampled_from(NODES), st.integers(0, 5).map(lambda n: Literal(str(n))))
triples = st.builds(triple, st.sampled_from(NODES), predicates, objects)
graphs = st.lists(triples, max_size=40).map(Graph.of)
paths = st.lists(st.sampled_from(PREDICATES), min_size=1, max_size=3).map(tuple)
fields = st.lists(st.lists(paths, min_size=1, max_size=2), min_size=1, max_size=4)


def a_type(found: list[list[Path]]) -> DataType:
    made = tuple(Field(f"f{number}", {}, tuple(one)) for number, one in enumerate(found))
    return DataType("t", "urn:t", "urn:T", "t.ttl", "t/", {}, {}, made, always=ALWAYS)


def walks(graph: Graph, path: Path) -> set[Triple]:
    """The slow, plain reading of a path: every complete walk, one by one."""

    def onward(node: Term, rest: Path) -> list[tuple[Triple, ...]]:
        if not rest:
            return [()]
        if isinstance(node, Literal):
            return []
        return [
            (one, *tail)
            for one in graph
            if one.subject == node and one.predicate == Iri(rest[0])
            for tail in onward(one.object, rest[1:])  # type: ignore[arg-type]
        ]

    return {one for walk in onward(START, path) for one in walk}


@settings(max_examples=300)
@given(graph=graphs, found=fields, chosen=st.sets(st.integers(0, 3)))
def test_a_view_is_the_walks_along_granted_paths_the_marks_and_types_on_the_way(
    graph: Graph, found: list[list[Path]], chosen: set[int]
) -> None:
    data_type = a_type(found)
    granted = [key for number in chosen if (key := f"f{number}")]
    view = minimise(graph, START, data_type, granted)
    wanted: set[Triple] = set()
    for one in data_type.fields:
        if one.key in granted:
            wanted = wanted.union(*(walks(graph, path) for path in one.paths))
    wanted = wanted.union(*(walks(graph, path) for path in ALWAYS))
    nodes = {one.subject for one in wanted} | {START}
    types = {one for one in graph if one.predicate == RDF.type and one.subject in nodes}
    assert view.triples == wanted | types
    assert view.triples <= graph.triples


@settings(max_examples=200)
@given(graph=graphs, found=fields, chosen=st.sets(st.integers(0, 3)), more=st.integers(0, 3))
def test_granting_less_never_shows_more(graph: Graph, found: list[list[Path]], chosen: set[int], more: int) -> None:
    data_type = a_type(found)
    fewer = minimise(graph, START, data_type, [f"f{number}" for number in chosen])
    wider = minimise(graph, START, data_type, [f"f{number}" for number in chosen | {more}])
    assert fewer.triples <= wider.triples


@settings(max_examples=200)
@given(graph=graphs, found=fields)
def test_a_view_of_a_view_is_itself(graph: Graph, found: list[list[Path]]) -> None:
    data_type = a_type(found)
    keys = [one.key for one in data_type.fields]
    view = minimise(graph, START, data_type, keys)
    assert minimise(view, START, data_type, keys) == view
