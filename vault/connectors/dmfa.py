"""DmfA GeefDmfaVoorWerknemer 03.00 → employment statements: one Attest, one employer, one quarter, one worker line.

A statement proves employment, never pay (data-models: the table "DmfA → employment statement"). What the employer
owes social security, and pay during sickness, are never written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from typing import Final

from vault.connectors.items import (
    BRUSSELS,
    COMPLETED,
    WITHDRAWN,
    Belongs,
    Derived,
    Item,
    ItemStatus,
    Refused,
    Sketch,
    Whose,
    enterprise_check_digits,
    hundredths,
    iso_date,
    moment,
    person_check_digits,
    readable_reference,
)
from vault.connectors.magda import Element, Message
from vault.rdf.graph import ADMS, DCT, LOON, M8G, RDF, RDFS, ROV, SCHEMA, XSD, Graph, Iri, Literal, V, lang, typed

_ENTERPRISE: Final = "https://data.vlaanderen.be/id/onderneming/"
_ESTABLISHMENT: Final = "https://data.vlaanderen.be/id/vestiging/"
_EURO: Final = Iri("http://publications.europa.eu/resource/authority/currency/EUR")
_LAST_SECOND: Final = time(23, 59, 59)
_SAMPLE_NOTE: Final = "Voorbeeldgegevens: dit attest staat op naam van iemand anders."

# Identificatie/Status/Code, by code and never by its text: 0 new, 1 modified, 2 cancelled, 3 valid again.
_STATUS: Final[Mapping[str, ItemStatus]] = {
    "": ItemStatus.VALID,
    "0": ItemStatus.VALID,
    "1": ItemStatus.VALID,
    "2": ItemStatus.WITHDRAWN,
    "3": ItemStatus.VALID,
}
_CONTRACT: Final[Mapping[str, Iri]] = {"0": V.FullTime, "1": V.PartTime}


def statements(message: Message, belongs: Belongs) -> tuple[Item, ...]:
    """Every Attest of the answer, mapped or refused, with the chains between versions followed."""
    found = [one for answer in message.answers if answer.content for one in answer.content.all("Attesten/Attest")]
    items = [_item(position, attest, belongs) for position, attest in enumerate(found, 1)]
    return tuple(_chained(item, found, items) for item in items)


def more_follows(message: Message) -> bool:
    """True when the source has further attests for this question (VolgendAttest): ask again, or they are lost."""
    return any(answer.content is not None and answer.content.find("VolgendAttest") for answer in message.answers)


def _item(position: int, attest: Element, belongs: Belongs) -> Item:
    worker = "AangifteWerkgever/Werknemer"
    number, former = attest.value(f"{worker}/INSZ"), attest.value(f"{worker}/VorigINSZ")
    whose = belongs(number)
    changed = whose is Whose.FOREIGN and former != "" and belongs(former) is Whose.OWN
    if whose is Whose.FOREIGN and not changed:
        return Refused(position, "foreign-person")
    reference, version = attest.value("Identificatie/Nummer"), attest.value("Identificatie/Versie")
    if not readable_reference(reference):
        return Refused(position, "reference-unreadable")
    status = _STATUS.get(attest.value("Identificatie/Status/Code"))
    if status is None:
        return Refused(position, "status-unknown")
    # A cancellation ends what went before, even when a later version is announced.
    if status is ItemStatus.VALID and attest.value("Versie/Volgende"):
        status = ItemStatus.SUPERSEDED
    mapping = _Mapping(attest, sample=whose is Whose.SAMPLE)
    mapping.graph("urn:x-item:", None)  # once beforehand: the warnings come from the mapping itself
    if changed:
        mapping.warn("person-number-changed")
    if not person_check_digits(number):
        mapping.warn("person-check-digits")
    created = iso_date(attest.value("Identificatie/DatumCreatie"))
    return Derived(
        data_type="employment",
        position=position,
        reference=reference,
        mutation=version,
        modified=None if created is None else datetime.combine(created, time(), BRUSSELS),
        status=status,
        span=(attest.start, attest.end),
        build=mapping.graph,
        warnings=tuple(sorted(mapping.warnings)),
    )


def _chained(item: Item, attests: Sequence[Element], items: Sequence[Item]) -> Item:
    """Follows Versie/Vorige inside the answer: predecessors under another Nummer are out of date with this one."""
    if isinstance(item, Refused) or item.status is ItemStatus.SUPERSEDED:
        return item
    by_version = {
        other.mutation: (attest, other)
        for attest, other in zip(attests, items, strict=True)
        if isinstance(other, Derived)
    }
    replaces: list[str] = []
    warnings = set(item.warnings)
    seen = {item.mutation}
    attest = attests[item.position - 1]
    while (previous := attest.value("Versie/Vorige")) and previous not in seen:
        seen.add(previous)
        if previous not in by_version:
            warnings.add("predecessor-elsewhere")
            break
        before, other = by_version[previous]
        if other.reference != item.reference:
            replaces.append(other.reference)
            warnings.add("chain-joins-numbers")
        if before.value("AangifteWerkgever/Kwartaal") != attest.value("AangifteWerkgever/Kwartaal"):
            warnings.add("chain-joins-quarters")
        attest = before
    return replace(item, replaces=tuple(dict.fromkeys(replaces)), warnings=tuple(sorted(warnings)))


class _Mapping:
    """The table, row by row, for one Attest."""

    def __init__(self, attest: Element, *, sample: bool) -> None:
        self._attest = attest
        self._sample = sample
        self.warnings: set[str] = set()

    def warn(self, slug: str) -> None:
        self.warnings.add(slug)

    def graph(self, document_url: str, holder: str | None) -> Graph:
        """The document. `holder`, the citizen's WebID, is the worker; the national number is never written."""
        sketch = Sketch(document_url)
        it = sketch.node("it")
        sketch.add(it, RDF.type, V.EmploymentStatement)
        if self._sample:
            self.warn("sample-person")
            sketch.add(it, RDFS.comment, lang(_SAMPLE_NOTE, "nl"))
        self._identity(sketch, it)
        lines = self._attest.all("AangifteWerkgever/Werknemer/Werknemerslijn")
        for line in lines[:1]:
            self._line(sketch, it, line)
        if len(lines) > 1:
            self.warn("more-worker-lines")
        employer = self._employer(sketch)
        number = 0
        for line in lines:
            for tewerkstelling in line.all("Tewerkstellingen/Tewerkstelling"):
                number += 1
                relation = sketch.inner(it, LOON.arbeidsrelatie, f"employment-{number}", LOON.Arbeidsrelatie)
                sketch.add(relation, LOON.werkgever, employer)
                if holder is not None:
                    sketch.add(relation, LOON.werknemer, Iri(holder))
                self._employment(sketch, relation, tewerkstelling, number)
        return sketch.graph()

    def _identity(self, sketch: Sketch, it: Iri) -> None:
        for path, fragment, scheme in (
            ("Identificatie/Nummer", "ref-number", "DmfA attestnummer"),
            ("Identificatie/Versie", "ref-version", "DmfA attestversie"),
        ):
            if text := self._attest.value(path):
                sketch.identifier(it, ADMS.identifier, fragment, text, scheme)
        withdrawn = _STATUS.get(self._attest.value("Identificatie/Status/Code")) is ItemStatus.WITHDRAWN
        sketch.add(it, ADMS.status, WITHDRAWN if withdrawn else COMPLETED)
        if (created := iso_date(self._attest.value("Identificatie/DatumCreatie"))) is not None:
            sketch.add(it, DCT.issued, typed(created.isoformat(), XSD.date))
        quarter = self._attest.value("AangifteWerkgever/Kwartaal")
        if re.fullmatch(r"[12][0-9]{3}[1-4]", quarter):
            sketch.add(it, V.quarter, Literal(f"{quarter[:4]}-Q{quarter[4]}"))

    def _line(self, sketch: Sketch, it: Iri, line: Element) -> None:
        _period(sketch, it, V.declaredPeriod, "period", line)
        if not _inside(self._attest.value("AangifteWerkgever/Kwartaal"), line):
            self.warn("period-outside-quarter")
        if category := line.value("Categorie"):
            sketch.add(it, V.employerCategory, Literal(category))
        if code := line.value("Kerngetal"):
            sketch.add(it, V.workerCode, Literal(code))

    def _employer(self, sketch: Sketch) -> Iri:
        """By enterprise number where there is one: its IRI. Without one the social security number identifies."""
        number = self._attest.value("AangifteWerkgever/Ondernemingsnummer")
        known = re.fullmatch(r"[01][0-9]{9}", number) is not None
        employer = Iri(_ENTERPRISE + number) if known else sketch.node("employer")
        sketch.add(employer, RDF.type, ROV.RegisteredOrganization)
        if known:
            sketch.identifier(employer, ROV.registration, "ref-employer", number, "KBO")
            if not enterprise_check_digits(number):
                self.warn("enterprise-check-digits")
        elif number:
            self.warn("enterprise-number-unreadable")
        if re.fullmatch(r"[0-9]{1,10}", nsso := self._attest.value("AangifteWerkgever/RSZNummer")):
            sketch.add(employer, V.nssoNumber, Literal(nsso))
        return employer

    def _employment(self, sketch: Sketch, relation: Iri, found: Element, number: int) -> None:
        # No Einde: still employed. Begin may be years back: the start of this line.
        _period(sketch, relation, LOON.contractperiode, f"contract-{number}", found)
        for path, predicate in (("InternNummer", V.employmentNumber), ("ParitairComite", V.jointCommittee)):
            if text := found.value(path):
                sketch.add(relation, predicate, Literal(text))
        if (contract := _CONTRACT.get(found.value("TypeContract"))) is not None:
            sketch.add(relation, LOON.overeenkomst, contract)
        if (days := hundredths(found.value("AantalWerkdagenPerWeek"))) is not None:
            sketch.add(relation, V.daysPerWeek, days)
            recounted = self._attest.value("AangifteWerkgever/ConversieNaarRegime5") == "1"
            if recounted and days.value != "5.00":
                self.warn("five-day-week-expected")
        self._fraction(sketch, relation, found, number)
        self._establishment(sketch, relation, found)
        self._performances(sketch, relation, found, number)

    def _fraction(self, sketch: Sketch, relation: Iri, found: Element, number: int) -> None:
        hours = hundredths(found.value("GemiddeldAantalUrenPerWeek/Werknemer"))
        reference = hundredths(found.value("GemiddeldAantalUrenPerWeek/Referentiepersoon"))
        if hours is None or reference is None:
            return
        node = sketch.inner(relation, LOON.tewerkstellingsbreuk, f"fraction-{number}", LOON.Tewerkstellingsbreuk)
        sketch.add(node, V.hoursPerWeek, hours)
        sketch.add(node, V.referenceHoursPerWeek, reference)
        if found.value("TypeContract") == "1" and hours == reference:
            self.warn("part-time-with-full-hours")

    def _establishment(self, sketch: Sketch, relation: Iri, found: Element) -> None:
        if re.fullmatch(r"[0-9]{10}", unit := found.value("LokaleEenheid/Nummer")):
            sketch.add(relation, V.establishment, Iri(_ESTABLISHMENT + unit))
        if re.fullmatch(r"[0-9]{5}", place := found.value("LokaleEenheid/NISCode")):
            sketch.add(relation, V.municipalityNis, Literal(place))

    def _performances(self, sketch: Sketch, relation: Iri, found: Element, number: int) -> None:
        for index, one in enumerate(found.all("Prestaties/Prestatie"), 1):
            node = sketch.node(f"performance-{number}-{index}")
            sketch.add(relation, V.performance, node)
            sketch.add(node, V.performanceCode, Literal(one.value("Code")))
            for path, predicate in (("Dagen", V.days), ("Uren", V.hours)):
                if (amount := hundredths(one.value(path))) is not None:
                    sketch.add(node, predicate, amount)
        for index, one in enumerate(found.all("Bezoldigingen/Bezoldiging"), 1):
            if (euros := hundredths(one.value("Bedrag"))) is None:
                self.warn("amount-unreadable")
                continue
            node = sketch.inner(relation, V.remuneration, f"remuneration-{number}-{index}", SCHEMA.MonetaryAmount)
            sketch.add(node, V.remunerationCode, Literal(one.value("Code")))
            sketch.add(node, SCHEMA.value, euros)
            sketch.add(node, SCHEMA.currency, _EURO)


def _days(element: Element) -> tuple[date | None, date | None]:
    return iso_date(element.value("Periode/Begin")), iso_date(element.value("Periode/Einde"))


def _period(sketch: Sketch, subject: Iri, predicate: Iri, fragment: str, element: Element) -> None:
    """A period ends on its last day, at the last second; one without a beginning is not written."""
    begin, end = _days(element)
    if begin is None:
        return
    node = sketch.inner(subject, predicate, fragment, M8G.PeriodOfTime)
    sketch.add(node, M8G.startTime, moment(begin, time()))
    if end is not None:
        sketch.add(node, M8G.endTime, moment(end, _LAST_SECOND))


def _inside(quarter: str, line: Element) -> bool:
    """False when a period leaves its quarter; the first day and the last both count."""
    if not re.fullmatch(r"[12][0-9]{3}[1-4]", quarter):
        return True
    year, number = int(quarter[:4]), int(quarter[4])
    return all(day is None or (day.year == year and (day.month + 2) // 3 == number) for day in _days(line))
