"""Cheap linear scans that stand in front of every parser: what kills a parser is refused before it sees it.

A deep or self-nesting document can end the whole process (SIGSEGV, no exception), so the guards read bytes and keep no
stack of their own. Each first tries a test that costs almost nothing and can only err on the strict side; only what
that test does not clear is read token by token.
"""

from __future__ import annotations

import re

from vault.config import Limits
from vault.errors import Malformed, TooLarge, Unprocessable

_JSON_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|[{}\[\]]', re.DOTALL)

# One token of Turtle, N-Triples or N3: what is not a name, a bracket or a mark is skipped as a whole. Quantifiers are
# possessive, so that hostile input cannot make the pattern go back over what it has read (ATK-11).
_IRI = rb'<(?:[^\x00-\x20<>"{}|^`\\]|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8})*+>'
_STRING = (
    rb'"""(?:[^"\\]|\\.|"(?!""))*+"""'
    rb"|'''(?:[^'\\]|\\.|'(?!''))*+'''"
    rb'|"(?:[^"\\\n\r]|\\.)*+"'
    rb"|'(?:[^'\\\n\r]|\\.)*+'"
)
_NAME = rb"(?:[A-Za-z0-9_:%.\x80-\xff-]|\\.)++"
_TURTLE_TOKEN = re.compile(
    rb"#[^\n\r]*+|" + _IRI + rb"|" + _STRING + rb"|(?P<name>@?" + _NAME + rb")|(?P<mark><<|\{\||[\[\](){}~<\"'])",
    re.DOTALL,
)


def check_size(data: bytes, limit: int) -> None:
    """LIM-02: bodies above the limit are refused unread."""
    if len(data) > limit:
        raise TooLarge("body-too-large", f"This kind of body has at most {limit} bytes.")


def check_json(data: bytes, limits: Limits) -> None:
    """LIM-04: nesting of objects and arrays, outside strings."""
    if data.count(b"{") + data.count(b"[") <= limits.json_depth:
        return
    depth = 0
    for token in _JSON_TOKEN.finditer(data):
        first = token[0]
        if first in (b"{", b"["):
            depth += 1
            if depth > limits.json_depth:
                raise Unprocessable("too-deep", f"JSON may nest {limits.json_depth} levels.")
        elif first in (b"}", b"]"):
            depth -= 1


def check_turtle(data: bytes, limits: Limits) -> bool:
    """LIM-05, LIM-06, LIM-09 for Turtle, N-Triples and N3: nesting, RDF 1.2 syntax, prefix declarations.

    True when the text holds marks of RDF 1.2, which may stand in strings and names.
    """
    # `find`, for `in` first tries to read a mark as a number, which costs more than the search.
    openers = data.count(b"[") + data.count(b"(") + data.count(b"{")
    marked = data.find(b"~") >= 0 or _has_pair(data, b"-", b"--") or _has_pair(data, b"{", b"{|")
    marked = marked or data.find(b"<<") >= 0
    lower = data.lower()
    if (
        marked
        or openers > limits.turtle_depth
        or lower.find(b"version") >= 0
        or lower.count(b"prefix") > limits.prefixes
    ):
        _read_turtle(data, limits)
    return marked


def _has_pair(data: bytes, first: bytes, pair: bytes) -> bool:
    """Searching for one octet takes a tenth of the time, and most texts hold none of these."""
    return data.find(first) >= 0 and data.find(pair) >= 0


def _read_turtle(data: bytes, limits: Limits) -> None:
    depth = prefixes = 0
    for token in _TURTLE_TOKEN.finditer(data):
        if token.lastgroup == "name":
            word = token[0].lower()
            if word in (b"version", b"@version") or (word.startswith(b"@") and b"--" in word):
                raise _rdf12()
            prefixes += word in (b"prefix", b"@prefix")
            if prefixes > limits.prefixes:
                raise Unprocessable("too-many-prefixes", f"A document may declare {limits.prefixes} prefixes.")
        elif token.lastgroup == "mark":
            mark = token[0]
            if mark in (b"<<", b"{|", b"~"):
                raise _rdf12()
            if mark in (b"<", b'"', b"'"):
                # An IRI or a string that does not end as it should: nothing after it could be read with certainty.
                raise Malformed("rdf-syntax", "An IRI or a string is not closed.")
            depth += 1 if mark in (b"[", b"(", b"{") else -1
            if depth > limits.turtle_depth:
                raise Unprocessable("too-deep", f"Brackets may nest {limits.turtle_depth} levels.")


def _rdf12() -> Malformed:
    return Malformed("rdf-1-2", "RDF 1.2 syntax (triple terms, reifiers, base directions) is not read here.")
