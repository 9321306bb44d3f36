"""The catalogue as it ships, how it is read, and what is narrower than what."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from vault.datasluis.catalogue import (
    LANGUAGES,
    SENTENCE_WORDS,
    TRIGGERS,
    Catalogue,
    CatalogueError,
    RuleClass,
    asks_for,
    is_narrower,
    parse_catalogue,
)
from vault.datasluis.catalogue_files import default_folder, read_catalogue
from vault.rdf.shapes import load_shapes

DPV = "https://w3id.org/dpv#"
PD = "https://w3id.org/dpv/pd#"
LOC = "https://w3id.org/dpv/loc#"
V = "https://w3id.org/datakluis/v1#"
CATALOGUE = read_catalogue()


def files() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in default_folder().iterdir() if path.suffix in (".json", ".ttl")}


def changed(name: str, change: Any) -> dict[str, bytes]:
    found = files()
    tree = json.loads(found[name])
    change(tree)
    return {**found, name: json.dumps(tree).encode()}


def refused(found: dict[str, bytes]) -> str:
    with pytest.raises(CatalogueError) as error:
        parse_catalogue(found)
    return str(error.value)


def test_the_first_three_kinds_of_document_are_there_with_their_shapes() -> None:
    assert set(CATALOGUE.data_types) == {"diploma", "employment", "wage"}
    for data_type in CATALOGUE.data_types.values():
        load_shapes(CATALOGUE.shapes[data_type.shape])
        assert data_type.container.endswith("/")
        assert CATALOGUE.data_type(data_type.iri) is data_type


def test_a_company_can_ask_the_fields_of_the_demo() -> None:
    diploma = CATALOGUE.data_types["diploma"]
    for key in ("title", "level", "awarding-body", "date", "grade"):
        assert diploma.field(key) is not None
    assert diploma.field("national-number") is None


def test_marks_of_provenance_travel_with_every_kind() -> None:
    for data_type in CATALOGUE.data_types.values():
        last = {path[-1] for path in data_type.always}
        assert {
            "http://www.w3.org/1999/02/22-rdf-syntax-ns#type",
            "https://data.vlaanderen.be/ns/leercredential#authenticiteit",
            "http://www.w3.org/ns/adms#status",
        } <= last


@pytest.mark.requirement("UX-02")
def test_every_purpose_says_in_one_short_sentence_what_it_is_for() -> None:
    for purpose in CATALOGUE.purposes.values():
        assert set(purpose.sentence) == set(LANGUAGES)
        assert all(0 < len(text.split()) <= SENTENCE_WORDS for text in purpose.sentence.values())
        assert purpose.max_days <= 366
        assert purpose.enough


def test_the_rules_that_the_present_model_can_judge_are_all_there() -> None:
    ids = [rule.id for rule in CATALOGUE.rules]
    assert ids == ["A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9", "A10", "A11", "A13", "A14"]
    assert all(set(rule.texts) == set(rule.law) == set(LANGUAGES) for rule in CATALOGUE.rules)
    assert {rule.when for rule in CATALOGUE.rules} == TRIGGERS
    assert [rule.id for rule in CATALOGUE.rules if rule.severity is RuleClass.BLOCK] == ["A1", "A7"]


def test_pay_history_names_the_directive() -> None:
    rule = CATALOGUE.rules[0]
    assert rule.slug == "pay-history"
    assert "2023/970" in rule.law["en"]


@pytest.mark.requirement("UX-02")
def test_every_sentence_of_an_advice_can_be_read_in_one_breath() -> None:
    for rule in CATALOGUE.rules:
        for text in rule.texts.values():
            assert all(len(sentence.split()) <= 18 for sentence in re.split(r"(?<=[.:])\s", text)), text


def test_texts_are_set_as_in_print() -> None:
    """The apostrophe is a curved one, and French puts a narrow space before a colon, as the pages do."""
    files = "".join(path.read_text("utf-8") for path in default_folder().glob("*.json"))
    texts = re.findall(r'"(?:nl|fr|de|en)": "(.*?)"', files)
    french = re.findall(r'"fr": "(.*?)"', files)
    assert len(texts) == 4 * len(french)
    assert [text for text in texts if "'" in text] == []
    assert [text for text in french if re.search("[^\u202f]:", text)] == []


@pytest.mark.parametrize(
    "purpose",
    [
        "PersonnelHiring",
        "RecruitmentManagement",
        "RecruitmentApplicantInformationAuthentication",
        "RecruitmentApplicantSelection",
        "RecruitmentApplicantBackgroundCheck",
        "RecruitmentApplicationManagement",
        "RecruitmentApplicationScreening",
    ],
)
def test_every_recruitment_purpose_is_hiring(purpose: str) -> None:
    assert is_narrower(CATALOGUE, DPV + purpose, f"{DPV}PersonnelHiring")
    assert is_narrower(CATALOGUE, DPV + purpose, f"{DPV}PersonnelManagement")


@pytest.mark.parametrize("concept", ["RandstadSollicitatie", "SandboxDataUserDemoJobApplication"])
def test_the_flemish_application_purposes_are_hiring_too(concept: str) -> None:
    iri = f"https://solid.data.vlaanderen.be/id/concept/purpose/{concept}"
    assert is_narrower(CATALOGUE, iri, f"{DPV}PersonnelHiring")


@pytest.mark.parametrize(
    "purpose", [f"{DPV}PersonnelPayment", f"{V}TenantIncomeCheck", f"{V}CreditRequest", f"{V}SocialAllowance"]
)
def test_payroll_renting_credit_and_allowances_are_not_hiring(purpose: str) -> None:
    assert purpose in CATALOGUE.purposes
    assert not is_narrower(CATALOGUE, purpose, f"{DPV}PersonnelHiring")


def test_managing_staff_in_general_cannot_be_named_as_a_purpose() -> None:
    assert f"{DPV}PersonnelManagement" not in CATALOGUE.purposes


def test_wider_is_not_narrower_and_the_unknown_is_only_itself() -> None:
    assert not is_narrower(CATALOGUE, f"{DPV}PersonnelHiring", f"{DPV}RecruitmentManagement")
    assert is_narrower(CATALOGUE, "urn:x", "urn:x")
    assert not is_narrower(CATALOGUE, "urn:x", f"{DPV}PersonnelHiring")


def test_a_circle_of_broader_concepts_ends() -> None:
    circle = Catalogue({}, {}, (), {}, {}, wider={"urn:a": ("urn:b",), "urn:b": ("urn:a",)})
    assert is_narrower(circle, "urn:a", "urn:b")
    assert not is_narrower(circle, "urn:a", "urn:c")


@pytest.mark.parametrize(
    ("place", "inside"), [("BE", True), ("BE-WAL", True), ("NO", True), ("EU", True), ("US", False)]
)
def test_places_know_whether_they_are_in_the_economic_area(place: str, inside: bool) -> None:
    assert is_narrower(CATALOGUE, LOC + place, f"{LOC}EEA") is inside
    assert CATALOGUE.label(LOC + place) is not None


def test_pay_is_found_in_a_payslip_whatever_is_asked_and_in_an_employment_record_only_when_pay_is_asked() -> None:
    pay = (f"{PD}Salary", f"{PD}Income", f"{PD}Tax")
    wage, work = CATALOGUE.data_types["wage"], CATALOGUE.data_types["employment"]
    assert asks_for(CATALOGUE, wage, ["period"], pay)
    assert asks_for(CATALOGUE, work, ["employer", "remuneration"], pay)
    assert not asks_for(CATALOGUE, work, ["employer", "contract-period", "days-worked"], pay)
    assert not asks_for(CATALOGUE, CATALOGUE.data_types["diploma"], ["title", "grade"], pay)


@pytest.mark.parametrize(
    "iri",
    [
        "https://w3id.org/dpv/legal/eu/gdpr#A6-1-b-enter-into-contract",
        "http://data.europa.eu/snb/eqf/6",
        "https://solid.data.vlaanderen.be/id/concept/Leercredential-Bewijstype/Diploma",
        "https://solid.data.vlaanderen.be/id/concept/Leercredential-Authenticiteit/EigenVerklaringOpEer",
        "http://publications.europa.eu/resource/authority/country/AUS",
        "http://publications.europa.eu/resource/authority/language/NLD",
        "http://purl.org/adms/status/Withdrawn",
        f"{V}FullTime",
        f"{DPV}PersonnelPayment",
    ],
)
def test_what_pages_show_has_a_name_in_four_languages(iri: str) -> None:
    labels = CATALOGUE.label(iri)
    assert labels is not None
    assert set(labels) == set(LANGUAGES)


def test_every_code_that_a_diploma_can_get_has_a_name() -> None:
    tree = json.loads((Path(__file__).parents[3] / "vault/connectors/led_codes.json").read_text(encoding="utf-8"))
    without = [
        f"{name}/{tail}"
        for name, codes in tree["lists"].items()
        for tail in codes.values()
        if CATALOGUE.label(f"{tree['base']}{name}/{tail}") is None
    ]
    assert without == []


def test_a_missing_language_is_an_error_that_names_the_place() -> None:
    assert "title" in refused(changed("diploma.json", lambda tree: tree["fields"][0]["labels"].pop("de")))
    assert "A1" in refused(changed("advice.json", lambda tree: tree["rules"][0]["texts"].update(fr=" ")))


def test_every_mistake_is_told_at_once() -> None:
    found = changed("diploma.json", lambda tree: tree.update(shape="none.ttl", container="/a/"))
    found["advice.json"] = b"{"
    found["more.json"] = b'{"kind": "recipe"}'
    said = refused(found)
    for part in ("none.ttl", "container", "advice.json: is not JSON", "more.json"):
        assert part in said


@pytest.mark.parametrize(
    ("name", "change", "part"),
    [
        ("diploma.json", lambda tree: tree["fields"].append(tree["fields"][0]), "twice"),
        ("diploma.json", lambda tree: tree["fields"][0].update(paths=[]), "path"),
        ("diploma.json", lambda tree: tree["fields"][0].update(paths=[["nope:x"]]), "prefix"),
        ("diploma.json", lambda tree: tree["fields"][0].update(kind="picture"), "picture"),
        ("diploma.json", lambda tree: tree.pop("iri"), "iri"),
        ("diploma.json", lambda tree: tree.update(key="wage"), "wage"),
        ("purposes.json", lambda tree: tree["purposes"][0]["enough"].update(diploma=["shoe-size"]), "shoe-size"),
        ("purposes.json", lambda tree: tree["purposes"][0]["enough"].update(house=["rooms"]), "house/rooms"),
        ("purposes.json", lambda tree: tree["purposes"][0]["sentence"].update(nl="woord " * 26), "25 words"),
        ("advice.json", lambda tree: tree["rules"][0].update(when="full-moon"), "full-moon"),
        ("advice.json", lambda tree: tree["rules"].append(tree["rules"][0]), "A1 stands twice"),
    ],
)
def test_a_mistake_is_refused(name: str, change: Any, part: str) -> None:
    assert part in refused(changed(name, change))


def test_a_file_of_the_same_name_in_two_folders_is_refused(tmp_path: Path) -> None:
    (tmp_path / "diploma.json").write_bytes(b"{}")
    with pytest.raises(CatalogueError):
        read_catalogue(default_folder(), tmp_path)
