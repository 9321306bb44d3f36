"""JSON-LD in and out: one guarded reading of the JSON, then the engine that the document needs.

A document with inline contexts or none goes to pyoxigraph; one that names a context by URL goes to PyLD with the
bundled contexts. Neither can open a connection: pyoxigraph has no loader, and PyLD gets `_BundledContexts` (LIM-08).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias

import pyoxigraph
from pyld import ContextResolver, jsonld
from pyld.documentloader.frozen import BUNDLED_CONTEXTS

from vault.config import Limits
from vault.errors import Malformed, Unprocessable
from vault.rdf.blanks import stable_names
from vault.rdf.graph import RDF, Blank, Graph, Iri, Literal, Quad, Subject, Term
from vault.rdf.guards import check_json
from vault.rdf.rows import Folding, Row, by_subject, is_blank, rows_of

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

_HERE = Path(__file__).parent / "contexts"
_NOTIFICATION = _HERE / "solid-notification-v1.jsonld"

# All the contexts there are. D11: both notification contexts are accepted.
CONTEXTS: Final[Mapping[str, Path]] = {
    **BUNDLED_CONTEXTS,
    "https://w3id.org/security/data-integrity/v2": _HERE / "data-integrity-v2.jsonld",
    "https://w3id.org/security/multikey/v1": _HERE / "multikey-v1.jsonld",
    "https://www.w3.org/ns/solid/notification/v1": _NOTIFICATION,
    "https://www.w3.org/ns/solid/notifications-context/v1": _NOTIFICATION,
    "https://w3id.org/datakluis/context/v1": _HERE / "datakluis-v1.jsonld",
}


@dataclass(frozen=True, slots=True)
class JsonDocument:
    """A JSON-LD document that passed the guards.

    `names_contexts`: some context is a URL. `scoped`: a context stands inside another one, which engines process again
    at each use, so that the cost is not linear in the size.
    """

    text: str
    value: Json
    names_contexts: bool
    scoped: bool

    @property
    def costly(self) -> bool:
        """True when the work may grow faster than the document."""
        return self.names_contexts or self.scoped


def read_json(data: bytes, limits: Limits) -> JsonDocument:
    """Decodes and checks the JSON before any JSON-LD engine sees it (LIM-04, LIM-06, LIM-07)."""
    check_json(data, limits)
    try:
        text = data.decode("utf-8-sig")
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Malformed("rdf-syntax", "The JSON cannot be read.") from None
    if not isinstance(value, dict | list):
        raise Malformed("rdf-syntax", "A JSON-LD document is an object or an array.")
    tally = _Tally(limits)
    tally.walk(value)
    return JsonDocument(text, value, tally.names_contexts, tally.scoped)


def read_quads(document: JsonDocument, base: str) -> Iterator[Quad]:
    """The quads of the document, lazily. Raises Malformed, or Unprocessable for a context we do not bundle (TR-8)."""
    if document.names_contexts:
        return _with_pyld(document.value, base)
    return _with_pyoxigraph(document.text, base)


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Malformed("duplicate-key", "An object has the same key twice.")
    return members


def _no_constant(name: str) -> Json:
    raise ValueError(name)


class _Tally:
    """Counts what the contexts of one document ask for, on decoded keys (LIM-07)."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._contexts = 0
        self.names_contexts = False
        self.scoped = False

    def walk(self, value: Json, *, inside: bool = False) -> None:
        """Recursion is safe: check_json bounded the depth."""
        if isinstance(value, list):
            for item in value:
                self.walk(item, inside=inside)
        elif isinstance(value, dict):
            for key, member in value.items():
                if key == "@direction":
                    raise _direction()
                if key == "@context":
                    self._context(member, inside=inside)
                self.walk(member, inside=inside or key == "@context")
        elif value == "@direction":  # an alias for the keyword
            raise _direction()

    def _context(self, value: Json, *, inside: bool) -> None:
        self.scoped = self.scoped or inside
        for item in value if isinstance(value, list) else [value]:
            self._contexts += 1
            if self._contexts > self._limits.contexts:
                raise Unprocessable("too-many-contexts", f"A document may have {self._limits.contexts} contexts.")
            if isinstance(item, str):
                self.names_contexts = True
            elif isinstance(item, dict):
                if len(item) > self._limits.context_terms:
                    raise Unprocessable("too-many-terms", f"A context may have {self._limits.context_terms} terms.")
                self.names_contexts = self.names_contexts or "@import" in item


