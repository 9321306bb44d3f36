"""The subset of SPARQL Update that PATCH takes (D9, section 4.2 of our Solid rules) → GraphEdit.

    update     prologue [ operation [ ";" update ] ]
    operation  INSERT DATA block | DELETE DATA block | DELETE WHERE block
               | DELETE block [ INSERT block ] WHERE block | INSERT block WHERE block

An own reader: no text of a stranger ever reaches a SPARQL engine (LIM-13). It finds keywords and blocks and hands the
triples of the blocks on as N3 formulas; whatever else SPARQL knows is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from vault.config import Limits
from vault.errors import Malformed, Refusal, Unprocessable
from vault.rdf.edits import GraphEdit, Pattern
from vault.rdf.formulas import (
    COMMENT,
    IRI,
    NAME,
    STRING,
    VARIABLE,
    blanks,
    check_where,
    read_formulas,
    shape,
    variables,
    varying,
)
from vault.rdf.graph import Blank, Iri

_TOKEN = re.compile(
    rf"\s++|{COMMENT}"
    rf"|(?P<iri>{IRI})|(?P<text>{STRING})|[?$](?P<variable>(?:\w|[^\x00-\x7f])++)"
    rf"|(?P<number>[+-]?(?:[0-9]++(?:\.[0-9]++)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?)(?![\w:])"
    rf"|(?P<mark>\^\^|[{{}}\[\]().,;])|(?P<word>@?{NAME})|(?P<other>[\s\S])"
)
_BLOCK = "urn:x-patch:"  # names the formulas we write; never part of what a block says
_KNOWN = frozenset(
    {"ADD", "ALL", "AS", "ASK", "BIND", "BY", "CLEAR", "CONSTRUCT", "COPY", "CREATE", "DEFAULT", "DESCRIBE", "DISTINCT",
     "DROP", "EXISTS", "FILTER", "FROM", "GRAPH", "GROUP", "HAVING", "IN", "INTO", "LIMIT", "LOAD", "MINUS", "MOVE",
     "NAMED", "NOT", "OFFSET", "OPTIONAL", "ORDER", "REDUCED", "SELECT", "SERVICE", "SILENT", "TO", "UNDEF", "UNION",
     "USING", "VALUES", "WITH"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str

    @property
    def keyword(self) -> str:
        return self.text.upper() if self.kind == "word" else ""


@dataclass(frozen=True, slots=True)
class _Operation:
    """One operation, with the numbers of its blocks (-1: none); `data` blocks are ground triples."""

    where: int = -1
    deletes: int = -1
    inserts: int = -1
    data: bool = False


_END = _Token("end", "")


class _Reader:
    """Reads token by token, and writes what it reads as an N3 document with one formula for each block."""

    def __init__(self, text: str, limits: Limits) -> None:
        self._tokens = (_Token(m.lastgroup, m[0]) for m in _TOKEN.finditer(text) if m.lastgroup is not None)
        self._here = next(self._tokens, _END)
        self._limits = limits
        self._written: list[str] = []
        self._prefixes = self._blocks = 0

    @property
    def written(self) -> str:
        return "".join(self._written)

    def update(self) -> list[_Operation]:
        operations = []
        self._prologue()
        while self._here is not _END:
            operations.append(self._operation())
            if self._here is not _END:
                self._mark(";")
                self._prologue()
        return operations

    def _move(self) -> _Token:
        """Steps to the next token; returns the one it leaves."""
        left, self._here = self._here, next(self._tokens, _END)
        return left

    def _take(self, keyword: str) -> bool:
        taken = self._here.keyword == keyword
        if taken:
            self._move()
        return taken

    def _expect(self, kind: str) -> str:
        if self._here.kind != kind:
            raise _refused(self._here)
        return self._move().text

    def _mark(self, mark: str) -> None:
        if self._here != _Token("mark", mark):
            raise _refused(self._here)
        self._move()

    def _prologue(self) -> None:
        while self._here.keyword in ("BASE", "PREFIX"):
            line = [self._move().keyword]
            if line[0] == "PREFIX":
                line.append(self._expect("word"))
                self._prefixes += 1
                if self._prefixes > self._limits.prefixes:  # LIM-09
                    raise Unprocessable("too-many-prefixes", f"A patch may declare {self._limits.prefixes} prefixes.")
            line.append(self._expect("iri"))
            self._written.append(" ".join(line) + "\n")

    def _operation(self) -> _Operation:
        if self._take("INSERT"):
            if self._take("DATA"):
                return _Operation(inserts=self._block(), data=True)
            return _Operation(inserts=self._block(), where=self._where())
        if self._take("DELETE"):
            if self._take("DATA"):
                return _Operation(deletes=self._block(), data=True)
            if self._take("WHERE"):
                both = self._block()
                return _Operation(deletes=both, where=both)
            deletes = self._block()
            inserts = self._block() if self._take("INSERT") else -1
            return _Operation(deletes=deletes, inserts=inserts, where=self._where())
        raise _refused(self._here)

    def _where(self) -> int:
        if not self._take("WHERE"):
            raise _refused(self._here)
        return self._block()

    def _block(self) -> int:
        self._mark("{")
        number, self._blocks = self._blocks, self._blocks + 1
        self._written.append(f"<{_BLOCK}{number}> <{_BLOCK}is> {{")
        depth, before = 1, _END
        while self._here != _Token("mark", "}"):
            token = self._move()
            depth += (token.text in ("[", "(")) - (token.text in ("]", ")"))
            if depth > self._limits.sparql_depth:  # LIM-13
                raise Unprocessable("too-deep", f"Brackets may nest {self._limits.sparql_depth} levels here.")
            glued = before.text == "^^" or token.text == "^^" or token.text.startswith("@")
            self._written.append(("" if glued else " ") + _rewritten(token, before))
            before = token
        self._move()
        self._written.append(" } .\n")
        return number


def read_sparql_update(text: str, base: str, limits: Limits) -> GraphEdit:
    """The edit that the update asks for. Unprocessable for operations outside the subset, Malformed for bad syntax."""
    if VARIABLE in text or _BLOCK in text:
        raise shape("The update uses an IRI that is reserved here.")
    reader = _Reader(text, limits)
    operations = reader.update()
    formulas = read_formulas(reader.written, base, limits)
    blocks = {
        int(subject.value[len(_BLOCK) :]): formulas.inside.get(name, ()) if isinstance(name, Blank) else ()
        for subject, _, name in formulas.outside
        if isinstance(subject, Iri)
    }
    edits = [_edit(operation, blocks, limits) for operation in operations]
    return replace(edits[0], then=tuple(edits[1:])) if edits else GraphEdit(lenient=True)


def _edit(operation: _Operation, blocks: Mapping[int, tuple[Pattern, ...]], limits: Limits) -> GraphEdit:
    deletes, inserts = blocks.get(operation.deletes, ()), blocks.get(operation.inserts, ())
    where = varying(blocks.get(operation.where, ()))
    if blanks(deletes):
        raise shape("Blank nodes cannot be deleted by name; find them with a variable in WHERE.")
    if operation.data and variables((*deletes, *inserts)):
        raise shape("DATA holds no variables.")
    return GraphEdit(check_where(where, limits), deletes, inserts, lenient=True)


def _rewritten(token: _Token, before: _Token) -> str:
    """A token of a block as N3 has it, or a refusal."""
    if token.kind == "variable":
        return f"<{VARIABLE}{token.text[1:]}>"
    if token.kind in ("iri", "text", "number") or (token.kind == "mark" and token.text not in ("{", "}")):
        return token.text
    if token.kind != "word":
        raise _refused(token)
    if token.text.startswith("@"):
        if before.kind != "text":
            raise _refused(token)
        return token.text
    if ":" in token.text:
        return token.text
    word = token.text.rstrip(".")
    if word != "a" and word.lower() not in ("true", "false"):
        raise _refused(token)
    return token.text.lower()


def _refused(token: _Token) -> Refusal:
    """What SPARQL knows and we do not offer is Unprocessable; what SPARQL does not know is Malformed."""
    if token.keyword.rstrip(".") in _KNOWN or token == _Token("mark", "{") or (
        token.kind == "other" and token.text in "/|^*+?!>=&-"
    ):  # fmt: skip
        return Unprocessable("patch-unsupported", "PATCH takes INSERT DATA, DELETE DATA and DELETE/INSERT WHERE only.")
    return Malformed("patch-syntax", "The update cannot be read.")
