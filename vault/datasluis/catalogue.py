"""What the lock knows about the world, read from data files: data types, their fields, purposes, advice rules.

A new domain (home, mobility) is a new file in shapes/, never code. Labels exist in nl, fr, de and en; a missing one is
an error when the catalogue is read.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Labels = Mapping[str, str]  # language tag → text; nl, fr, de, en are all present
Path = tuple[str, ...]  # predicate IRIs from the subject of the document to a value

LANGUAGES = ("nl", "fr", "de", "en")
SENTENCE_WORDS = 25

# What an advice rule can look at; `advice.py` has one function for each.
TRIGGERS = frozenset(
    ["data", "no-legal-basis", "consent-claimed", "beyond-enough", "too-long", "outside", "automated-decision"]
    + ["onward-recipients", "no-contract", "self-declared", "asked-before"]
)


class FieldKind(StrEnum):
    """How a value is shown: plain text, a code with a label, a date, an amount of money, a yes or no, a period."""

    TEXT = "text"
    CODE = "code"
    DATE = "date"
    MONEY = "money"
    BOOLEAN = "boolean"
    NUMBER = "number"
    PERIOD = "period"


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that can be asked, granted, shown or left out. `paths` all belong to it: any that has a value."""

    key: str
    labels: Labels
    paths: tuple[Path, ...]
    kind: FieldKind = FieldKind.TEXT
    sensitive: bool = False  # covered on the page until the citizen uncovers it (UX-03)
    broader: tuple[str, ...] = ()  # wider concepts of this field alone: declared pay in an employment record


@dataclass(frozen=True, slots=True)
class DataType:
    """A kind of document: diploma, employment, wage. `always` travels with every view: provenance marks."""

    key: str
    iri: str
    class_iri: str
    shape: str  # file name below shapes/
    container: str  # where deposits go in a pod, relative to its root: "diplomas/"
    labels: Labels
    plural: Labels
    fields: tuple[Field, ...]
    always: tuple[Path, ...]
    broader: tuple[str, ...] = ()  # wider concepts, as advice rules name them: pd:Salary, pd:Income, …

    def field(self, key: str) -> Field | None:
        return next((one for one in self.fields if one.key == key), None)


@dataclass(frozen=True, slots=True)
class Purpose:
    """A purpose of the controlled list, with one plain sentence for the citizen (UX-02: at most 25 words)."""

    iri: str
    broader: tuple[str, ...]
    labels: Labels
    sentence: Labels
    max_days: int  # the longest grant
    max_retention_days: int
    enough: Mapping[str, tuple[str, ...]]  # data type key → fields that suffice (advice A4)


class RuleClass(StrEnum):
    BLOCK = "block"
    WARN = "warn"
    HINT = "hint"