def _direction() -> Malformed:
    return Malformed("rdf-1-2", "Base directions are not read here.")


def _with_pyoxigraph(text: str, base: str) -> Iterator[Quad]:
    try:
        yield from pyoxigraph.parse(text, format=pyoxigraph.RdfFormat.JSON_LD, base_iri=base)
    except (SyntaxError, ValueError):
        raise Malformed("rdf-syntax", "The JSON-LD cannot be read.") from None


@cache
def _context_text(url: str) -> str:
    return CONTEXTS[url].read_text(encoding="utf-8")


class _BundledContexts:
    """PyLD's document loader: the bundle and nothing else. Remembers whether it had to refuse."""

    def __init__(self) -> None:
        self.refused = False

    def __call__(self, url: str, _options: object) -> dict[str, Json]:
        if url not in CONTEXTS:
            self.refused = True
            raise jsonld.JsonLdError("not bundled", "jsonld.LoadDocumentError", {}, code="loading document failed")
        # Parsed anew each time: PyLD changes the contexts it is given.
        document: Json = json.loads(_context_text(url))
        return {"contentType": "application/ld+json", "contextUrl": None, "documentUrl": url, "document": document}


# PyLD's own default would fetch from the network: nothing in this process may find it.
jsonld.set_document_loader(_BundledContexts())


def _with_pyld(value: Json, base: str) -> Iterator[Quad]:
    loader = _BundledContexts()
    # PyLD keeps resolved contexts for the whole process, and its @import writes into what it keeps: one stranger's
    # document would change what the next one means. So each document has a cache of its own, and PyLD sees no @import.
    options = {"base": base, "documentLoader": loader, "contextResolver": ContextResolver({}, loader)}
    try:
        dataset = jsonld.to_rdf(_with_imports(value, loader), options)
        yield from _pyld_quads(dataset)
    except RecursionError:
        raise Unprocessable("too-deep", "The contexts of this document lean on each other too deeply.") from None
    except (jsonld.JsonLdError, ValueError, TypeError, KeyError, AttributeError, IndexError):
        # PyLD raises plain exceptions for some malformed documents (`@base: null`, keyword-like keys).
        if loader.refused:
            raise Unprocessable("unknown-context", "A JSON-LD context is not one that this server holds.") from None
        raise Malformed("rdf-syntax", "The JSON-LD cannot be read.") from None


def _with_imports(value: Json, loader: _BundledContexts) -> Json:
    """A copy with what each `@import` names in its place, overlaid with its own entries (JSON-LD 1.1 §4.1.10)."""
    if isinstance(value, list):
        return [_with_imports(item, loader) for item in value]
    if not isinstance(value, dict):
        return value
    copy = {key: _with_imports(member, loader) for key, member in value.items()}
    context = copy.get("@context")
    if isinstance(context, list):
        copy["@context"] = [_imported(item, loader) for item in context]
    elif isinstance(context, dict):
        copy["@context"] = _imported(context, loader)
    return copy


def _imported(context: Json, loader: _BundledContexts) -> Json:
    if not isinstance(context, dict) or "@import" not in context:
        return context
    own = dict(context)
    url = own.pop("@import")
    if not isinstance(url, str):
        raise ValueError("@import must be a string")
    document = loader(url, {})["document"]
    imported = document.get("@context") if isinstance(document, dict) else None
    if not isinstance(imported, dict):
        raise ValueError("@import must name a single context")
    return {**imported, **own}


