"""For any graph and edit: what was asked is there afterwards, and nothing else has changed."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.properties.rdf_graphs import graphs, iris, literals, triples
from vault.config import Limits
from vault.errors import Conflict, Refusal
from vault.rdf.graph import Blank, Graph, Triple, triple
from vault.rdf.patch import apply_edit, parse_patch
from vault.rdf.syntax import parse, serialise
from vault.values import N3_PATCH, SPARQL_UPDATE, TURTLE, MediaType

BASE = "https://pod.example/alice/doc"
LIMITS = Limits()
HEAD = "@prefix solid: <http://www.w3.org/ns/solid/terms#> .\n"
ground = st.builds(triple, iris, iris, iris | literals)
grounds = st.lists(ground, max_size=6).map(Graph.of)


def lines(graph: Graph) -> str:
    return " ".join(f"{t.subject} {t.predicate} {t.object} ." for t in graph)


def n3(deletes: Graph, inserts: Graph) -> bytes:
    body = (
        f"<> a solid:InsertDeletePatch ; solid:deletes {{ {lines(deletes)} }} ; solid:inserts {{ {lines(inserts)} }} ."
    )
    return (HEAD + body).encode()


def sparql(deletes: Graph, inserts: Graph) -> bytes:
    return f"DELETE DATA {{ {lines(deletes)} }} ; INSERT DATA {{ {lines(inserts)} }}".encode()


@given(graphs(), grounds)
def test_what_is_inserted_is_there_and_all_else_stays(before: Graph, new: Graph) -> None:
    edit = parse_patch(n3(Graph(), new), N3_PATCH, base=BASE, limits=LIMITS)
    assert apply_edit(before, edit, limits=LIMITS) == before | new


@given(graphs(), grounds, grounds)
def test_what_is_deleted_is_gone_and_what_is_inserted_stays(rest: Graph, old: Graph, new: Graph) -> None:
    edit = parse_patch(n3(old, new), N3_PATCH, base=BASE, limits=LIMITS)
    assert apply_edit(rest | old, edit, limits=LIMITS) == ((rest | old) - old) | new


@given(graphs(), ground, grounds)
def test_deleting_what_is_absent_is_a_conflict_in_n3_and_nothing_in_sparql(
    before: Graph, absent: Triple, new: Graph
) -> None:
    without = before - Graph.of([absent])
    with pytest.raises(Conflict):
        apply_edit(without, parse_patch(n3(Graph.of([absent]), new), N3_PATCH, base=BASE, limits=LIMITS), limits=LIMITS)
    lenient = parse_patch(sparql(Graph.of([absent]), new), SPARQL_UPDATE, base=BASE, limits=LIMITS)
    assert apply_edit(without, lenient, limits=LIMITS) == without | new


@given(graphs(), grounds, grounds)
def test_both_formats_do_the_same(rest: Graph, old: Graph, new: Graph) -> None:
    strict = parse_patch(n3(old, new), N3_PATCH, base=BASE, limits=LIMITS)
    lenient = parse_patch(sparql(old, new), SPARQL_UPDATE, base=BASE, limits=LIMITS)
    assert apply_edit(rest | old, strict, limits=LIMITS) == apply_edit(rest | old, lenient, limits=LIMITS)


@given(graphs(), grounds)
def test_a_patched_document_reads_as_it_was_patched(before: Graph, new: Graph) -> None:
    stored = parse(serialise(before, TURTLE, base=BASE), TURTLE, base=BASE, limits=LIMITS)
    edit = parse_patch(n3(Graph(), new), N3_PATCH, base=BASE, limits=LIMITS)
    after = apply_edit(stored, edit, limits=LIMITS)
    assert new.triples <= parse(serialise(after, TURTLE, base=BASE), TURTLE, base=BASE, limits=LIMITS).triples


@given(st.lists(triples, min_size=1, max_size=6).map(Graph.of), st.data())
def test_a_condition_taken_from_the_graph_matches(graph: Graph, data: st.DataObject) -> None:
    chosen = data.draw(st.sampled_from(sorted(graph, key=str)))
    subject = "?s" if isinstance(chosen.subject, Blank) else str(chosen.subject)
    obj = "?o" if isinstance(chosen.object, Blank) else str(chosen.object)
    text = f"DELETE {{ {subject} {chosen.predicate} {obj} }} WHERE {{ {subject} {chosen.predicate} {obj} }}"
    after = apply_edit(graph, parse_patch(text.encode(), SPARQL_UPDATE, base=BASE, limits=LIMITS), limits=LIMITS)
    assert chosen not in after
    assert after.triples < graph.triples


FRAGMENTS = st.sampled_from(
    ["INSERT ", "DELETE ", "DATA ", "WHERE ", "{", "}", "?x ", "$y ", "<a:a> ", "_:b ", "[", "]", "(", ")", ";", ".",
     ",", "a ", "1 ", "'x' ", '"', "@en", "^^", "PREFIX ", "BASE ", "x: ", "#", "\n", "\\",
     "<> a solid:InsertDeletePatch ",
     "solid:where ", "solid:inserts ", "solid:deletes ", "=", "=>", "!", "<<(", "GRAPH ", "FILTER ", "LOAD ", "is ",
     "of ", "\u0301", "é"]
)  # fmt: skip


@settings(max_examples=300)
@given(st.lists(FRAGMENTS | st.text(max_size=2), max_size=40).map("".join), st.sampled_from([N3_PATCH, SPARQL_UPDATE]))
def test_any_text_is_an_edit_or_a_refusal(text: str, media_type: MediaType) -> None:
    head = HEAD if media_type == N3_PATCH else ""
    with suppress(Refusal):  # anything else is a crash
        edit = parse_patch((head + text).encode(), media_type, base=BASE, limits=LIMITS)
        assert isinstance(apply_edit(Graph(), edit, limits=LIMITS), Graph)