@dataclass(frozen=True, slots=True)
class Rule:
    """One advice rule of DGA art. 12(m). `when` names the trigger that `advice.py` implements; the rest is data."""

    id: str  # A1 … A14
    slug: str  # pay-history, no-legal-basis, …
    severity: RuleClass
    when: str
    purposes: tuple[str, ...]  # trigger: purpose equal to or narrower than one of these
    data: tuple[str, ...]  # trigger: data type equal to or narrower than one of these
    texts: Labels  # what the citizen reads
    law: Labels  # where it is written


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything above, by key or IRI, and labels for single concepts (a legal basis, a country, an EQF level)."""

    data_types: Mapping[str, DataType]
    purposes: Mapping[str, Purpose]
    rules: tuple[Rule, ...]
    concepts: Mapping[str, Labels]
    shapes: Mapping[str, bytes]  # file name → SHACL document in Turtle
    wider: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # skos:broader of anything else: BE → EU → EEA

    def data_type(self, name: str) -> DataType | None:
        """By key or by IRI."""
        return self.data_types.get(name) or next((t for t in self.data_types.values() if t.iri == name), None)

    def label(self, iri: str) -> Labels | None:
        """What people call it: a concept, a purpose or a data type; None when the catalogue has no word for it."""
        if iri in self.concepts:
            return self.concepts[iri]
        if iri in self.purposes:
            return self.purposes[iri].labels
        data_type = self.data_type(iri)
        return data_type.labels if data_type else None


class CatalogueError(Exception):
    """Every mistake in the files, together; each line names its file."""

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


def is_narrower(catalogue: Catalogue, iri: str, wider: str) -> bool:
    """True when `iri` is `wider`, or reaches it by skos:broader: purposes, data types (by key or IRI) and places."""
    seen: set[str] = set()
    ahead = [iri]
    while ahead:
        name = ahead.pop()
        if name == wider:
            return True
        if name in seen:
            continue
        seen.add(name)
        purpose, data_type = catalogue.purposes.get(name), catalogue.data_type(name)
        ahead += catalogue.wider.get(name, ())
        ahead += purpose.broader if purpose else ()
        ahead += (data_type.key, data_type.iri, *data_type.broader) if data_type else ()
    return False


def asks_for(catalogue: Catalogue, data_type: DataType, fields: Collection[str], wanted: Collection[str]) -> bool:
    """True when the type, or one of these fields of it, is narrower than one of the wanted concepts.

    So pay history is found in a payslip whatever is asked of it, and in an employment record only when declared pay
    is asked (A1).
    """
    names = [data_type.iri]
    names += [iri for one in data_type.fields if one.key in fields for iri in one.broader]
    return any(is_narrower(catalogue, name, concept) for name in names for concept in wanted)


def parse_catalogue(files: Mapping[str, bytes]) -> Catalogue:
    """Builds the catalogue from file name → content: every .json by its "kind", every .ttl as a shape.

    Raises CatalogueError with all mistakes at once. The format is in shapes/README.md.
    """
    reader = _Reader(frozenset(name for name in files if name.endswith(".ttl")))
    for name in sorted(files):
        if name.endswith(".json"):
            reader.read(name, files[name])
    reader.check()
    if reader.mistakes:
        raise CatalogueError(reader.mistakes)
    return Catalogue(
        data_types=reader.data_types,
        purposes=reader.purposes,
        rules=tuple(sorted(reader.rules, key=lambda rule: int(rule.id[1:]))),
        concepts=reader.concepts,
        shapes={name: content for name, content in files.items() if name.endswith(".ttl")},
        wider=reader.wider,
    )


class _Reader:
    """Reads one file after another and remembers every mistake."""

    def __init__(self, shapes: frozenset[str]) -> None:
        self.shapes = shapes
        self.mistakes: list[str] = []
        self.data_types: dict[str, DataType] = {}
        self.purposes: dict[str, Purpose] = {}
        self.rules: list[Rule] = []
        self.concepts: dict[str, Labels] = {}
        self.wider: dict[str, tuple[str, ...]] = {}
        self._where = ""
        self._prefixes: dict[str, str] = {}

    def read(self, name: str, content: bytes) -> None:
        self._where = name
        try:
            tree = json.loads(content)
        except ValueError:
            self._wrong("is not JSON")
            return
        readers = {
            "data-type": self._data_type,
            "purposes": self._purposes,
            "advice": self._advice,
            "concepts": self._concepts,
        }
        kind = tree.get("kind") if isinstance(tree, dict) else None
        if kind not in readers:
            self._wrong(f'needs "kind": one of {", ".join(readers)}')
            return
        self._prefixes = tree.get("prefixes", {})
        try:
            for iri, broader in tree.get("wider", {}).items():
                self.wider[self._iri(iri)] = self._iris(broader)
            readers[kind](tree)
        except (KeyError, TypeError, ValueError, AttributeError) as cause:
            # A missing or mistyped member: say which, and go on to the next file.
            self._wrong(f"cannot be read: {type(cause).__name__} {cause}")

    def check(self) -> None:
        """What only shows when everything is read: names that point at nothing."""
        for purpose in self.purposes.values():
            for key, wanted in purpose.enough.items():
                known = self.data_types.get(key)
                missing = [one for one in wanted if known is None or known.field(one) is None]
                self.mistakes += [f"purposes: {purpose.iri} names {key}/{one}, which does not exist" for one in missing]
        ids = [rule.id for rule in self.rules]
        self.mistakes += [f"advice: rule {one} stands twice" for one in sorted(set(ids)) if ids.count(one) > 1]

    def _data_type(self, tree: Mapping[str, Any]) -> None:
        fields = tuple(self._field(one) for one in tree["fields"])
        keys = [one.key for one in fields]
        if len(set(keys)) != len(keys):
            self._wrong("has a field twice")
        if tree["shape"] not in self.shapes:
            self._wrong(f"names the shape {tree['shape']}, which is not there")
        container = tree["container"]
        if not container.endswith("/") or container.startswith("/") or ".." in container:
            self._wrong("needs a container below the root of a pod, such as diplomas/")
        if tree["key"] in self.data_types:
            self._wrong(f"describes {tree['key']} again")
        self.data_types[tree["key"]] = DataType(
            key=tree["key"],
            iri=self._iri(tree["iri"]),
            class_iri=self._iri(tree["class"]),
            shape=tree["shape"],
            container=container,
            labels=self._labels(tree["labels"], tree["key"]),
            plural=self._labels(tree["plural"], tree["key"]),
            fields=fields,
            always=tuple(self._iris(path) for path in tree["always"]),
            broader=self._iris(tree.get("broader", [])),
        )

    def _field(self, tree: Mapping[str, Any]) -> Field:
        paths = tuple(self._iris(path) for path in tree["paths"])
        if not paths or not all(paths):
            self._wrong(f"field {tree['key']} needs at least one path, and no empty one")
        return Field(
            key=tree["key"],
            labels=self._labels(tree["labels"], tree["key"]),
            paths=paths,
            kind=FieldKind(tree["kind"]),
            sensitive=tree.get("sensitive", False) is True,
            broader=self._iris(tree.get("broader", [])),
        )

    def _purposes(self, tree: Mapping[str, Any]) -> None:
        for one in tree["purposes"]:
            iri = self._iri(one["iri"])
            sentence = self._labels(one["sentence"], iri)
            # UX-02: one plain sentence; a citizen reads it on a telephone.
            if any(len(text.split()) > SENTENCE_WORDS for text in sentence.values()):
                self._wrong(f"the sentence of {iri} has more than {SENTENCE_WORDS} words")
            self.purposes[iri] = Purpose(
                iri=iri,
                broader=self._iris(one["broader"]),
                labels=self._labels(one["labels"], iri),
                sentence=sentence,
                max_days=int(one["max_days"]),
                max_retention_days=int(one["max_retention_days"]),
                enough={key: tuple(fields) for key, fields in one["enough"].items()},
            )

    def _advice(self, tree: Mapping[str, Any]) -> None:
        for one in tree["rules"]:
            rule = Rule(
                id=one["id"],
                slug=one["slug"],
                severity=RuleClass(one["severity"]),
                when=one["when"],
                purposes=self._iris(one["purposes"]),
                data=self._iris(one["data"]),
                texts=self._labels(one["texts"], one["id"]),
                law=self._labels(one["law"], one["id"]),
            )
            if rule.when not in TRIGGERS:
                self._wrong(f"{rule.id} has the trigger {rule.when}; there are {', '.join(sorted(TRIGGERS))}")
            self.rules.append(rule)

    def _concepts(self, tree: Mapping[str, Any]) -> None:
        for iri, labels in tree.get("concepts", {}).items():
            self.concepts[self._iri(iri)] = self._labels(labels, iri)
        # A list that its maker published in one language only: shown in that language rather than as an address.
        untranslated = tree.get("untranslated", {"concepts": {}})
        for iri, text in untranslated["concepts"].items():
            self.concepts[self._iri(iri)] = self._labels(dict.fromkeys(LANGUAGES, text), iri)

    def _labels(self, value: Any, of: str) -> Labels:
        labels = {tag: text for tag, text in value.items() if isinstance(text, str) and text.strip()}
        missing = [tag for tag in LANGUAGES if tag not in labels]
        if missing or set(value) - set(LANGUAGES):
            self._wrong(f"{of} needs a text in {', '.join(missing) or 'these languages only: ' + ' '.join(LANGUAGES)}")
        return labels

    def _iris(self, values: Iterable[str]) -> tuple[str, ...]:
        return tuple(self._iri(value) for value in values)

    def _iri(self, text: str) -> str:
        prefix, colon, rest = text.partition(":")
        if colon and prefix in self._prefixes:
            return self._prefixes[prefix] + rest
        if not text.startswith(("https://", "http://", "urn:")):
            self._wrong(f"{text} has a prefix that the file does not declare")
        return text

    def _wrong(self, what: str) -> None:
        self.mistakes.append(f"{self._where}: {what}")
