"""N3 Patch (Solid Protocol §5.3.1; N3-2 to N3-9 of our Solid rules) → GraphEdit."""

from __future__ import annotations

import re

from vault.config import Limits
from vault.errors import Malformed
from vault.rdf.edits import GraphEdit, Pattern, Slot
from vault.rdf.formulas import (
    COMMENT,
    IRI,
    NAME,
    STRING,
    VARIABLE,
    Formulas,
    blanks,
    check_where,
    read_formulas,
    shape,
    variables,
    varying,
)
from vault.rdf.graph import RDF, SOLID, Blank
from vault.rdf.guards import check_turtle

_TYPE = RDF.type
_PATCH = SOLID.InsertDeletePatch
_TYPES = (_PATCH, SOLID.Patch)
_PARTS = (SOLID.where, SOLID.deletes, SOLID.inserts)

# What is copied as it stands, in one go; then the marks that matter. Words of N3 that Turtle lacks turn triples around
# or name things out of sight, so they are marks too. Several dots in a row are one: a public suite writes two (PR-72).
_BETWEEN = rf"(?:\s|{COMMENT})*+"
_OTHERWISE_READ = rf"(?:is|of|has)(?![\w:%\\.-])|\.{_BETWEEN}\."
_TOKENS = re.compile(
    rf"(?:\s|{COMMENT}|{IRI}|{STRING}|(?!{_OTHERWISE_READ}){NAME}|\^\^|[,;\[\]()@])++"
    rf"|(?P<dots>\.(?:{_BETWEEN}\.)++)"
    r"|\?(?P<variable>[A-Za-z_][A-Za-z0-9_-]*)"
    r"|(?P<mark><[=-]|[\s\S])"
)
_NOT_TRIPLES = frozenset({"!", "^", "=", ">", "<=", "<-", "i", "h", "o"})


def read_n3_patch(text: str, base: str, limits: Limits) -> GraphEdit:
    """The edit that the patch document asks for; relative IRIs resolve against the target (N3-15)."""
    check_turtle(text.encode(), limits)
    if VARIABLE in text:
        raise shape("The patch uses an IRI that is reserved here.")
    rewritten, opened = _rewrite(text)
    formulas = read_formulas(rewritten, base, limits)
    contents = _contents(formulas, opened)
    where, deletes, inserts = (contents.get(part, ()) for part in _PARTS)
    edit = GraphEdit(where=check_where(varying(where), limits), deletes=deletes, inserts=inserts)
    _check_names(edit, outside=formulas.outside, where=where)
    return edit


def _rewrite(text: str) -> tuple[str, int]:
    """The text with an IRI for each variable, and how many formulas it opens."""
    pieces = []
    opened = depth = 0
    for token in _TOKENS.finditer(text):
        if token["variable"]:
            pieces.append(f"<{VARIABLE}{token['variable']}>")
            continue
        pieces.append("." if token["dots"] else token[0])
        mark = token["mark"]
        if mark == "{":
            opened, depth = opened + 1, depth + 1
            if depth > 1:
                raise shape("Formulas cannot be nested.")  # N3-6
        elif mark == "}":
            depth -= 1
        elif mark is not None:
            if mark in _NOT_TRIPLES:
                raise shape("A patch holds plain triples: no paths, no rules.")  # N3-6
            raise Malformed("patch-syntax", "The patch cannot be read.")  # N3-2
    return "".join(pieces), opened


def _contents(formulas: Formulas, opened: int) -> dict[Slot, tuple[Pattern, ...]]:
    """The triples of where, deletes and inserts, if the document says nothing else (N3-3 to N3-6)."""
    patches = {subject for subject, predicate, obj in formulas.outside if predicate == _TYPE and obj == _PATCH}
    if len(patches) != 1:
        raise shape("A patch document has exactly one resource of type solid:InsertDeletePatch.")
    names: dict[Slot, Slot] = {}
    for subject, predicate, obj in formulas.outside:
        if predicate == _TYPE and obj in _TYPES and subject in patches:
            continue
        if subject not in patches or predicate not in _PARTS or not isinstance(obj, Blank):
            raise shape("A patch document says where, deletes and inserts of one patch, and nothing else.")
        if predicate in names:
            raise shape("A patch has at most one each of where, deletes and inserts.")
        names[predicate] = obj
    # As many formulas as were opened, each the object of one part: none stands elsewhere, and no part is a mere node.
    if len(names) != opened or len(set(names.values())) != opened or not formulas.inside.keys() <= set(names.values()):
        raise shape("Where, deletes and inserts are formulas.")
    return {part: formulas.inside.get(name, ()) for part, name in names.items()}


def _check_names(edit: GraphEdit, *, outside: tuple[Pattern, ...], where: tuple[Pattern, ...]) -> None:
    """Variables and blank nodes stand where they may, and are shared only where they may be."""
    # N3-7: "The ?insertions and ?deletions formulae MUST NOT contain variables that do not occur in the ?conditions
    # formula."
    if variables(outside) or not variables((*edit.deletes, *edit.inserts)) <= variables(edit.where):
        raise shape("A variable of inserts or deletes does not occur in where.")
    # N3-8, and N3-9: a label that two parts share would mean two things.
    if blanks(edit.deletes):
        raise shape("Blank nodes cannot be deleted by name; find them with a variable in where.")
    named = blanks(where) | (new := blanks(edit.inserts))
    if named and (new & blanks(where) or named & blanks(outside)):
        raise shape("A blank node is used in more than one part of the patch.")
