"""Turtle and N-Triples out: readable, and the same bytes for the same graph each time.

Blank nodes that are used once are written in place, as `[ … ]` or as a list `( … )`; all others get stable names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from vault.rdf.blanks import stable_names
from vault.rdf.graph import RDF, XSD, Graph
from vault.rdf.rows import Folding, by_subject, is_blank, rows_of

_LOCAL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_UNSAFE = re.compile(r'[\x00-\x20<>"{}|^`\\#]')
_BARE = {
    str(XSD.integer): re.compile(r'"[+-]?[0-9]+"'),
    str(XSD.decimal): re.compile(r'"[+-]?[0-9]*\.[0-9]+"'),
    str(XSD.boolean): re.compile(r'"(?:true|false)"'),
}
_TYPE = str(RDF.type)
_INDENT = "    "


def write_ntriples(graph: Graph) -> bytes:
    """N-Triples, sorted by line, with stable blank node names."""
    rows = rows_of(graph.triples)
    names = stable_names(rows)
    if names:
        rows = [(names.get(subject, subject), predicate, names.get(obj, obj)) for subject, predicate, obj in rows]
    return "".join(sorted(f"{subject} {predicate} {obj} .\n" for subject, predicate, obj in rows)).encode()


def write_turtle(graph: Graph, *, base: str | None, prefixes: Mapping[str, str]) -> bytes:
    """Turtle with the prefixes it uses. With a base, its own IRIs are relative and `@base` says to what."""
    return _TurtleWriter(graph, base, prefixes).write().encode()


class _TurtleWriter:
    """The state of writing one document."""

    def __init__(self, graph: Graph, base: str | None, prefixes: Mapping[str, str]) -> None:
        rows = rows_of(graph.triples)
        self._base = base if base and not _UNSAFE.search(base) else None
        self._prefix_of = _prefix_of(tuple(prefixes.items()))
        self._used: dict[str, str] = {}
        self._relative = False
        self._statements = by_subject(rows)
        self._folding = Folding(self._statements)
        # Names and IRIs, as they were written before: most occur many times.
        self._texts = _names(stable_names(rows), self._folding.named()) if self._folding.named() else {}

    def write(self) -> str:
        subjects = [s for s in self._statements if s not in self._folding.inline]
        blocks = sorted((self._order(subject), self._block(subject)) for subject in subjects)
        head = [f"@prefix {name}: <{space}> .\n" for name, space in sorted(self._used.items())]
        if self._relative:
            head.insert(0, f"@base <{self._base}> .\n")
        return "".join(head) + ("\n" if head else "") + "\n".join(text for _, text in blocks)

    def _order(self, subject: str) -> tuple[int, str]:
        """The document itself first, then its own parts, other IRIs, named blank nodes, and loose ones last."""
        if is_blank(subject):
            return (3, self._texts[subject]) if self._folding.references[subject] else (4, "")
        if self._base is not None and subject.startswith(f"<{self._base}"):
            return (0 if len(subject) == len(self._base) + 2 else 1, subject)
        return (2, subject)

    def _block(self, subject: str) -> str:
        loose = is_blank(subject) and not self._folding.references[subject]
        return f"{'[]' if loose else self._term(subject, 0)} {self._predicates(subject, 1)} .\n"

    def _predicates(self, subject: str, depth: int) -> str:
        statements = self._statements[subject]
        lines = []
        for predicate in sorted(statements, key=lambda p: (p != _TYPE, p)):
            verb = "a" if predicate == _TYPE else self._term(predicate, depth)
            objects = statements[predicate]
            lines.append(f"{verb} {', '.join(sorted([self._term(o, depth) for o in objects]))}")
        return f" ;\n{_INDENT * depth}".join(lines)

    def _term(self, term: str, depth: int) -> str:
        known = self._texts.get(term)
        if known is not None:
            return known
        if term[0] == '"':
            return self._literal(term)
        if term[0] == "_":
            return self._in_place(term, depth)
        text = self._texts[term] = self._iri(term)
        return text

    def _in_place(self, node: str, depth: int) -> str:
        if node in self._folding.cells:
            items = self._folding.items(self._statements, node)
            return f"( {' '.join([self._term(item, depth) for item in items])} )"
        if node not in self._statements:
            return "[]"
        return f"[\n{_INDENT * (depth + 1)}{self._predicates(node, depth + 1)}\n{_INDENT * depth}]"

    def _literal(self, term: str) -> str:
        if term[-1] != ">":
            return term
        lexical, _, datatype = term.rpartition("^^")
        bare = _BARE.get(datatype)
        if bare is not None and bare.fullmatch(lexical):
            return lexical[1:-1]
        return f"{lexical}^^{self._term(datatype, 0)}"

    def _iri(self, term: str) -> str:
        value = term[1:-1]
        if self._base is not None and (value == self._base or value.startswith(self._base + "#")):
            self._relative = True
            return f"<{value[len(self._base) :]}>"
        cut = max(value.rfind("#"), value.rfind("/")) + 1
        prefix = self._prefix_of.get(value[:cut])
        if prefix is not None and _LOCAL.fullmatch(value, cut):
            self._used[prefix] = value[:cut]
            return f"{prefix}:{value[cut:]}"
        return term


@lru_cache(maxsize=32)
def _prefix_of(prefixes: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """The usable names by what they stand for; most documents have those of the house."""
    return {space: name for name, space in prefixes if _usable(name, space)}


def _usable(name: str, space: str) -> bool:
    return _PREFIX.fullmatch(name) is not None and space[-1:] in ("#", "/") and not _UNSAFE.search(space[:-1])


def _names(names: Mapping[str, str], wanted: set[str]) -> dict[str, str]:
    """The stable names of some nodes, in the same order and numbered without gaps."""
    order = sorted(wanted, key=lambda node: int(names[node][3:]))
    return {node: f"_:b{number}" for number, node in enumerate(order)}
