"""DmfA → employment statements, row by row of the mapping table."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.connectors.messages import dmfa_message, sample_items
from vault.connectors.dmfa import more_follows, statements
from vault.connectors.items import Derived, Item, ItemStatus, Refused, Whose
from vault.rdf.graph import ADMS, DCT, LOON, M8G, RDF, ROV, SCHEMA, SKOS, XSD, Graph, Iri, Literal, V, typed

LOTTE = "94451244628"
DOC = "https://vault.example/lotte/employment/x"
ME = "https://vault.example/lotte/profile/card#me"

ATTEST = """<Attest><Identificatie><Nummer>{number}</Nummer><Versie>{version}</Versie>
<Status><Code>{status}</Code><Omschrijving>tekst</Omschrijving></Status><DatumCreatie>2026-10-19</DatumCreatie>
</Identificatie><AangifteWerkgever><Kwartaal>{quarter}</Kwartaal><RSZNummer>4471902635</RSZNummer>{enterprise}
<VerschuldigdNettoBedrag>1187640</VerschuldigdNettoBedrag><ConversieNaarRegime5>{regime}</ConversieNaarRegime5>
<Werknemer><INSZ>{person}</INSZ>{former}<Werknemerslijn><Categorie>010</Categorie><Kerngetal>495</Kerngetal>
<Periode><Begin>{begin}</Begin><Einde>{end}</Einde></Periode><Tewerkstellingen>{employments}</Tewerkstellingen>
</Werknemerslijn></Werknemer></AangifteWerkgever><Versie>{chain}</Versie></Attest>"""
EMPLOYMENT = """<Tewerkstelling><InternNummer>A1</InternNummer><Periode><Begin>2024-02-01</Begin>{ended}</Periode>
<ParitairComite>{committee}</ParitairComite><AantalWerkdagenPerWeek>{days}</AantalWerkdagenPerWeek>
<TypeContract>{contract}</TypeContract><GemiddeldAantalUrenPerWeek><Referentiepersoon>3800</Referentiepersoon>
<Werknemer>{hours}</Werknemer></GemiddeldAantalUrenPerWeek><Informatie><BrutoLoonZiekte>18250</BrutoLoonZiekte>
</Informatie><Prestaties><Prestatie><Code>1</Code><Dagen>6500</Dagen><Uren>{worked}</Uren></Prestatie></Prestaties>
{pay}</Tewerkstelling>"""


def employment(**values: str) -> str:
    defaults = {
        "ended": "",
        "committee": "200",
        "days": "500",
        "contract": "0",
        "hours": "3800",
        "worked": "",
        "pay": "",
    }
    return EMPLOYMENT.format(**{**defaults, **values})


def attest(**values: str) -> str:
    defaults = {
        "number": "1",
        "version": "1",
        "status": "0",
        "quarter": "20263",
        "enterprise": "<Ondernemingsnummer>0761348248</Ondernemingsnummer>",
        "regime": "0",
        "person": LOTTE,
        "former": "",
        "begin": "2026-07-01",
        "end": "2026-09-30",
        "employments": employment(),
        "chain": "",
    }
    return ATTEST.format(**{**defaults, **values})


def items(*attests: str) -> tuple[Item, ...]:
    return statements(dmfa_message(*attests), lambda number: Whose.OWN if number == LOTTE else Whose.FOREIGN)


def one(**values: str) -> Derived:
    found = items(attest(**values))[0]
    assert isinstance(found, Derived)
    return found


def graph_of(item: Item) -> Graph:
    assert isinstance(item, Derived)
    return item.build(DOC, ME)


def node(fragment: str) -> Iri:
    return Iri(f"{DOC}#{fragment}")


def test_a_statement_has_its_quarter_employer_and_terms() -> None:
    graph = graph_of(sample_items("dmfa-quarters.xml", LOTTE)[1])
    employer = Iri("https://data.vlaanderen.be/id/onderneming/0761348248")
    assert graph.value(node("it"), RDF.type) == V.EmploymentStatement
    assert graph.value(node("it"), V.quarter) == Literal("2025-Q3")
    assert graph.value(node("it"), DCT.issued) == typed("2025-10-20", XSD.date)
    assert graph.value(node("employment-1"), LOON.werkgever) == employer
    assert graph.text(node("ref-employer"), SKOS.notation) == "0761348248"
    assert graph.value(employer, V.nssoNumber) == Literal("4471902635")
    assert graph.value(node("employment-1"), LOON.werknemer) == Iri(ME)
    assert graph.value(node("employment-1"), LOON.overeenkomst) == V.PartTime
    assert graph.value(node("employment-1"), V.jointCommittee) == Literal("200")


@pytest.mark.parametrize(
    ("values", "predicate", "fragment", "number"),
    [
        ({"days": "266"}, V.daysPerWeek, "employment-1", "2.66"),
        ({"days": "500"}, V.daysPerWeek, "employment-1", "5.00"),
        ({"hours": "3040"}, V.hoursPerWeek, "fraction-1", "30.40"),
        ({}, V.referenceHoursPerWeek, "fraction-1", "38.00"),
        ({}, V.days, "performance-1-1", "65.00"),
        ({"worked": "10"}, V.hours, "performance-1-1", "0.10"),
    ],
)
def test_hundredths_become_decimals_and_never_floats(
    values: dict[str, str], predicate: Iri, fragment: str, number: str
) -> None:
    graph = graph_of(one(employments=employment(**values)))
    assert graph.value(node(fragment), predicate) == typed(number, XSD.decimal)


def test_pay_in_cents_becomes_euros_and_is_not_called_gross_pay() -> None:
    pay = "<Bezoldigingen><Bezoldiging><Code>1</Code><Bedrag>1044013</Bedrag></Bezoldiging></Bezoldigingen>"
    graph = graph_of(one(employments=employment(pay=pay)))
    assert graph.value(node("remuneration-1-1"), SCHEMA.value) == typed("10440.13", XSD.decimal)
    assert graph.value(node("remuneration-1-1"), V.remunerationCode) == Literal("1")
    assert not list(graph.match(None, LOON.brutoloon))


def test_what_the_employer_owes_and_pay_in_sickness_are_never_written() -> None:
    for item in (*sample_items("dmfa-quarters.xml", LOTTE), one()):
        said = " ".join(map(str, graph_of(item)))
        for never in ("1187640", "11876.40", "18250", "182.50", LOTTE):
            assert never not in said


def test_a_period_ends_at_the_last_second_with_the_offset_of_that_day() -> None:
    graph = graph_of(one(quarter="20261", begin="2026-01-01", end="2026-03-31"))
    assert graph.text(node("period"), M8G.startTime) == "2026-01-01T00:00:00+01:00"
    assert graph.text(node("period"), M8G.endTime) == "2026-03-31T23:59:59+02:00"


def test_no_end_of_employment_means_still_employed() -> None:
    assert graph_of(one()).value(node("contract-1"), M8G.endTime) is None
    ended = graph_of(one(employments=employment(ended="<Einde>2026-08-31</Einde>")))
    assert ended.text(node("contract-1"), M8G.endTime) == "2026-08-31T23:59:59+02:00"


def test_a_line_with_several_employments_keeps_them_apart() -> None:
    graph = graph_of(one(employments=employment(days="500") + employment(days="400")))
    relations = graph.objects(node("it"), LOON.arbeidsrelatie)
    assert relations == (node("employment-1"), node("employment-2"))
    assert graph.text(node("employment-2"), V.daysPerWeek) == "4.00"


def test_without_an_enterprise_number_the_social_security_number_identifies() -> None:
    graph = graph_of(one(enterprise=""))
    assert graph.value(node("employment-1"), LOON.werkgever) == node("employer")
    assert graph.value(node("employer"), V.nssoNumber) == Literal("4471902635")
    assert graph.value(node("employer"), ROV.registration) is None


@pytest.mark.parametrize(
    ("values", "warning"),
    [
        ({"enterprise": "<Ondernemingsnummer>0761348249</Ondernemingsnummer>"}, "enterprise-check-digits"),
        ({"enterprise": "<Ondernemingsnummer>761348248</Ondernemingsnummer>"}, "enterprise-number-unreadable"),
        ({"begin": "2026-06-30"}, "period-outside-quarter"),
        ({"end": "2026-10-01"}, "period-outside-quarter"),
        ({"regime": "1", "employments": employment(days="400")}, "five-day-week-expected"),
        ({"employments": employment(contract="1")}, "part-time-with-full-hours"),
    ],
)
def test_what_looks_odd_is_a_warning(values: dict[str, Any], warning: str) -> None:
    assert one(**values).warnings == (warning,)
    assert one().warnings == ()


@pytest.mark.parametrize(
    ("code", "status"),
    [("0", "valid"), ("1", "valid"), ("3", "valid"), ("", "valid"), ("2", "withdrawn")],
)
def test_the_status_is_told_by_its_code(code: str, status: str) -> None:
    item = one(status=code)
    assert item.status is ItemStatus(status)
    ended = graph_of(item).value(node("it"), ADMS.status)
    assert ended == Iri(f"http://purl.org/adms/status/{'Withdrawn' if status == 'withdrawn' else 'Completed'}")


def test_an_unknown_status_is_refused() -> None:
    assert items(attest(status="9")) == (Refused(1, "status-unknown"),)


def test_a_statement_of_somebody_else_is_refused() -> None:
    assert items(attest(person="88520311864"), attest(number="2"))[0] == Refused(1, "foreign-person")


def test_a_number_that_changed_is_followed_and_told() -> None:
    item = one(person="88520311864", former=f"<VorigINSZ>{LOTTE}</VorigINSZ>")
    assert "person-number-changed" in item.warnings


def test_a_version_with_a_successor_is_superseded_and_its_successor_is_the_head() -> None:
    found = sample_items("dmfa-quarters.xml", LOTTE)
    assert [item.status.value for item in found if isinstance(item, Derived)] == [
        "withdrawn", "valid", "valid", "valid", "superseded", "valid",
    ]  # fmt: skip
    head = found[5]
    assert isinstance(head, Derived)
    assert (head.reference, head.mutation, head.replaces) == ("6104471105", "6104479905", ())


def test_a_chain_that_joins_numbers_and_quarters_is_followed_and_told() -> None:
    found = items(
        attest(number="10", version="100", quarter="20261", chain="<Volgende>200</Volgende>"),
        attest(number="20", version="200", quarter="20262", chain="<Vorige>100</Vorige><Volgende>300</Volgende>"),
        attest(number="30", version="300", quarter="20262", chain="<Vorige>200</Vorige>"),
    )
    head = found[2]
    assert isinstance(head, Derived)
    assert head.replaces == ("20", "10")
    assert {"chain-joins-numbers", "chain-joins-quarters"} <= set(head.warnings)


def test_a_chain_that_bites_its_tail_ends() -> None:
    found = items(
        attest(number="1", version="1", chain="<Vorige>2</Vorige>"),
        attest(number="2", version="2", chain="<Vorige>1</Vorige>"),
    )
    assert [item.replaces for item in found if isinstance(item, Derived)] == [("2",), ("1",)]


def test_a_predecessor_outside_the_answer_is_told() -> None:
    assert "predecessor-elsewhere" in one(chain="<Vorige>77</Vorige>").warnings


def test_further_pages_are_not_lost_without_a_sign() -> None:
    assert not more_follows(dmfa_message(attest()))
    assert more_follows(dmfa_message(attest(), more="<VolgendAttest>2</VolgendAttest>"))
