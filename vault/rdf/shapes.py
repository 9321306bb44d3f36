"""SHACL: a graph checked against shapes that were read once, by pyshacl on rdflib (D21).

rdflib parses nothing here: it is handed terms that our own parser produced. What comes back never holds a value of the
citizen's: messages are those of the shapes' author, or made from what the shapes themselves say.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import rdflib
from pyshacl import ShapesGraph, Validator
from pyshacl.graph_abstraction import DataGraph
from pyshacl.rdfutil.stringify import stringify_blank_node
from rdflib.namespace import OWL, SH
from rdflib.term import BNode, Identifier, Node, URIRef, bind

from vault.config import Limits
from vault.rdf.graph import PREFIXES, XSD, Blank, Graph, Iri, Term, parts
from vault.rdf.syntax import parse
from vault.values import TURTLE

# Process-wide, and set before the first graph: otherwise `01` becomes `1` and dates lose their zone.
rdflib.NORMALIZE_LITERALS = False
# This logger prints each ill-typed literal, with its value and a traceback.
logging.getLogger("rdflib.term").disabled = True
# rdflib would parse such literals, HTML in a time that grows with the square of the length: for us they are text.
for _markup in (rdflib.RDF.HTML, rdflib.RDF.XMLLiteral):
    bind(_markup, str, constructor=str, datatype_specific=True)

_LOG = logging.getLogger(__name__)
# pyshacl writes into the shapes' graph while it checks, and keeps what it printed for as long as the process lives.
_TURN: Final = threading.Lock()
_PRINTED: Final[dict[object, str]] = vars(stringify_blank_node)["dict_cache"]
_NOT_OFFERED: Final = (SH.sparql, SH.js, SH.rule, SH.SPARQLTarget, OWL.imports)
_STRING = XSD.string
_STRICT: Final = {"advanced": False, "inference": "none", "allow_warnings": True, "allow_infos": True}

# What a constraint asks, by the parameter that states it; `{}` is the parameter's value, which comes from the shape.
_ASKS: Final = {
    SH.minCount: "at least {} must be given",
    SH.maxCount: "at most {} may be given",
    SH.datatype: "it must be a literal of type {}",
    SH["class"]: "it must be of class {}",
    SH.nodeKind: "it must be of kind {}",
    SH.pattern: "it must match {}",
    SH.minLength: "it must have at least {} characters",
    SH.maxLength: "it may have at most {} characters",
    SH.minInclusive: "it must be {} or more",
    SH.minExclusive: "it must be more than {}",
    SH.maxInclusive: "it must be {} or less",
    SH.maxExclusive: "it must be less than {}",
    SH.uniqueLang: "there may be one for each language",
    SH.languageIn: "its language must be one of {}",
    SH.lessThan: "it must come before {}",
    SH.lessThanOrEquals: "it must not come after {}",
    SH.equals: "it must be the same as {}",
    SH.disjoint: "it must differ from {}",
    SH.hasValue: "it must be {}",
    SH["in"]: "it must be one of {}",
    SH["or"]: "it must fit one of the alternatives",
    SH.xone: "it must fit exactly one of the alternatives",
    SH["not"]: "it must not fit the excluded shape",
    SH.node: "it must fit the shape {}",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as the shape wants it; never with the value itself.

    `path`: from the checked thing to the place, as a SPARQL property path with the house's prefixes
    (`elm:awardedBy/elm:awardingBody`), empty for the thing itself. `shape`: the IRI of the named shape.
    """

    path: str
    message: str
    shape: str


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a check. `warnings` do not stand in the way of conforming."""

    conforms: bool
    violations: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class ShapeSet:
    """Shapes, read once and used for many graphs."""

    graph: rdflib.Graph = field(repr=False)
    shapes: ShapesGraph = field(repr=False)
    owners: dict[Node, Node] = field(repr=False)  # property shape → the shape it stands in


def load_shapes(turtle: bytes) -> ShapeSet:
    """Reads a shapes file of ours. ValueError when it uses SPARQL, JavaScript, rules or imports."""
    graph = _to_rdflib(parse(turtle, TURTLE, base="urn:x-shapes", limits=Limits()))
    for term in _NOT_OFFERED:
        if (None, term, None) in graph or (None, None, term) in graph:
            raise ValueError(f"These shapes use {term}, which is not offered.")
    shapes = ShapesGraph(graph, False, _LOG)
    list(shapes.shapes)  # gathers them now, not at the first check
    owners = {inner: outer for outer, inner in graph.subject_objects(SH.property)}
    return ShapeSet(graph, shapes, owners)


def check(graph: Graph, shapes: ShapeSet) -> Report:
    """Checks the graph, one at a time in a process. Takes milliseconds for a document, so it belongs in a thread."""
    data = DataGraph.from_rdflib(_to_rdflib(graph))
    violations: set[Finding] = set()
    warnings: set[Finding] = set()
    with _TURN:
        validator = Validator(data, shacl_graph=shapes.graph, options={**_STRICT, "logger": _LOG})
        validator.shacl_graph = shapes.shapes
        try:
            conforms, results, _ = validator.run()  # type: ignore[no-untyped-call]
        finally:
            _PRINTED.clear()  # else every refused document of a citizen stays in memory until the process ends
        for result in results.objects(None, SH.result):
            severe = results.value(result, SH.resultSeverity) == SH.Violation
            (violations if severe else warnings).update(_findings(results, result, shapes))
    return Report(bool(conforms), _ordered(violations), _ordered(warnings))


def _ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda found: (found.path, found.message, found.shape)))


def _findings(
    results: rdflib.Graph, result: Node, shapes: ShapeSet, *, before: str = "", said: str = ""
) -> Iterator[Finding]:
    """The innermost findings of one result: a shape that refers to another only says that the other did not fit."""
    source = results.value(result, SH.sourceShape) or BNode()
    step = _path(results, results.value(result, SH.resultPath))
    path = "/".join(piece for piece in (before, step) if piece)
    authored = min(map(str, shapes.graph.objects(source, SH.message)), default=None)
    said = authored or said
    inner = list(results.objects(result, SH.detail))
    for detail in inner:
        yield from _findings(results, detail, shapes, before=path, said=said)
    if not inner:
        asked = _asked(shapes.graph, source, results.value(result, SH.sourceConstraintComponent))
        message = said if authored is not None or not asked else f"{said} ({asked})" if said else asked
        yield Finding(path, message, _owner(source, shapes))


def _asked(graph: rdflib.Graph, source: Node, component: Node | None) -> str:
    """What the constraint asks, in words; from the shapes alone."""
    for parameter, words in _ASKS.items():
        name = str(parameter)[len(str(SH)) :]
        if component == SH[f"{name[0].upper()}{name[1:]}ConstraintComponent"]:
            values = [member for value in graph.objects(source, parameter) for member in _members(graph, value)]
            return words.format(" or ".join(sorted(map(_short, values))))
    return "it does not fit the shape"


def _members(graph: rdflib.Graph, value: Node) -> list[Node]:
    if isinstance(value, BNode):
        return [member for member in graph.items(value) if isinstance(member, Identifier)]
    return [value]


def _path(results: rdflib.Graph, path: Node | None) -> str:
    """A result path as SPARQL writes it. pyshacl copies paths into the report, blank nodes and all."""
    if path is None or isinstance(path, URIRef):
        return "" if path is None else _short(path)
    inverse = results.value(path, SH.inversePath)
    if inverse is not None:
        return f"^{_path(results, inverse)}"
    alternatives = results.value(path, SH.alternativePath)
    if alternatives is not None:
        return f"({'|'.join(_path(results, item) for item in results.items(alternatives))})"
    for predicate, sign in ((SH.zeroOrMorePath, "*"), (SH.oneOrMorePath, "+"), (SH.zeroOrOnePath, "?")):
        repeated = results.value(path, predicate)
        if repeated is not None:
            return f"{_path(results, repeated)}{sign}"
    return "/".join(_path(results, item) for item in results.items(path))


def _owner(source: Node, shapes: ShapeSet) -> str:
    seen: set[Node] = set()
    while isinstance(source, BNode) and source in shapes.owners and source not in seen:
        seen.add(source)
        source = shapes.owners[source]
    return str(source) if isinstance(source, URIRef) else ""


def _short(node: Node) -> str:
    text = str(node)
    if not isinstance(node, URIRef):
        return text
    for name, space in PREFIXES.items():
        if text.startswith(space) and text[len(space) :].isidentifier():
            return f"{name}:{text[len(space) :]}"
    return f"<{text}>"


def _to_rdflib(graph: Graph) -> rdflib.Graph:
    made = rdflib.Graph(bind_namespaces="none")
    for subject, predicate, obj in map(parts, graph):
        made.add((_node(subject), _node(predicate), _node(obj)))
    return made


def _node(term: Term) -> Identifier:
    if isinstance(term, Iri):
        return URIRef(term.value)
    if isinstance(term, Blank):
        return BNode(term.value)
    if term.language is not None:
        return rdflib.Literal(term.value, lang=term.language)
    return rdflib.Literal(term.value, datatype=None if term.datatype == _STRING else URIRef(term.datatype.value))
