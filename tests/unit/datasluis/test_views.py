"""A view holds the granted fields, the types on the way and the marks; pages get values in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.house.tree import ROOT
from vault.config import Limits
from vault.datasluis.catalogue import DataType, Field, FieldKind
from vault.datasluis.catalogue_files import read_catalogue
from vault.datasluis.views import Shown, minimise, show, subject_of, view_graph
from vault.errors import Unprocessable
from vault.rdf.graph import ELM, LC, RDF, Graph, Iri, Literal, triple
from vault.rdf.syntax import parse
from vault.values import TURTLE

MESSAGES = ROOT / "examples/manage_my_career/messages"
DOC = "https://vault.example/lotte/diplomas/master"
VIEW = "https://vault.example/datasluis/view/g1/k1"
CATALOGUE = read_catalogue()
DIPLOMA = CATALOGUE.data_types["diploma"]
WAGE = CATALOGUE.data_types["wage"]


def read(name: str) -> Graph:
    return parse((MESSAGES / name).read_bytes(), TURTLE, base=DOC, limits=Limits())


def node(fragment: str) -> Iri:
    return Iri(f"{DOC}#{fragment}")


def shown(name: str, data_type: DataType) -> dict[str, Shown]:
    return {one.key: one for one in show(read(name), node("it"), data_type, CATALOGUE)}


def test_a_view_has_exactly_the_granted_fields_types_and_marks() -> None:
    view = minimise(read("diploma-master.ttl"), node("it"), DIPLOMA, ["title", "date"])
    assert {(str(one.subject), str(one.predicate)) for one in view} == {
        (str(node("it")), str(RDF.type)),
        (str(node("it")), "<http://purl.org/dc/terms/title>"),
        (str(node("it")), str(ELM.awardedBy)),
        (str(node("it")), str(LC.authenticiteit)),
        (str(node("it")), "<http://www.w3.org/ns/adms#status>"),
        (str(node("award")), str(RDF.type)),
        (str(node("award")), str(ELM.awardingDate)),
    }


def test_a_grade_that_was_left_out_is_nowhere_in_the_view() -> None:
    graph = read("diploma-master.ttl")
    fields = ["title", "level", "awarding-body", "date"]
    without = minimise(graph, node("it"), DIPLOMA, fields)
    assert "onderscheiding" not in " ".join(map(str, without))
    assert not any(one.predicate in (ELM.provenBy, ELM.grade) for one in without)
    assert "onderscheiding" in " ".join(map(str, minimise(graph, node("it"), DIPLOMA, [*fields, "grade"])))


def test_a_field_that_the_type_does_not_know_gives_nothing() -> None:
    graph = read("diploma-master.ttl")
    assert minimise(graph, node("it"), DIPLOMA, ["everything", "*", ""]) == minimise(graph, node("it"), DIPLOMA, [])


def test_without_any_field_only_type_and_marks_leave() -> None:
    view = minimise(read("diploma-master.ttl"), node("it"), DIPLOMA, [])
    assert {str(one.subject) for one in view} == {str(node("it"))}
    assert len(view) == 3


def test_two_fields_on_one_node_do_not_open_each_other() -> None:
    view = minimise(read("diploma-master.ttl"), node("it"), DIPLOMA, ["awarding-body"])
    assert not list(view.match(None, ELM.awardingDate))
    assert list(view.match(None, ELM.awardingBody))


def test_a_path_that_ends_nowhere_leaves_no_trace() -> None:
    graph = Graph.of(one for one in read("diploma-master.ttl") if one.predicate != ELM.noteLiteral)
    assert not list(minimise(graph, node("it"), DIPLOMA, ["grade"]).match(None, ELM.provenBy))


def test_a_circle_in_the_data_ends() -> None:
    knows = "urn:knows"
    circle = DataType(
        "c", "urn:c", "urn:C", "c.ttl", "c/", {}, {}, (Field("k", {}, ((knows, knows, knows),)),), always=()
    )
    a, b = Iri("urn:a"), Iri("urn:b")
    graph = Graph.of([triple(a, Iri(knows), b), triple(b, Iri(knows), a), triple(b, Iri("urn:other"), a)])
    assert len(minimise(graph, a, circle, ["k"])) == 2


def test_a_view_is_named_after_itself_and_not_after_the_document() -> None:
    view = view_graph(
        read("diploma-master.ttl"), document_url=DOC, view_url=VIEW, data_type=DIPLOMA, fields=["title", "date"]
    )
    assert DOC not in " ".join(map(str, view))
    assert view.value(Iri(f"{VIEW}#it"), ELM.awardedBy) == Iri(f"{VIEW}#award")


def test_a_document_of_another_kind_gives_no_view() -> None:
    with pytest.raises(Unprocessable):
        view_graph(read("payslip-2026-09.ttl"), document_url=DOC, view_url=VIEW, data_type=DIPLOMA, fields=["title"])


def test_the_subject_is_it_or_the_only_one_of_its_class() -> None:
    graph = read("diploma-master.ttl")
    assert subject_of(graph, DOC, DIPLOMA) == node("it")
    assert subject_of(graph.rebased(DOC, "urn:elsewhere"), DOC, DIPLOMA) == Iri("urn:elsewhere#it")
    two = graph.rebased(DOC, "urn:elsewhere") | graph.rebased(DOC, "urn:other")
    assert subject_of(two, DOC, DIPLOMA) is None
    assert subject_of(graph, DOC, WAGE) is None


def test_codes_are_shown_by_their_names_in_the_readers_language() -> None:
    level = shown("diploma-master.ttl", DIPLOMA)["level"].values[0]
    assert level.in_language("nl") == "niveau 7 (Europees kader)"
    assert level.in_language("fr") == "niveau 7 (cadre européen)"
    assert level.iri == "http://data.europa.eu/snb/eqf/7"


def test_a_text_in_several_languages_is_one_value() -> None:
    (title,) = shown("diploma-master.ttl", DIPLOMA)["title"].values
    assert title.in_language("nl") == "Master of Science in de bedrijfsinformatica"
    assert title.in_language("en") == "Master of Science in Business Informatics"
    assert title.in_language("de") == "Master of Science in Business Informatics"


def test_a_code_that_nobody_named_is_shown_by_its_end() -> None:
    nameless = replace(CATALOGUE, concepts={})
    fields = show(read("diploma-master.ttl"), node("it"), DIPLOMA, nameless)
    (code,) = [v for one in fields if one.key == "field-of-study" for v in one.values if v.iri]
    assert code.text == "0688"


def test_a_grade_is_marked_sensitive() -> None:
    assert shown("diploma-master.ttl", DIPLOMA)["grade"].sensitive
    assert not shown("diploma-master.ttl", DIPLOMA)["title"].sensitive


def test_fields_without_a_value_are_not_shown_and_the_others_keep_the_catalogues_order() -> None:
    keys = list(shown("payslip-2026-10.ttl", WAGE))
    assert "holiday-pay" not in keys
    assert keys == [one.key for one in WAGE.fields if one.key in keys]


@pytest.mark.parametrize(
    ("key", "nl", "en"),
    [
        ("gross", "€ 3.630,00", "€3,630.00"),
        ("bonus", "€ 150,00", "€150.00"),
        ("period", "1 oktober 2026 – 31 oktober 2026", "1 October 2026 – 31 October 2026"),
        ("contract-period", "sinds 1 februari 2024", "since 1 February 2024"),
        ("hours-per-week", "38", "38"),
        ("meal-vouchers", "ja", "yes"),
        ("company-car", "nee", "no"),
        ("contract", "voltijds", "full time"),
        ("employer", "Rederij Noordereiland nv", "Rederij Noordereiland nv"),
        ("employer-number", "0761348248", "0761348248"),
    ],
)
def test_a_payslip_is_shown_in_words(key: str, nl: str, en: str) -> None:
    (value,) = shown("payslip-2026-10.ttl", WAGE)[key].values
    assert (value.in_language("nl"), value.in_language("en")) == (nl, en)


def test_two_amounts_of_one_field_keep_their_own_currency() -> None:
    text = (MESSAGES / "payslip-2026-10.ttl").read_text(encoding="utf-8")
    text = text.replace("loon:premie <#bonus>", "loon:premie <#bonus> , <#second>")
    text += "<#second> a schema:MonetaryAmount ; schema:value 20.5 ; schema:currency cur:CHF ."
    graph = parse(text.encode(), TURTLE, base=DOC, limits=Limits())
    bonus = {one.key: one for one in show(graph, node("it"), WAGE, CATALOGUE)}["bonus"]
    assert {value.in_language("en") for value in bonus.values} == {"€150.00", "CHF 20.50"}


def test_a_value_of_no_known_form_is_shown_as_it_is() -> None:
    kinds = {FieldKind.DATE: "yesterday", FieldKind.NUMBER: "many", FieldKind.BOOLEAN: "perhaps"}
    for kind, text in kinds.items():
        odd = DataType("o", "urn:o", "urn:O", "o.ttl", "o/", {}, {}, (Field("f", {}, (("urn:p",),), kind),), always=())
        graph = Graph.of([triple(Iri("urn:s"), Iri("urn:p"), Literal(text))])
        (one,) = show(graph, Iri("urn:s"), odd, CATALOGUE)
        assert [value.text for value in one.values] == [text]


def test_every_text_that_would_leave_is_shown_when_two_are_in_one_language() -> None:
    """Tags that differ in their region are one language to a reader, and two values of the view."""
    text = "<#it> a <http://data.europa.eu/snb/model/elm/LearningAchievement>; <http://purl.org/dc/terms/title> "
    graph = parse((text + '"Een"@nl, "Twee"@nl-BE, "One"@en.').encode(), TURTLE, base=DOC, limits=Limits())
    title = next(one for one in show(graph, node("it"), DIPLOMA, CATALOGUE) if one.key == "title")
    assert {value.in_language("nl") for value in title.values} == {"Een", "Twee", "One"}


@pytest.mark.requirement("UX-30")
@pytest.mark.parametrize("name", sorted(path.name for path in MESSAGES.glob("*.ttl")))
def test_no_page_shows_a_code_of_our_samples_without_a_name(name: str) -> None:
    graph = read(name)
    data_type = next(one for one in CATALOGUE.data_types.values() if graph.subjects(RDF.type, Iri(one.class_iri)))
    codes = [
        value
        for one in show(graph, node("it"), data_type, CATALOGUE)
        if one.kind is FieldKind.CODE
        for value in one.values
    ]
    assert [value.iri for value in codes if isinstance(value.text, str)] == []


@pytest.mark.requirement("UX-30")
def test_every_field_of_isced_f_has_a_name_and_stands_in_a_wider_one() -> None:
    base = "http://data.europa.eu/snb/isced-f/"
    codes = {iri.removeprefix(base) for iri in CATALOGUE.concepts if iri.startswith(base)}
    assert {len(code) for code in codes} == {2, 3, 4}
    assert [code for code in sorted(codes) if len(code) > 2 and code[:-1] not in codes] == []
    assert sum(len(code) == 2 for code in codes) == 12
