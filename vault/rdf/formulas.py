"""Patterns out of N3 formulas: the one trick by which both patch formats are read.

pyoxigraph reads formulas strictly, as named graphs, but knows no variables. So `?name` is written as an IRI that no
other text may contain, the document is parsed, and the IRIs become variables again. Nothing of it is ever executed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import pyoxigraph

from vault.config import Limits
from vault.errors import Malformed, Unprocessable
from vault.rdf.edits import Pattern, Slot, Variable
from vault.rdf.graph import Blank, Iri, Literal

_DEFAULT = pyoxigraph.DefaultGraph()
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
    """A parsed document: the statements outside formulas, and the content of each formula by its name. Each statement
    stands once, with its variables."""

    outside: tuple[Pattern, ...]
    inside: dict[Slot, tuple[Pattern, ...]]


def read_formulas(text: str, base: str, limits: Limits) -> Formulas:
    """Parses rewritten N3. Raises Malformed, or Unprocessable for what N3 allows and RDF does not."""
    found: dict[object, dict[Pattern, None]] = {_DEFAULT: {}}
    try:
        for quad in pyoxigraph.parse(text, format=pyoxigraph.RdfFormat.N3, base_iri=base):
            pattern = (_slot(quad.subject, limits), _slot(quad.predicate, limits), _slot(quad.object, limits))
            found.setdefault(quad.graph_name, {})[pattern] = None
    except SyntaxError as error:
        if "not allowed in regular RDF" in str(error):  # a literal as subject, a formula as predicate
            raise shape("A triple of the patch is none in RDF.") from None
        raise Malformed("patch-syntax", "The patch cannot be read.") from None
    except ValueError:
        raise Malformed("patch-syntax", "The patch cannot be read.") from None
    outside = tuple(found.pop(_DEFAULT))
    return Formulas(outside, {cast(Blank, name): tuple(statements) for name, statements in found.items()})


def varying(found: Iterable[Pattern]) -> tuple[Pattern, ...]:
    """The patterns of a `where`, in which blank nodes are variables, too."""
    if not blanks(found):
        return tuple(found)
    return tuple(dict.fromkeys((_vary(subject), _vary(predicate), _vary(obj)) for subject, predicate, obj in found))


def check_where(where: tuple[Pattern, ...], limits: Limits) -> tuple[Pattern, ...]:
    """LIM-12: the number of patterns to match."""
    if len(where) > limits.where_patterns:
        raise Unprocessable("too-many-patterns", f"A patch may have {limits.where_patterns} conditions.")
    return where


def variables(found: Iterable[Pattern]) -> set[Variable]:
    """The variables that occur in the patterns."""
    return {slot for pattern in found for slot in pattern if slot.__class__ is Variable}


def blanks(found: Iterable[Pattern]) -> set[Blank]:
    """The blank nodes that occur in the patterns."""
    return {slot for pattern in found for slot in pattern if isinstance(slot, Blank)}


def shape(detail: str) -> Unprocessable:
    """The refusal of a patch that can be read and is not one we can act on."""
    return Unprocessable("patch-shape", detail)


def _slot(term: object, limits: Limits) -> Slot:
    """A term with its limits (LIM-10), or the variable that was written as an IRI. The whole patch is small, so
    literals need no limit of their own."""
    if isinstance(term, Iri):
        value = term.value
        _check_length(value, limits)
        return Variable(value[len(VARIABLE) :]) if value.startswith(VARIABLE) else term
    if isinstance(term, Literal):
        datatype, language = term.datatype.value, term.language
        if datatype.startswith(VARIABLE):
            raise shape("A variable cannot be a datatype.")
        _check_length(datatype, limits)
        if language is not None and len(language) > limits.language_characters:
            raise Unprocessable("too-long", f"A language tag may have {limits.language_characters} characters.")
        return term
    assert isinstance(term, Blank)  # there is no quoting in the N3 that is read here
    return term


def _vary(slot: Slot) -> Slot:
    return Variable(f"_:{slot.value}") if isinstance(slot, Blank) else slot


def _check_length(iri: str, limits: Limits) -> None:
    if len(iri) > limits.iri_bytes:
        raise Unprocessable("too-long", f"An IRI may have {limits.iri_bytes} bytes.")
