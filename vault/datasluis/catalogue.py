"""What the lock knows about the world, read from data files: data types, their fields, purposes, advice rules.

A new domain (home, mobility) is a new file in shapes/, never code. Labels exist in nl, fr, de and en; a missing one is
an error when the catalogue is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

Labels = Mapping[str, str]  # language tag → text; nl, fr, de, en are all present
Path = tuple[str, ...]  # predicate IRIs from the subject of the document to a value

LANGUAGES = ("nl", "fr", "de", "en")


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
        return next((field for field in self.fields if field.key == key), None)


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

    def data_type(self, name: str) -> DataType | None:
        """By key or by IRI."""
        return self.data_types.get(name) or next((t for t in self.data_types.values() if t.iri == name), None)
