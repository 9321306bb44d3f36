"""LED GeefBewijs 02.00 → diplomas: one Bewijs, one document (data-models: the table "LED GeefBewijs → diploma")."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
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
    date_time,
    partial_date,
    person_check_digits,
    readable_reference,
)
from vault.connectors.led_codes import ELEMENTS, PLACEHOLDERS, concept
from vault.connectors.magda import Element, Message
from vault.rdf.graph import ADMS, DCT, ELM, LC, RDF, ROV, XSD, Graph, Iri, lang, typed

_COUNTRY: Final = "http://publications.europa.eu/resource/authority/country/"
_LANGUAGE: Final = "http://publications.europa.eu/resource/authority/language/"
_ISCED_F: Final = "http://data.europa.eu/snb/isced-f/"
_EQF: Final = "http://data.europa.eu/snb/eqf/"

# BewijsstatusLed/Code: 1 registered, 10 cancelled. Any other code is not valid until it is mapped.
_STATUS: Final[Mapping[str, ItemStatus]] = {"1": ItemStatus.VALID, "10": ItemStatus.WITHDRAWN}
_UNKNOWN_DATE: Final = "1800"
_ON_HONOUR: Final = frozenset(["Eigen verklaring - Op eer", "Op eer"])
_PROVEN: Final = frozenset(["Authentiek", "Geverifieerd", "Eigen verklaring - Geverifieerd"])
_PARTIAL: Final[Mapping[str, str]] = {"Tussenbewijs": "true", "Eindbewijs": "false"}
_SAMPLE_NOTE: Final = "Voorbeeldgegevens: dit bewijs staat op naam van iemand anders."


def diplomas(message: Message, belongs: Belongs) -> tuple[Item, ...]:
    """Every Bewijs of every answer, mapped or refused. One that names somebody else does not stop the others."""
    found = [one for answer in message.answers if answer.content for one in answer.content.all("Bewijzen/Bewijs")]
    return tuple(_item(position, bewijs, belongs) for position, bewijs in enumerate(found, 1))


def _item(position: int, bewijs: Element, belongs: Belongs) -> Item:
    number = bewijs.value("PersoonUitgereikt/INSZ")
    whose = belongs(number)
    if whose is Whose.FOREIGN:
        return Refused(position, "foreign-person")
    reference = bewijs.value("BewijsrefertesLed/Bewijsreferte")
    if not readable_reference(reference):
        return Refused(position, "reference-unreadable")
    status = _STATUS.get(bewijs.value("BewijsstatusLed/Code"))
    if status is None:
        return Refused(position, "status-unknown")
    mapping = _Mapping(bewijs, sample=whose is Whose.SAMPLE)
    mapping.graph("urn:x-item:", None)  # once beforehand: the warnings come from the mapping itself
    if not person_check_digits(number):
        mapping.warn("person-check-digits")
    return Derived(
        data_type="diploma",
        position=position,
        reference=reference,
        mutation=bewijs.value("BewijsrefertesLed/Bewijsmutatiereferte"),
        modified=_modified(bewijs),
        status=status,
        span=(bewijs.start, bewijs.end),
        build=mapping.graph,
        warnings=tuple(sorted(mapping.warnings)),
        self_declared=bewijs.value("Basis/Authenticiteit/Naam") not in _PROVEN,
        ignored=sum(one.name not in ELEMENTS for one in bewijs.walk()),
    )


def _modified(bewijs: Element) -> datetime | None:
    """DatumModificatie: DD.MM.JJJJ and HH:MM[:SS[.sss]], Brussels time."""
    day = bewijs.value("BewijsstatusLed/DatumModificatie/Datum")
    at = bewijs.value("BewijsstatusLed/DatumModificatie/Tijd")
    read = re.fullmatch(r"([0-9]{2})\.([0-9]{2})\.([0-9]{4})", day)
    if not read:
        return None
    try:
        return datetime.fromisoformat(f"{read[3]}-{read[2]}-{read[1]}T{at or '00:00'}").replace(tzinfo=BRUSSELS)
    except ValueError:
        return None


class _Mapping:
    """The table, row by row, for one Bewijs."""

    def __init__(self, bewijs: Element, *, sample: bool) -> None:
        self._bewijs = bewijs
        self._sample = sample
        # The text of a paper may be in another language when it was not issued in Flanders.
        self._language = "nl" if bewijs.value("Basis/Land/Code") == "BEL" else "und"
        self.warnings: set[str] = set()

    def warn(self, slug: str) -> None:
        self.warnings.add(slug)

    def graph(self, document_url: str, holder: str | None) -> Graph:
        """The document. `holder`, the citizen's WebID, claims it; the national number is never written."""
        sketch = Sketch(document_url)
        it = sketch.node("it")
        sketch.add(it, RDF.type, ELM.LearningAchievement)
        if holder is not None:
            sketch.add(Iri(holder), ELM.hasClaim, it)
        notes: list[str] = [_SAMPLE_NOTE] if self._sample else []
        if self._sample:
            self.warn("sample-person")
        self._references(sketch, it)
        self._texts(sketch, it)
        self._provenance(sketch, it, notes)
        self._award(sketch, it, notes)
        self._qualification(sketch, it, notes)
        self._extras(notes)
        for number, text in enumerate(dict.fromkeys(notes), 1):
            sketch.note(it, number, text, self._language)
        return sketch.graph()

    def _value(self, path: str) -> str:
        text = self._bewijs.value(path)
        return "" if text in PLACEHOLDERS else text

    def _code(self, path: str) -> str:
        """For numbers and codes, 0 says "none" too."""
        text = self._value(path)
        return "" if text == "0" else text

    def _concept(self, list_name: str, path: str, notes: list[str]) -> Iri | None:
        """The concept; a value that the list lacks is kept as a note, never dropped, never guessed."""
        text = self._value(path)
        found = concept(list_name, text) if text else None
        if text and found is None:
            self.warn(f"unknown-{list_name.lower()}")
            notes.append(f"{list_name}: {text}")
        return found

    def _references(self, sketch: Sketch, it: Iri) -> None:
        for path, fragment, scheme in (
            ("BewijsrefertesLed/Bewijsreferte", "ref-led", "LED Bewijsreferte"),
            ("BewijsrefertesLed/Bewijsmutatiereferte", "ref-mutation", "LED Bewijsmutatiereferte"),
            ("Leverancier/Bewijsreferte", "ref-supplier", "Leverancier Bewijsreferte"),
        ):
            if text := self._value(path):
                sketch.identifier(it, ADMS.identifier, fragment, text, scheme)

    def _texts(self, sketch: Sketch, it: Iri) -> None:
        description = self._information("Bewijs omschrijving")
        made = " ".join(filter(None, (self._value("Basis/Bewijstype/Naam"), self._value("Basis/Studierichting/Naam"))))
        title = self._value("Basis/VolledigeNaam") or description or made
        if title:
            sketch.add(it, DCT.title, lang(title, self._language))
        if description:
            sketch.add(it, DCT.description, lang(description, self._language))

    def _information(self, name: str) -> str:
        for one in self._bewijs.all("Basis/BijkomendeInformaties/BijkomendeInformatie"):
            if one.value("Naam") == name and one.value("Inhoud") not in PLACEHOLDERS:
                return one.value("Inhoud")
        return ""

    def _provenance(self, sketch: Sketch, it: Iri, notes: list[str]) -> None:
        withdrawn = _STATUS.get(self._bewijs.value("BewijsstatusLed/Code")) is ItemStatus.WITHDRAWN
        sketch.add(it, ADMS.status, WITHDRAWN if withdrawn else COMPLETED)
        if (modified := _modified(self._bewijs)) is not None:
            sketch.add(it, DCT.modified, date_time(modified))
        for predicate, list_name, path in (
            (LC.uitgever, "Leverancier", "Leverancier/Naam"),
            (LC.authenticiteit, "Authenticiteit", "Basis/Authenticiteit/Naam"),
            (DCT.type, "Bewijstype", "Basis/Bewijstype/Naam"),
        ):
            if (found := self._concept(list_name, path, notes)) is not None:
                sketch.add(it, predicate, found)
        if self._bewijs.value("Basis/Authenticiteit/Naam") in _ON_HONOUR:
            self.warn("self-declared")

    def _award(self, sketch: Sketch, it: Iri, notes: list[str]) -> None:
        award = sketch.inner(it, ELM.awardedBy, "award", ELM.AwardingProcess)
        body = sketch.inner(award, ELM.awardingBody, "institution", ELM.Organisation)
        if name := self._value("Basis/Instelling/Naam"):
            sketch.add(body, ROV.legalName, lang(name, self._language))
        else:
            # The name is mandatory in the shape: say openly that the source gave none.
            sketch.add(body, ROV.legalName, lang("Niet meegedeeld", "nl"))
        if number := self._code("Basis/Instelling/Nummer"):
            sketch.identifier(body, ADMS.identifier, "ref-institution", number, "Instellingsnummer")
        if (kind := self._concept("Instantie", "Basis/Instantie/Naam", notes)) is not None:
            sketch.add(body, DCT.type, kind)
        if re.fullmatch(r"[A-Z]{3}", country := self._code("Basis/Land/Code")):
            place = sketch.inner(award, ELM.location, "award-location", DCT.Location)
            address = sketch.inner(place, ELM.address, "award-address", ELM.Address)
            sketch.add(address, ELM.countryCode, Iri(_COUNTRY + country))
        self._award_date(sketch, award)

    def _award_date(self, sketch: Sketch, award: Iri) -> None:
        year, month, day = (self._bewijs.value(f"Basis/Uitreikingsdatum/{part}") for part in ("Jaar", "Maand", "Dag"))
        known = None if year == _UNKNOWN_DATE else partial_date(year, month, day)
        if known is not None:
            sketch.add(award, ELM.awardingDate, known)
            if not day:
                self.warn("date-partial")
        else:
            self.warn("date-unknown" if year in ("", _UNKNOWN_DATE) else "date-unreadable")

    def _qualification(self, sketch: Sketch, it: Iri, notes: list[str]) -> None:
        about = sketch.inner(it, ELM.specifiedBy, "qualification", ELM.Qualification)
        if programme := _split(self._value("Basis/Studierichting/Naam")):
            sketch.add(about, DCT.title, lang("; ".join(programme), self._language))
        for number, code in enumerate(_split(self._code("Basis/Studierichting/Code")), 1):
            sketch.identifier(about, ADMS.identifier, f"ref-programme-{number}", code, "Studierichting")
        for list_name in ("Categorie", "Graad", "Onderwijsvorm", "Schooltype"):
            if (kind := self._concept(list_name, f"Basis/{list_name}/Naam", notes)) is not None:
                sketch.add(about, DCT.type, kind)
        if (partial := _PARTIAL.get(self._bewijs.value("Basis/Bewijsstaat/Naam"))) is not None:
            sketch.add(about, ELM.isPartialQualification, typed(partial, XSD.boolean))
        if re.fullmatch(r"[a-z]{3}", spoken := self._code("Basis/Taal/Code")):
            sketch.add(about, DCT.language, Iri(_LANGUAGE + spoken.upper()))
        for list_name, path in (("Onderwerp", "Basis/Onderwerp"), ("ISCEDStudiegebied", "Afgeleid/ISCEDStudiegebied")):
            if (subject := self._concept(list_name, f"{path}/Code", notes)) is not None:
                sketch.add(about, ELM.educationSubject, subject)
        if (reached := self._concept("ISCEDNiveau", "Afgeleid/ISCEDNiveau/Code", notes)) is not None:
            sketch.add(about, ELM.educationLevel, reached)
        if re.fullmatch(r"[0-9]{4}", isced := self._value("Afgeleid/ISCEDStudiegebied2013/Code")):
            sketch.add(about, ELM.ISCEDFCode, Iri(_ISCED_F + isced))
        self._levels(sketch, about)
        for number, outcome in enumerate(_leaves(self._bewijs.find("Basis/GeneriekSupplement")), 1):
            learned = sketch.inner(about, ELM.learningOutcome, f"outcome-{number}", ELM.LearningOutcome)
            sketch.add(learned, DCT.title, lang(outcome, self._language))

    def _levels(self, sketch: Sketch, about: Iri) -> None:
        """The levels of the Flemish structure stand one to one beside the European ones."""
        placed = False
        for list_name in ("VKSNiveauOnderwijskwalificatie", "VKSNiveauBeroepskwalificatie"):
            code = self._code(f"Afgeleid/{list_name}/Code")
            if re.fullmatch(r"[1-8]", code) and (level := concept(list_name, code)) is not None:
                sketch.add(about, ELM.NQFLevel, level)
                if not placed:
                    sketch.add(about, ELM.EQFLevel, Iri(_EQF + code))
                placed = True

    def _extras(self, notes: list[str]) -> None:
        for path, label in (
            ("Basis/Specialisatie/Naam", "Specialisatie"),
            ("Basis/DetailOnderwerp/Naam", "Detailonderwerp"),
            ("Basis/Vervalperiode", "Vervalperiode"),
        ):
            if text := self._value(path):
                notes.append(f"{label}: {text}")
        # Teaching periods are not clock hours: never elm:volumeOfLearning.
        if periods := self._code("Basis/UrenVolwassenenonderwijs"):
            notes.append(f"Lestijden volwassenenonderwijs: {periods}")
        for one in self._bewijs.all("Basis/BijkomendeInformaties/BijkomendeInformatie"):
            name, text = one.value("Naam"), one.value("Inhoud")
            if name != "Bewijs omschrijving" and text not in PLACEHOLDERS:
                notes.append(f"{name}: {text}")
        for other in self._bewijs.all("Basis/AlternatieveInstanties/AlternatieveInstantie"):
            said = [_text(other.find(part)) for part in ("Instantierol", "Instantie")]
            notes.append(": ".join(part for part in said if part))


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip() and part.strip() not in PLACEHOLDERS]


def _leaves(element: Element | None) -> Iterator[str]:
    outcomes = element.all("Supplement/Leeruitkomsten") if element is not None else ()
    for one in outcomes:
        yield from (leaf.text for leaf in one.walk() if not leaf.children and leaf.text not in PLACEHOLDERS)


def _text(element: Element | None) -> str:
    return "" if element is None else " ".join(one.text for one in element.walk() if one.text)
