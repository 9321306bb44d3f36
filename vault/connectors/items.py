"""What a connector makes of one item of a message: a graph to be stored, or a refusal with its reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from zoneinfo import ZoneInfo

from vault.rdf.graph import ELM, RDF, SKOS, XSD, Graph, Iri, Literal, Subject, Term, Triple, lang, triple, typed

BRUSSELS = ZoneInfo("Europe/Brussels")  # no message names its zone
COMPLETED = Iri("http://purl.org/adms/status/Completed")
WITHDRAWN = Iri("http://purl.org/adms/status/Withdrawn")

Span = tuple[int, int]
Build = Callable[[str, str | None], Graph]

_REFERENCE = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z._-]{0,126}[0-9A-Za-z])?")


class ItemStatus(StrEnum):
    VALID = "valid"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"  # a later version exists: recorded, not written


class Whose(StrEnum):
    """Whose number stands in an item, as the one who routes the message decides."""

    OWN = "own"
    FOREIGN = "foreign"
    SAMPLE = "sample"  # somebody else's, taken in by the switch for sample data: the document says so


Belongs = Callable[[str], Whose]


@dataclass(frozen=True, slots=True)
class Derived:
    """One item that maps. `reference` is the source's stable key, fit to be a document's name; `mutation` its version.

    `replaces` are references whose documents this one makes out of date. `ignored` counts elements that no table
    knows: schemas grow inside a version. `build(document_url, holder)` gives the graph.
    """

    data_type: str
    position: int
    reference: str
    mutation: str
    modified: datetime | None
    status: ItemStatus
    span: Span
    build: Build = field(repr=False, compare=False)
    warnings: tuple[str, ...] = ()
    self_declared: bool = False
    replaces: tuple[str, ...] = ()
    ignored: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """One item that is not taken in. It carries its place in the message and a slug, nothing about a person."""

    position: int
    reason: str


Item = Derived | Refused


class Sketch:
    """A graph in the making: inner nodes are fragments of the document, so that they keep their names."""

    def __init__(self, document_url: str) -> None:
        self._url = document_url
        self._triples: list[Triple] = []

    def node(self, fragment: str) -> Iri:
        return Iri(f"{self._url}#{fragment}")

    def add(self, subject: Subject, predicate: Iri, obj: Term) -> None:
        self._triples.append(triple(subject, predicate, obj))

    def inner(self, subject: Subject, predicate: Iri, fragment: str, kind: Iri) -> Iri:
        """Adds a typed node that hangs from `subject`, and gives it back."""
        node = self.node(fragment)
        self.add(subject, predicate, node)
        self.add(node, RDF.type, kind)
        return node

    def identifier(self, subject: Subject, predicate: Iri, fragment: str, notation: str, scheme: str) -> None:
        node = self.inner(subject, predicate, fragment, ELM.Identifier)
        self.add(node, SKOS.notation, Literal(notation))
        self.add(node, ELM.schemeName, Literal(scheme))

    def note(self, subject: Subject, number: int, text: str, language: str) -> None:
        node = self.inner(subject, ELM.additionalNote, f"note-{number}", ELM.Note)
        self.add(node, ELM.noteLiteral, lang(text, language))

    def graph(self) -> Graph:
        return Graph.of(self._triples)


def readable_reference(text: str) -> bool:
    """True when a reference can be the last part of a document's URL as it stands."""
    return _REFERENCE.fullmatch(text) is not None and ".." not in text


def hundredths(text: str) -> Literal | None:
    """ "266" is 2.66: an xsd:decimal with two decimals, or None when it is not a whole number."""
    if not re.fullmatch(r"-?[0-9]{1,12}", text):
        return None
    try:
        return typed(str((Decimal(text) / 100).quantize(Decimal("0.01"))), XSD.decimal)
    except InvalidOperation:
        return None


def partial_date(year: str, month: str, day: str) -> Literal | None:
    """An xsd:date, gYearMonth or gYear, as much as the source knows; None when there is no such date."""
    if not re.fullmatch(r"[0-9]{4}", year) or (day and not month):
        return None
    try:
        date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None
    if day:
        return typed(f"{year}-{int(month):02}-{int(day):02}", XSD.date)
    return typed(f"{year}-{int(month):02}", XSD.gYearMonth) if month else typed(year, XSD.gYear)


def moment(day: date, at: time) -> Literal:
    """An xsd:dateTime with the offset that held in Brussels on that day."""
    return date_time(datetime.combine(day, at, BRUSSELS))


def date_time(when: datetime) -> Literal:
    milliseconds = when.microsecond // 1000
    fraction = f".{milliseconds:03}" if milliseconds else ""
    offset = when.strftime("%z")
    return typed(f"{when:%Y-%m-%dT%H:%M:%S}{fraction}{offset[:3]}:{offset[3:]}", XSD.dateTime)


def iso_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def person_check_digits(number: str) -> bool:
    """97 − (first nine mod 97), with 2 put in front for births from 2000 on. A date is never read from a number."""
    if not re.fullmatch(r"[0-9]{11}", number):
        return False
    body, check = number[:9], int(number[9:])
    return check in (97 - int(body) % 97, 97 - int("2" + body) % 97)


def enterprise_check_digits(number: str) -> bool:
    """97 − (first eight mod 97) = last two (KBO)."""
    return re.fullmatch(r"[01][0-9]{9}", number) is not None and 97 - int(number[:8]) % 97 == int(number[8:])