def _pyld_quads(dataset: Mapping[str, Iterable[Mapping[str, Mapping[str, str]]]]) -> Iterator[Quad]:
    for name, triples in dataset.items():
        graph_name = None if name == "@default" else _node(name)
        for triple in triples:
            subject = _node(triple["subject"]["value"])
            yield Quad(subject, Iri(triple["predicate"]["value"]), _object(triple["object"]), graph_name)


def _node(name: str) -> Subject:
    return Blank(name[2:]) if name.startswith("_:") else Iri(name)


def _object(term: Mapping[str, str]) -> Term:
    if term["type"] != "literal":
        return _node(term["value"])
    if "language" in term:
        return Literal(term["value"], language=term["language"])
    return Literal(term["value"], datatype=Iri(term["datatype"]))


_TYPE = str(RDF.type)
_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_LOCAL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def write_jsonld(graph: Graph, prefixes: Mapping[str, str]) -> bytes:
    """Flattened JSON-LD, always in the same order; an inline context holds the prefixes that its keys use.

    Literals keep their lexical form: all of them are written as text with a datatype, never as a JSON number.
    """
    writer = _JsonWriter(graph, prefixes)
    nodes = writer.nodes()
    document: Json = {"@context": dict(sorted(writer.used.items())), "@graph": nodes} if writer.used else nodes
    return json.dumps(document, ensure_ascii=False, indent=2).encode() + b"\n"


class _JsonWriter:
    """The state of writing one document."""

    def __init__(self, graph: Graph, prefixes: Mapping[str, str]) -> None:
        rows = rows_of(graph.triples)
        self._statements = by_subject(rows)
        self._folding = Folding(self._statements)
        self._names = stable_names(rows)
        schemes = _schemes(rows)
        # A prefix that is also the scheme of some IRI would change what that IRI means.
        self._prefix_of = {
            space: name
            for name, space in prefixes.items()
            if name not in schemes and _PREFIX.fullmatch(name) and space.endswith(("#", "/"))
        }
        self.used: dict[str, str] = {}

    def nodes(self) -> list[Json]:
        lists = self._folding.cells & self._folding.inline
        found = sorted((self._id(subject), subject) for subject in self._statements if subject not in lists)
        return [self._node(name, subject) for name, subject in found]

    def _node(self, name: str, subject: str) -> Json:
        node: dict[str, Json] = {"@id": name}
        for predicate, objects in sorted(self._statements[subject].items()):
            if predicate == _TYPE and all(not term.startswith('"') for term in objects):
                node["@type"] = [self._short(term) for term in sorted(map(self._renamed, objects))]
            else:
                node[self._short(predicate)] = sorted(map(self._value, objects), key=json.dumps)
        return node

    def _renamed(self, term: str) -> str:
        return self._names.get(term, term)

    def _id(self, term: str) -> str:
        return self._names[term] if is_blank(term) else term[1:-1]

    def _value(self, term: str) -> Json:
        if term in self._folding.cells and term in self._folding.inline:
            return {"@list": [self._value(item) for item in self._folding.items(self._statements, term)]}
        if not term.startswith('"'):
            return {"@id": self._id(term)}
        end = term.rfind('"') + 1
        # The escapes that N-Triples writes are escapes of JSON too.
        value: dict[str, Json] = {"@value": json.loads(term[:end])}
        if term[end : end + 1] == "@":
            value["@language"] = term[end + 1 :]
        elif end < len(term):
            value["@type"] = self._short(term[end + 2 :])
        return value

    def _short(self, term: str) -> str:
        if is_blank(term):
            return term
        value = term[1:-1]
        cut = max(value.rfind("#"), value.rfind("/")) + 1
        prefix = self._prefix_of.get(value[:cut])
        if prefix is None or not _LOCAL.fullmatch(value, cut):
            return value
        self.used[prefix] = value[:cut]
        return f"{prefix}:{value[cut:]}"


def _schemes(rows: Iterable[Row]) -> set[str]:
    iris = {term[1:] for row in rows for term in row if term[0] == "<"}
    iris |= {term[term.rfind("<") + 1 :] for _, _, term in rows if term[0] == '"' and term[-1] == ">"}
    return {iri.partition(":")[0] for iri in iris}
