"""Graphs as values: terms, triples, graphs and the namespaces the house speaks.

Terms are pyoxigraph's own (immutable, hashable, strict about IRIs and lexical forms); the rest of the house imports
them from here, so that the library has one home.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias, cast

import pyoxigraph

Iri: TypeAlias = pyoxigraph.NamedNode
Blank: TypeAlias = pyoxigraph.BlankNode
Literal: TypeAlias = pyoxigraph.Literal
Triple: TypeAlias = pyoxigraph.Triple
Quad: TypeAlias = pyoxigraph.Quad
Subject: TypeAlias = Iri | Blank
Term: TypeAlias = Iri | Blank | Literal


class Namespace:
    """`RDF.type` or `DCT["title"]` gives the IRI; the same object each time is not promised, equality is."""

    __slots__ = ("base",)

    def __init__(self, base: str) -> None:
        self.base = base

    def __getattr__(self, name: str) -> Iri:
        if name.startswith("__"):
            raise AttributeError(name)
        return Iri(self.base + name)

    def __getitem__(self, name: str) -> Iri:
        return Iri(self.base + name)

    def __contains__(self, iri: object) -> bool:
        return isinstance(iri, Iri) and iri.value.startswith(self.base)


RDF: Final = Namespace("http://www.w3.org/1999/02/22-rdf-syntax-ns#")
RDFS: Final = Namespace("http://www.w3.org/2000/01/rdf-schema#")
XSD: Final = Namespace("http://www.w3.org/2001/XMLSchema#")
LDP: Final = Namespace("http://www.w3.org/ns/ldp#")
ACL: Final = Namespace("http://www.w3.org/ns/auth/acl#")
FOAF: Final = Namespace("http://xmlns.com/foaf/0.1/")
VCARD: Final = Namespace("http://www.w3.org/2006/vcard/ns#")
SOLID: Final = Namespace("http://www.w3.org/ns/solid/terms#")
PIM: Final = Namespace("http://www.w3.org/ns/pim/space#")
DCT: Final = Namespace("http://purl.org/dc/terms/")
STAT: Final = Namespace("http://www.w3.org/ns/posix/stat#")
SKOS: Final = Namespace("http://www.w3.org/2004/02/skos/core#")
ADMS: Final = Namespace("http://www.w3.org/ns/adms#")
ROV: Final = Namespace("http://www.w3.org/ns/regorg#")
M8G: Final = Namespace("http://data.europa.eu/m8g/")
SCHEMA: Final = Namespace("https://schema.org/")
ELM: Final = Namespace("http://data.europa.eu/snb/model/elm/")
LC: Final = Namespace("https://data.vlaanderen.be/ns/leercredential#")
LOON: Final = Namespace("https://data.vlaanderen.be/ns/loongegevens#")
PROV: Final = Namespace("http://www.w3.org/ns/prov#")
DPV: Final = Namespace("https://w3id.org/dpv#")
V: Final = Namespace("https://w3id.org/datakluis/v1#")

# The short names that written documents use; a document declares those it needs and no others.
PREFIXES: Final[Mapping[str, str]] = MappingProxyType(
    {
        name: space.base
        for name, space in {
            "rdf": RDF, "rdfs": RDFS, "xsd": XSD, "ldp": LDP, "acl": ACL, "foaf": FOAF, "vcard": VCARD, "solid": SOLID,
            "pim": PIM, "dct": DCT, "stat": STAT, "skos": SKOS, "adms": ADMS, "rov": ROV, "m8g": M8G, "schema": SCHEMA,
            "elm": ELM, "lc": LC, "loon": LOON, "prov": PROV, "dpv": DPV, "v": V,
        }.items()
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Graph:
    """A set of triples. Equality is set equality: blank-node labels count (see `isomorphic` for the other kind)."""

    triples: frozenset[Triple] = frozenset()

    @staticmethod
    def of(triples: Iterable[Triple]) -> Graph:
        return Graph(frozenset(triples))

    def __iter__(self) -> Iterator[Triple]:
        return iter(self.triples)

    def __len__(self) -> int:
        return len(self.triples)

    def __contains__(self, triple: object) -> bool:
        return triple in self.triples

    def __or__(self, other: Graph) -> Graph:
        return Graph(self.triples | other.triples)

    def __sub__(self, other: Graph) -> Graph:
        return Graph(self.triples - other.triples)

    def match(
        self, subject: Subject | None = None, predicate: Iri | None = None, obj: Term | None = None
    ) -> Iterator[Triple]:
        """Triples that agree with every part that is given; in no promised order. One pass over the graph."""
        for triple in self.triples:
            if (
                (subject is None or triple.subject == subject)
                and (predicate is None or triple.predicate == predicate)
                and (obj is None or triple.object == obj)
            ):
                yield triple

    def objects(self, subject: Subject, predicate: Iri) -> tuple[Term, ...]:
        """Objects of (subject, predicate, ?), sorted by their N-Triples form so that output is stable."""
        found = [triple.object for triple in self.match(subject, predicate)]
        return tuple(sorted((term for term in found if isinstance(term, (Iri, Blank, Literal))), key=str))

    def subjects(self, predicate: Iri, obj: Term) -> tuple[Subject, ...]:
        """Subjects of (?, predicate, object), sorted by their N-Triples form."""
        found = [triple.subject for triple in self.match(None, predicate, obj)]
        return tuple(sorted((term for term in found if isinstance(term, (Iri, Blank))), key=str))

    def value(self, subject: Subject, predicate: Iri) -> Term | None:
        """The first object in sorted order, or None."""
        return next(iter(self.objects(subject, predicate)), None)

    def text(self, subject: Subject, predicate: Iri) -> str | None:
        """The lexical form of a literal, or the IRI, of the first object; None if there is none."""
        term = self.value(subject, predicate)
        return None if term is None or isinstance(term, Blank) else term.value

    def rebased(self, old: str, new: str) -> Graph:
        """The same graph with every IRI that is `old`, or `old` plus a fragment, moved to `new`."""

        def move(term: Term) -> Term:
            if isinstance(term, Iri) and (term.value == old or term.value.startswith(old + "#")):
                return Iri(new + term.value[len(old) :])
            return term

        return Graph.of(_triple(move(_term(t.subject)), t.predicate, move(_term(t.object))) for t in self.triples)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A default graph and named graphs, as quads: what a seal is made over (VCs keep their proof in a named graph)."""

    quads: frozenset[Quad] = frozenset()

    @staticmethod
    def of_graph(graph: Graph) -> Dataset:
        """The dataset whose default graph is `graph`, without named graphs."""
        return Dataset(frozenset(Quad(t.subject, t.predicate, t.object) for t in graph.triples))

    def __iter__(self) -> Iterator[Quad]:
        return iter(self.quads)

    def __len__(self) -> int:
        return len(self.quads)


def triple(subject: Subject, predicate: Iri, obj: Term) -> Triple:
    """A triple, with types that mypy can follow."""
    return Triple(subject, predicate, obj)


def parts(statement: Triple) -> tuple[Subject, Iri, Term]:
    """Subject, predicate and object with types that mypy can follow: parsers refuse triple terms (LIM-06)."""
    return cast("tuple[Subject, Iri, Term]", (statement.subject, statement.predicate, statement.object))


def lang(text: str, language: str) -> Literal:
    """An rdf:langString."""
    return Literal(text, language=language)


def typed(text: str, datatype: Iri) -> Literal:
    """A literal with its datatype; the lexical form is kept as it is."""
    return Literal(text, datatype=datatype)


def _term(term: object) -> Term:
    assert isinstance(term, (Iri, Blank, Literal))  # parsers refuse triple terms (LIM-06)
    return term


def _triple(subject: Term, predicate: Iri, obj: Term) -> Triple:
    assert isinstance(subject, (Iri, Blank))
    return Triple(subject, predicate, obj)
