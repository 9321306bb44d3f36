"""Graphs for the property tests: few names, so that terms meet; odd literals and IRIs, so that escapes are tried."""

from __future__ import annotations

from random import Random
from typing import cast

from hypothesis import strategies as st

from vault.rdf.graph import RDF, XSD, Blank, Graph, Iri, Literal, Subject, Term, Triple, parts, triple

_IRIS = [
    "https://pod.example/alice/doc", "https://pod.example/alice/doc#it", "https://pod.example/alice/docs/x",
    "http://purl.org/dc/terms/title", "http://purl.org/dc/terms/1.", "http://purl.org/dc/terms/", "dct:title",
    "http://data.europa.eu/snb/model/elm/a-b_c", "https://e.example/a/../b?q=é&r=%20#f/g", "mailto:a@b.example",
    "urn:a:b", RDF.type.value, RDF.first.value, RDF.rest.value, RDF.nil.value,
]  # fmt: skip

iris = st.sampled_from(_IRIS).map(Iri)
blanks = st.sampled_from("abcde").map(Blank)
subjects: st.SearchStrategy[Subject] = iris | blanks
_texts = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(["01", "1.50", "true", "-1", '"\\\n'])
_datatypes = st.sampled_from([XSD.integer, XSD.decimal, XSD.boolean, XSD.date, XSD.string, Iri("urn:a:type")])
literals = st.builds(lambda text, datatype: Literal(text, datatype=datatype), _texts, _datatypes) | st.builds(
    lambda text, language: Literal(text, language=language), _texts, st.sampled_from(["nl", "nl-be", "de-latn-at"])
)
terms: st.SearchStrategy[Term] = subjects | literals
triples: st.SearchStrategy[Triple] = st.builds(triple, subjects, iris, terms)


def graphs(max_size: int = 12) -> st.SearchStrategy[Graph]:
    """Small graphs, often with blank nodes that hang together."""
    return st.lists(triples, max_size=max_size).map(Graph.of)


def renamed(graph: Graph, random: object) -> Graph:
    """The same graph with its blank nodes' names shuffled."""
    labels = sorted({term.value for t in graph for term in parts(t) if isinstance(term, Blank)})
    shuffled = list(labels)
    cast(Random, random).shuffle(shuffled)
    names = {old: Blank(f"{new}x") for old, new in zip(labels, shuffled, strict=True)}

    def move(term: Term) -> Term:
        return names[term.value] if isinstance(term, Blank) else term

    return Graph.of(triple(cast(Subject, move(s)), p, move(o)) for s, p, o in map(parts, graph))
