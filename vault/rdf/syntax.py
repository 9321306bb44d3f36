"""Bytes to graphs and back: Turtle, N-Triples and JSON-LD, with the guards in front (LIM-02 to LIM-11).

Nothing is ever fetched, RDF/XML is not read (LIM-15), and lexical forms stay as they came.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

import pyoxigraph

from vault.config import Limits
from vault.errors import Malformed, Unprocessable, UnsupportedMedia
from vault.rdf.graph import PREFIXES, Blank, Graph, Iri, Literal, Quad, Triple
from vault.rdf.guards import check_size, check_turtle
from vault.rdf.jsonld import read_json, read_quads, write_jsonld
from vault.rdf.turtle import write_ntriples, write_turtle
from vault.values import JSON_LD, NTRIPLES, TURTLE, MediaType

RDF_TYPES: Final = (TURTLE, JSON_LD, NTRIPLES)

_ESSENCES = frozenset(media_type.essence for media_type in RDF_TYPES)
_LINES = {TURTLE.essence: pyoxigraph.RdfFormat.TURTLE, NTRIPLES.essence: pyoxigraph.RdfFormat.N_TRIPLES}
_LANGUAGE = re.compile(rb"@([A-Za-z0-9-]+)")
_BOM = b"\xef\xbb\xbf"
_DEFAULT = pyoxigraph.DefaultGraph()


def is_rdf(media_type: MediaType) -> bool:
    """True for the types that are read and written here, whatever their parameters (CH-9)."""
    return media_type.essence in _ESSENCES


def parse(data: bytes, media_type: MediaType, *, base: str, limits: Limits) -> Graph:
    """The graph that the bytes say, read relative to `base`.

    Raises Malformed, Unprocessable, UnsupportedMedia or TooLarge; named graphs are Unprocessable (see `parse_named`).
    """
    graph, named = _read(data, media_type, base, limits)
    if named:
        raise Unprocessable("named-graphs", "This document has named graphs; here it must be one graph.")
    return graph


def parse_named(data: bytes, media_type: MediaType, *, base: str, limits: Limits) -> Graph:
    """Like `parse`, but JSON-LD may have named graphs: they are checked, and the default graph is returned (PR-55)."""
    return _read(data, media_type, base, limits)[0]


def is_costly(data: bytes, media_type: MediaType, limits: Limits) -> bool:
    """True when reading may take more than time linear in the size: JSON-LD with named or nested contexts.

    Raises Malformed or Unprocessable as `parse` does, for it reads the JSON and passes the guards.
    """
    return media_type.essence == JSON_LD.essence and b"@" in data and read_json(data, limits).costly


def serialise(
    graph: Graph, media_type: MediaType, *, base: str | None = None, prefixes: Mapping[str, str] | None = None
) -> bytes:
    """The bytes of a graph, the same each time. `prefixes` come on top of the house's own; unused ones are left out."""
    known = {**PREFIXES, **(prefixes or {})}
    if media_type.essence == TURTLE.essence:
        return write_turtle(graph, base=base, prefixes=known)
    if media_type.essence == JSON_LD.essence:
        return write_jsonld(graph, known)
    if media_type.essence == NTRIPLES.essence:
        return write_ntriples(graph)
    raise _unsupported()


def _read(data: bytes, media_type: MediaType, base: str, limits: Limits) -> tuple[Graph, bool]:
    check_size(data, limits.rdf_bytes)
    charset = media_type.parameter("charset")
    if not is_rdf(media_type) or (charset is not None and charset.lower() not in ("utf-8", "utf8", "us-ascii")):
        raise _unsupported()
    if media_type.essence == JSON_LD.essence:
        quads = read_quads(read_json(data, limits), base)
    else:
        marked = check_turtle(data, limits)
        quads = _read_lines(data.removeprefix(_BOM), _LINES[media_type.essence], base)
        if not marked and _is_plain(data, base, limits):
            return Graph(frozenset([quad.triple for quad in quads])), False
    return _collect(quads, limits)


