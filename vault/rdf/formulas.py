"""Patterns out of N3 formulas: the one trick by which both patch formats are read.

pyoxigraph reads formulas strictly, as named graphs, but knows no variables. So `?name` is written as an IRI that no
other text may contain, the document is parsed, and the IRIs become variables again. Nothing of it is ever executed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import pyoxigraph

from vault.config import Limits
from vault.errors import Malformed, Unprocessable
from vault.rdf.edits import Pattern, Slot, Variable
from vault.rdf.graph import Blank, Iri, Literal, Subject, Term, Triple, parts

VARIABLE = "urn:x-n3var:"  # a scheme of ours; refused in the text that comes in

# Tokens of N3 and SPARQL text that hold no structure. Possessive: hostile input cannot make them go back (ATK-11).
IRI = r'<(?:[^\x00-\x20<>"{}|^`\\]|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8})*+>'
STRING = (
    r'"""(?:[^"\\]|\\.|"(?!""))*+"""'
    r"|'''(?:[^'\\]|\\.|'(?!''))*+'''"
    r'|"(?:[^"\\\n\r]|\\.)*+"'
    r"|'(?:[^'\\\n\r]|\\.)*+'"
)
COMMENT = r"#[^\n\r]*+"
NAME = r"(?:[A-Za-z0-9_:%.-]|[^\x00-\x7f]|\\.)++"


@dataclass(frozen=True, slots=True)
class Formulas:
    """A parsed document: the triples outside formulas, and the content of each formula by its name."""

    outside: tuple[Triple, ...]
    inside: dict[Subject, tuple[Triple, ...]]


def read_formulas(text: str, base: str, limits: Limits) -> Formulas:
    """Parses rewritten N3. Raises Malformed, or Unprocessable for what N3 allows and RDF does not."""
    outside: list[Triple] = []
    inside: dict[Subject, list[Triple]] = defaultdict(list)
    try:
        for quad in pyoxigraph.parse(text, format=pyoxigraph.RdfFormat.N3, base_iri=base):
            if isinstance(quad.graph_name, pyoxigraph.DefaultGraph):
                outside.append(quad.triple)
            else:
                inside[quad.graph_name].append(quad.triple)
    except SyntaxError as error:
        if "not allowed in regular RDF" in str(error):  # a literal as subject, a formula as predicate
            raise shape("A triple of the patch is none in RDF.") from None
        raise Malformed("patch-syntax", "The patch cannot be read.") from None
    except ValueError:
        raise Malformed("patch-syntax", "The patch cannot be read.") from None
    found = {name: tuple(triples) for name, triples in inside.items()}
    for triples in (outside, *found.values()):
        _check_terms(triples, limits)
    return Formulas(tuple(outside), found)


def patterns(triples: Iterable[Triple], *, blanks_vary: bool = False) -> tuple[Pattern, ...]:
    """Triples as patterns, each once. With `blanks_vary`, blank nodes are variables, as they are in a `where`."""
    found: dict[Pattern, None] = {}
    for subject, predicate, obj in map(parts, triples):
        found[_slot(subject, blanks_vary), _slot(predicate, blanks_vary), _slot(obj, blanks_vary)] = None
    return tuple(found)


def check_where(where: tuple[Pattern, ...], limits: Limits) -> tuple[Pattern, ...]:
    """LIM-12: the number of patterns to match."""
    if len(where) > limits.where_patterns:
        raise Unprocessable("too-many-patterns", f"A patch may have {limits.where_patterns} conditions.")
    return where


def variables(found: Iterable[Pattern]) -> set[Variable]:
    """The variables that occur in the patterns."""
    return {slot for pattern in found for slot in pattern if isinstance(slot, Variable)}


def blanks(found: Iterable[Pattern]) -> set[Blank]:
    """The blank nodes that occur in the patterns."""
    return {slot for pattern in found for slot in pattern if isinstance(slot, Blank)}


def shape(detail: str) -> Unprocessable:
    """The refusal of a patch that can be read and is not one we can act on."""
    return Unprocessable("patch-shape", detail)


def _slot(term: Term, blanks_vary: bool) -> Slot:
    if isinstance(term, Iri):
        return Variable(term.value[len(VARIABLE) :]) if term.value.startswith(VARIABLE) else term
    if blanks_vary and isinstance(term, Blank):
        return Variable(f"_:{term.value}")
    return term


def _check_terms(triples: Iterable[Triple], limits: Limits) -> None:
    """LIM-10, and variables where none can stand. The whole patch is small, so literals need no limit of their own."""
    for triple in triples:
        for term in parts(triple):
            iri = term.datatype if isinstance(term, Literal) else term
            if isinstance(iri, Iri) and len(iri.value) > limits.iri_bytes:
                raise Unprocessable("too-long", f"An IRI may have {limits.iri_bytes} bytes.")
            if isinstance(term, Literal):
                if iri.value.startswith(VARIABLE):
                    raise shape("A variable cannot be a datatype.")
                if len(term.language or "") > limits.language_characters:
                    raise Unprocessable("too-long", f"A language tag may have {limits.language_characters} characters.")
