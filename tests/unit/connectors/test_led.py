"""LED GeefBewijs → diplomas, row by row of the mapping table."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.unit.connectors.messages import led_message, sample_items
from vault.connectors.items import BRUSSELS, Derived, Item, ItemStatus, Refused, Whose
from vault.connectors.led import diplomas
from vault.rdf.graph import ADMS, DCT, ELM, LC, RDF, ROV, SKOS, XSD, Graph, Iri, Literal, lang, typed

LOTTE = "94451222456"
DOC = "https://vault.example/lotte/diplomas/x"
ME = "https://vault.example/lotte/profile/card#me"
LCL = "https://solid.data.vlaanderen.be/id/concept/Leercredential-"


def node(fragment: str) -> Iri:
    return Iri(f"{DOC}#{fragment}")


def graph_of(item: Item) -> Graph:
    assert isinstance(item, Derived)
    return item.build(DOC, ME)


def first(**values: str) -> Item:
    return diplomas(led_message(**values), lambda number: Whose.OWN if number == LOTTE else Whose.FOREIGN)[0]


def test_a_bachelor_has_its_title_level_body_and_date() -> None:
    graph = graph_of(sample_items("led-diplomas.xml", LOTTE)[0])
    assert graph.value(node("it"), RDF.type) == ELM.LearningAchievement
    assert graph.value(node("it"), DCT.title) == lang("Professionele bachelor in de toegepaste informatica", "nl")
    assert graph.value(node("qualification"), ELM.EQFLevel) == Iri("http://data.europa.eu/snb/eqf/6")
    assert graph.value(node("qualification"), ELM.NQFLevel) == Iri(f"{LCL}VKSNiveauOnderwijskwalificatie/6")
    assert graph.value(node("institution"), ROV.legalName) == lang("Hogeschool Scheldemonding", "nl")
    assert graph.value(node("award"), ELM.awardingDate) == typed("2015-06-26", XSD.date)
    assert graph.value(node("it"), LC.uitgever) == Iri(f"{LCL}Leverancier/OVO001957-HogerOnderwijs")
    assert graph.value(node("it"), LC.authenticiteit) == Iri(f"{LCL}Authenticiteit/Authentiek")
    assert graph.value(node("it"), DCT.type) == Iri(f"{LCL}Bewijstype/Diploma")
    assert graph.value(node("it"), ADMS.status) == Iri("http://purl.org/adms/status/Completed")
    assert graph.value(Iri(ME), ELM.hasClaim) == node("it")


def test_the_three_references_keep_their_schemes() -> None:
    graph = graph_of(sample_items("led-diplomas.xml", LOTTE)[0])
    named = {
        graph.text(one, ELM.schemeName): graph.text(one, SKOS.notation)
        for one in graph.objects(node("it"), ADMS.identifier)
        if isinstance(one, Iri)
    }
    assert named["LED Bewijsreferte"] == "5d0f7a52-0c41-4a8e-8f6e-1b7c3c90a101"
    assert set(named) == {"LED Bewijsreferte", "LED Bewijsmutatiereferte", "Leverancier Bewijsreferte"}


def test_the_modification_carries_the_offset_of_brussels_on_that_day() -> None:
    summer, autumn = sample_items("led-diplomas.xml", LOTTE)
    assert graph_of(summer).text(node("it"), DCT.modified) == "2015-07-04T03:12:45.118+02:00"
    winter = first(Datum="14.02.2014", Tijd="11:09:25.840")
    assert graph_of(winter).text(node("it"), DCT.modified) == "2014-02-14T11:09:25.840+01:00"
    assert isinstance(autumn, Derived)
    assert autumn.modified == datetime(2012, 9, 11, 5, 40, 2, 731000, tzinfo=BRUSSELS)
    assert "#" not in repr(autumn)


def test_a_missing_full_name_falls_back_to_the_description_then_to_kind_and_programme() -> None:
    secondary = graph_of(sample_items("led-diplomas.xml", LOTTE)[1])
    described = lang("Diploma ASO 3de graad Secundair onderwijs Economie-moderne talen", "nl")
    assert secondary.value(node("it"), DCT.title) == described
    assert secondary.value(node("it"), DCT.description) == described
    bare = graph_of(first(VolledigeNaam="Niet beschikbaar", BewijsOmschrijving="Niet beschikbaar"))
    assert bare.value(node("it"), DCT.title) == lang("Diploma Informatica", "nl")
    assert bare.value(node("it"), DCT.description) is None


def test_nobodys_national_number_is_written() -> None:
    for item in sample_items("led-diplomas.xml", LOTTE):
        assert all(LOTTE not in str(one) for one in graph_of(item))
        assert LOTTE not in repr(item)


def test_a_certificate_that_names_another_person_is_refused_and_the_others_go_on() -> None:
    mine, other = sample_items("led-other-person.xml", LOTTE)
    assert isinstance(mine, Derived)
    assert other == Refused(2, "foreign-person")


def test_a_certificate_without_a_person_is_refused() -> None:
    assert first(INSZ="") == Refused(1, "foreign-person")


def test_sample_mode_takes_in_another_persons_certificate_and_says_so_in_the_document() -> None:
    item = diplomas(led_message(INSZ="88520311864"), lambda _: Whose.SAMPLE)[0]
    assert isinstance(item, Derived)
    assert "sample-person" in item.warnings
    graph = item.build(DOC, ME)
    assert any("iemand anders" in str(one.object) for one in graph.match(None, ELM.noteLiteral))


def test_cancelled_is_withdrawn_and_an_unknown_status_is_refused() -> None:
    changed, cancelled = sample_items("led-changed-and-cancelled.xml", LOTTE)
    assert isinstance(changed, Derived)
    assert changed.status is ItemStatus.VALID
    assert isinstance(cancelled, Derived)
    assert cancelled.status is ItemStatus.WITHDRAWN
    assert graph_of(cancelled).value(node("it"), ADMS.status) == Iri("http://purl.org/adms/status/Withdrawn")
    assert first(Status="7") == Refused(1, "status-unknown")


@pytest.mark.parametrize("reference", ["", "../../secret", "a/b", "x.acl y", "a\u2028b", "a" * 200, ".hidden"])
def test_a_reference_that_is_no_plain_name_is_refused(reference: str) -> None:
    assert first(Bewijsreferte=reference) == Refused(1, "reference-unreadable")


@pytest.mark.parametrize(
    ("year", "month", "day", "value", "warning"),
    [
        ("2015", "06", "26", typed("2015-06-26", XSD.date), None),
        ("2015", "6", "", typed("2015-06", XSD.gYearMonth), "date-partial"),
        ("1999", "", "", typed("1999", XSD.gYear), "date-partial"),
        ("1800", "01", "01", None, "date-unknown"),
        ("1800", "06", "30", None, "date-unknown"),
        ("", "", "", None, "date-unknown"),
        ("2015", "13", "01", None, "date-unreadable"),
        ("2015", "02", "30", None, "date-unreadable"),
        ("15", "", "", None, "date-unreadable"),
    ],
)
def test_a_date_is_as_exact_as_the_source_knows_it(
    year: str, month: str, day: str, value: Literal | None, warning: str | None
) -> None:
    item = first(Jaar=year, Maand=month, Dag=day)
    assert isinstance(item, Derived)
    assert graph_of(item).value(node("award"), ELM.awardingDate) == value
    assert (warning is None) or warning in item.warnings
    assert (warning is not None) or not item.warnings


def test_own_word_is_marked_and_an_unknown_authenticity_is_not_taken_for_proven() -> None:
    odd = sample_items("led-odd-values.xml", "68471533403")
    assert [isinstance(item, Derived) and item.self_declared for item in odd] == [True, False, False, False]
    unknown = first(Authenticiteit="Iets nieuws")
    assert isinstance(unknown, Derived)
    assert unknown.self_declared
    assert "unknown-authenticiteit" in unknown.warnings


def test_stray_white_space_changes_nothing() -> None:
    graph = graph_of(sample_items("led-odd-values.xml", "68471533403")[1])
    assert graph.value(node("it"), DCT.title) == lang("Licentiaat in de wiskunde", "nl")
    assert graph.value(node("qualification"), ELM.EQFLevel) == Iri("http://data.europa.eu/snb/eqf/7")
    assert graph.value(node("qualification"), DCT.title) == lang("Wiskunde; Statistiek", "nl")
    assert graph.value(node("institution"), ROV.legalName) == lang("Universiteit Oosterpoort", "nl")
    assert graph.value(node("award-address"), ELM.countryCode) == Iri(
        "http://publications.europa.eu/resource/authority/country/BEL"
    )
    assert Iri(f"{LCL}Graad/Licentiaat") in graph.objects(node("qualification"), DCT.type)


def test_an_unknown_kind_is_imported_as_a_note_and_never_guessed() -> None:
    item = sample_items("led-odd-values.xml", "68471533403")[2]
    assert isinstance(item, Derived)
    assert "unknown-bewijstype" in item.warnings
    graph = graph_of(item)
    assert graph.value(node("it"), DCT.type) is None
    assert any(one.object == lang("Bewijstype: Vakmanspenning", "nl") for one in graph.match(None, ELM.noteLiteral))


def test_a_paper_from_abroad_is_not_called_dutch() -> None:
    graph = graph_of(sample_items("led-odd-values.xml", "68471533403")[3])
    assert graph.value(node("it"), DCT.title) == lang("Bachelor of Engineering (Honours)", "und")
    assert graph.value(node("qualification"), DCT.language) == Iri(
        "http://publications.europa.eu/resource/authority/language/ENG"
    )


def test_placeholders_give_no_triple_but_the_mandatory_name_says_openly_that_none_was_given() -> None:
    graph = graph_of(sample_items("led-odd-values.xml", "68471533403")[0])
    assert graph.value(node("institution"), ROV.legalName) == lang("Niet meegedeeld", "nl")
    assert graph.value(node("institution"), DCT.type) is None
    assert graph.value(node("institution"), ADMS.identifier) is None
    assert graph.value(node("qualification"), ELM.EQFLevel) is None
    assert not any("Niet beschikbaar" in str(one) or "NBS" in str(one) for one in graph)


def test_a_code_is_looked_up_by_notation_not_built_from_the_label() -> None:
    graph = graph_of(first(Instantie="Centrum voor Volwassenenonderwijs (CVO)", Graad="1ste graad"))
    assert graph.value(node("institution"), DCT.type) == Iri(f"{LCL}Instantie/CentrumVoorVolwassenenonderwijs")
    assert Iri(f"{LCL}Graad/1SteGraad") in graph.objects(node("qualification"), DCT.type)


def test_isced_1997_never_becomes_an_isced_f_code() -> None:
    graph = graph_of(sample_items("led-diplomas.xml", LOTTE)[0])
    assert set(graph.objects(node("qualification"), ELM.educationSubject)) == {
        Iri(f"{LCL}Onderwerp/481001"),
        Iri(f"{LCL}ISCEDStudiegebied/481"),
    }
    assert graph.value(node("qualification"), ELM.ISCEDFCode) is None


def test_teaching_periods_are_a_note_and_no_volume_of_learning() -> None:
    graph = graph_of(sample_items("led-other-person.xml", LOTTE)[0])
    assert not list(graph.match(None, ELM.volumeOfLearning))
    assert any("120" in str(one.object) for one in graph.match(None, ELM.noteLiteral))
    assert graph.value(node("qualification"), ELM.isPartialQualification) == typed("true", XSD.boolean)


def test_wrong_check_digits_are_a_warning_and_no_refusal() -> None:
    item = diplomas(led_message(INSZ="94451222457"), lambda _: Whose.OWN)[0]
    assert isinstance(item, Derived)
    assert item.warnings == ("person-check-digits",)


def test_elements_that_no_table_knows_are_counted() -> None:
    assert isinstance(known := first(), Derived)
    assert known.ignored == 0
    assert isinstance(grown := first(extra="<Finaliteit><Nieuw>x</Nieuw></Finaliteit>"), Derived)
    assert grown.ignored == 2


def test_newer_members_of_the_schema_are_mapped() -> None:
    graph = graph_of(
        first(
            extra="<GeneriekSupplement><Supplement><Leeruitkomsten><Leeruitkomst>Lassen</Leeruitkomst></Leeruitkomsten>"
            "</Supplement></GeneriekSupplement>",
            derived="<ISCEDStudiegebied2013><Code>0613</Code></ISCEDStudiegebied2013>",
        )
    )
    assert graph.value(node("qualification"), ELM.ISCEDFCode) == Iri("http://data.europa.eu/snb/isced-f/0613")
    assert only(graph.objects(node("outcome-1"), DCT.title)) == lang("Lassen", "nl")


def test_the_original_bytes_of_one_certificate_are_exactly_its_element() -> None:
    message = led_message()
    item = diplomas(message, lambda _: Whose.OWN)[0]
    assert isinstance(item, Derived)
    cut = message.slice(item.span)
    assert cut.startswith(b"<Bewijs>")
    assert cut.endswith(b"</Bewijs>")
    assert message.original.count(cut) == 1


def only(found: tuple[object, ...]) -> object:
    assert len(found) == 1
    return found[0]
