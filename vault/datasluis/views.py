"""A document cut down to the fields that were granted, and its values in words.

`minimise` keeps the triples on the paths of the granted fields, the types of the nodes on the way, and the marks that
always travel; nothing else. What is not asked by name does not leave.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from vault.datasluis.catalogue import LANGUAGES, Catalogue, DataType, Field, FieldKind, Labels, Path
from vault.datasluis.wording import NO, YES, date_words, money_words, number_words, period_words
from vault.errors import Unprocessable
from vault.rdf.graph import M8G, RDF, SCHEMA, Blank, Graph, Iri, Literal, Subject, Term, Triple, triple

_Index: TypeAlias = Mapping[Subject, Mapping[str, Sequence[Term]]]


@dataclass(frozen=True, slots=True)
class ShownValue:
    """One value as people read it: one text for all languages, or one for each. `iri`: the concept behind it."""

    text: str | Labels
    iri: str | None = None

    def in_language(self, tag: str) -> str:
        if isinstance(self.text, str):
            return self.text
        return self.text.get(tag) or self.text["nl"]


@dataclass(frozen=True, slots=True)
class Shown:
    """One field of a document with its values; fields without a value are not shown."""

    key: str
    label: Labels
    kind: FieldKind
    sensitive: bool
    values: tuple[ShownValue, ...]


def subject_of(graph: Graph, document_url: str, data_type: DataType) -> Iri | None:
    """What the document is about: `#it` if it has the type's class, else the only node of that class.

    None when there is none, or several and no telling which.
    """
    of_class = [one for one in graph.subjects(RDF.type, Iri(data_type.class_iri)) if isinstance(one, Iri)]
    named = Iri(f"{document_url}#it")
    if named in of_class:
        return named
    return of_class[0] if len(of_class) == 1 else None


def minimise(graph: Graph, subject: Iri, data_type: DataType, fields: Collection[str]) -> Graph:
    """The part of the graph that these fields and the marks are. A field that the type does not know gives nothing."""
    index = _index(graph)
    granted = [path for one in data_type.fields if one.key in fields for path in one.paths]
    kept: set[Triple] = set()
    for path in (*granted, *data_type.always):
        kept |= _on_path(index, subject, path)
    nodes = {one.subject for one in kept} | {subject}
    # The type of a node on the way: without it a reader cannot tell what the value hangs from.
    kept |= {one for one in graph if one.predicate == RDF.type and one.subject in nodes}
    return Graph.of(kept)


def view_graph(
    graph: Graph, *, document_url: str, view_url: str, data_type: DataType, fields: Collection[str]
) -> Graph:
    """What leaves for a data user: minimised, and named after the view instead of the document.

    Raises Unprocessable when the document does not say what it is about.
    """
    subject = subject_of(graph, document_url, data_type)
    if subject is None:
        raise Unprocessable("no-subject", "The document is not of the kind that was granted.")
    return minimise(graph, subject, data_type, fields).rebased(document_url, view_url)


def show(graph: Graph, subject: Iri, data_type: DataType, catalogue: Catalogue) -> tuple[Shown, ...]:
    """The fields that have a value, in the order of the catalogue, in words."""
    index = _index(graph)
    shown = []
    for one in data_type.fields:
        if values := _values(index, subject, one, catalogue):
            shown.append(Shown(one.key, one.labels, one.kind, one.sensitive, values))
    return tuple(shown)


def _index(graph: Graph) -> _Index:
    found: dict[Subject, dict[str, list[Term]]] = {}
    for one in graph:
        subject, obj = one.subject, one.object
        assert isinstance(subject, (Iri, Blank))  # parsers refuse triple terms (LIM-06)
        assert isinstance(obj, (Iri, Blank, Literal))
        found.setdefault(subject, {}).setdefault(one.predicate.value, []).append(obj)
    return found


def _on_path(index: _Index, subject: Subject, path: Path) -> set[Triple]:
    """Triples of complete walks along the path: forward, then back from the ends, so that no dead end is kept.

    Each triple is met once for each step, however often walks cross.
    """
    levels: list[set[Triple]] = []
    reached: set[Subject] = {subject}
    for predicate in path:
        iri = Iri(predicate)
        edges = {triple(node, iri, obj) for node in reached for obj in index.get(node, {}).get(predicate, ())}
        levels.append(edges)
        reached = {edge.object for edge in edges if isinstance(edge.object, (Iri, Blank))}
    kept: set[Triple] = set(levels[-1])
    wanted = {edge.subject for edge in levels[-1]}
    for edges in reversed(levels[:-1]):
        useful = {edge for edge in edges if edge.object in wanted}
        kept |= useful
        wanted = {edge.subject for edge in useful}
    return kept


def _parents(index: _Index, subject: Subject, path: Path) -> tuple[Subject, ...]:
    """The nodes at the end of all but the last step, in a stable order."""
    reached: set[Subject] = {subject}
    for predicate in path[:-1]:
        reached = {
            obj for one in reached for obj in index.get(one, {}).get(predicate, ()) if isinstance(obj, (Iri, Blank))
        }
    return tuple(sorted(reached, key=str))


def _values(index: _Index, subject: Subject, field: Field, catalogue: Catalogue) -> tuple[ShownValue, ...]:
    found: list[ShownValue] = []
    match field.kind:
        case FieldKind.MONEY | FieldKind.PERIOD:
            # Both are said by a node: an amount with its currency, a start with an end.
            nodes = dict.fromkeys(node for path in field.paths for node in _parents(index, subject, path))
            words = _money if field.kind is FieldKind.MONEY else _period
            found = [shown for node in nodes if (shown := words(index.get(node, {}))) is not None]
        case _:
            for path in field.paths:
                for node in _parents(index, subject, path):
                    found += _terms(index.get(node, {}).get(path[-1], ()), field.kind, catalogue)
    return tuple({(_key(value), value.iri): value for value in found}.values())


def _key(value: ShownValue) -> str:
    return value.text if isinstance(value.text, str) else repr(sorted(value.text.items()))


def _terms(terms: Sequence[Term], kind: FieldKind, catalogue: Catalogue) -> list[ShownValue]:
    literals = sorted((term for term in terms if isinstance(term, Literal)), key=str)
    texts = [(term.language.lower().partition("-")[0], term.value) for term in literals if term.language]
    tagged = dict(texts)
    # One text for each language is one value, told in several; two in one language (nl, nl-BE) are two that leave.
    translated = 1 < len(tagged) == len(texts)
    shown = [ShownValue(_in_all(tagged))] if translated else [ShownValue(text) for _, text in texts]
    shown += [ShownValue(_words(term.value, kind)) for term in literals if not term.language]
    names = sorted(term.value for term in terms if isinstance(term, Iri))
    return shown + [ShownValue(catalogue.label(name) or _last_part(name), name) for name in names]


def _in_all(tagged: Mapping[str, str]) -> Labels:
    """One text for each language of the pages: its own, else English, else Dutch, else what there is."""
    spare = tagged.get("en") or tagged.get("nl") or next(iter(sorted(tagged.values())))
    return {tag: tagged.get(tag, spare) for tag in LANGUAGES}


def _words(lexical: str, kind: FieldKind) -> str | Labels:
    match kind:
        case FieldKind.DATE:
            return date_words(lexical)
        case FieldKind.NUMBER:
            return number_words(lexical)
        case FieldKind.BOOLEAN:
            return YES if lexical in ("true", "1") else NO if lexical in ("false", "0") else lexical
        case _:
            return lexical


def _money(said: Mapping[str, Sequence[Term]]) -> ShownValue | None:
    amount = _literal(said, SCHEMA.value)
    currencies = [term.value for term in said.get(SCHEMA.currency.value, ()) if isinstance(term, (Iri, Literal))]
    code = _last_part(currencies[0]) if len(currencies) == 1 else None
    return None if amount is None else ShownValue(money_words(amount, code))


def _period(said: Mapping[str, Sequence[Term]]) -> ShownValue | None:
    words = period_words(_literal(said, M8G.startTime), _literal(said, M8G.endTime))
    return ShownValue(words) if words else None


def _literal(said: Mapping[str, Sequence[Term]], predicate: Iri) -> str | None:
    values = sorted(term.value for term in said.get(predicate.value, ()) if isinstance(term, Literal))
    return values[0] if values else None


def _last_part(iri: str) -> str:
    """What an address ends in: better than the whole of it when nobody gave it a name."""
    return iri.rstrip("/#").replace("#", "/").rpartition("/")[2] or iri