def _is_plain(data: bytes, base: str, limits: Limits) -> bool:
    """True when no limit on terms or counts can be met: such documents are most of all, and read three times faster.

    No IRI or literal is longer than all the text it can be put together from, no triple or blank node takes less than
    a byte; the marks of RDF 1.2 were looked for before.
    """
    return len(data) + len(base) <= min(
        limits.iri_bytes, limits.literal_bytes, limits.triples, limits.blank_nodes
    ) and (data.find(b"@") < 0 or len(max(_LANGUAGE.findall(data), key=len, default=b"")) <= limits.language_characters)


def _unsupported() -> UnsupportedMedia:
    return UnsupportedMedia(
        "rdf-media-type", "RDF is read as Turtle, JSON-LD or N-Triples in UTF-8.", accepted=tuple(map(str, RDF_TYPES))
    )


def _read_lines(data: bytes, syntax: pyoxigraph.RdfFormat, base: str) -> Iterator[Quad]:
    try:
        yield from pyoxigraph.parse(data, format=syntax, base_iri=base)
    except SyntaxError as error:
        where = f" (line {error.lineno}, column {error.offset})" if error.lineno else ""
        raise Malformed("rdf-syntax", f"The RDF cannot be read{where}.") from None
    except ValueError:  # a base that is no IRI
        raise Malformed("rdf-syntax", "The RDF cannot be read.") from None


def _collect(quads: Iterator[Quad], limits: Limits) -> tuple[Graph, bool]:
    """The default graph, and whether there were named ones. Counts while reading (LIM-11)."""
    triples: set[Triple] = set()
    blanks: set[object] = set()
    named = False
    short = min(limits.iri_bytes, limits.literal_bytes) // 4  # characters of at most four bytes
    for number, quad in enumerate(quads, 1):
        if number > limits.triples:
            raise Unprocessable("too-many-triples", f"A document may hold {limits.triples} triples.")
        triple = quad.triple
        # Written out, a triple shows at once whether there is anything to look at: most have no term that could be too
        # long, no blank node, no language tag, no triple term.
        line = str(triple)
        if len(line) > short or "_:" in line or "@" in line or "<<" in line:
            _check_triple(triple, limits, blanks)
        if quad.graph_name == _DEFAULT:
            triples.add(triple)
        else:
            named = True
    return Graph(frozenset(triples)), named


def _check_triple(triple: Triple, limits: Limits, blanks: set[object]) -> None:
    """LIM-06 and LIM-10 for the terms of one triple, LIM-11 for the blank nodes met so far."""
    subject, obj = triple.subject, triple.object
    for node in (subject, triple.predicate, obj):
        if isinstance(node, Iri):
            _check_length(node.value, limits.iri_bytes)
        elif isinstance(node, Blank):
            blanks.add(node)
    if isinstance(obj, Literal):
        _check_literal(obj, limits)
    elif isinstance(obj, Triple) or isinstance(subject, Triple):
        raise Malformed("rdf-1-2", "RDF 1.2 triple terms are not read here.")
    if len(blanks) > limits.blank_nodes:
        raise Unprocessable("too-many-blank-nodes", f"A document may hold {limits.blank_nodes} blank nodes.")


def _check_literal(literal: Literal, limits: Limits) -> None:
    _check_length(literal.value, limits.literal_bytes)
    language = literal.language
    if language is None:
        _check_length(literal.datatype.value, limits.iri_bytes)
        return
    if len(language) > limits.language_characters:
        raise Unprocessable("too-long", f"A language tag may have {limits.language_characters} characters.")
    if literal.direction is not None:
        raise Malformed("rdf-1-2", "Base directions are not read here.")


def _check_length(text: str, limit: int) -> None:
    # A character takes one to four bytes: only what could be too long is encoded to be measured.
    if len(text) * 4 > limit and len(text.encode()) > limit:
        raise Unprocessable("too-long", f"A single value here may have {limit} bytes.")
