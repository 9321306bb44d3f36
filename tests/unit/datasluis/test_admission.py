"""What a request must say, under each profile, and how a refusal names all of it at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from tests.lock import BELGIUM, DAY, DPV, GDPR, NOON, a_participant, a_question, shipped, the_terms, webid_of
from vault.datasluis.admission import Admitted, DraftTerms, RequestDraft, check_admitted, named_types
from vault.datasluis.registry import Admission
from vault.datasluis.requests import Asked
from vault.errors import Malformed


def _admit(draft: RequestDraft, admission: Admission = Admission.STRICT) -> Admitted:
    return check_admitted(draft, participant=a_participant(admission=admission), catalogue=shipped(), now=NOON)


def _refused(draft: RequestDraft, admission: Admission = Admission.STRICT) -> tuple[object, object]:
    with pytest.raises(Malformed) as refused:
        _admit(draft, admission)
    assert refused.value.reason == "request-incomplete"
    return refused.value.facts["missing"], refused.value.facts["forbidden"]


BARE = RequestDraft(webid_of("lotte"), (Asked("diploma", ("title",)),))
EVERYTHING = [
    "purpose",
    "until",
    "terms.legalBasis",
    "terms.retention",
    "terms.locations",
    "terms.jurisdiction",
    "terms.notice",
    "terms.recipients",
]


def test_a_complete_question_is_admitted_as_it_is() -> None:
    admitted = _admit(a_question())
    assert admitted.warnings == ()
    assert admitted.terms.unstated == ()
    assert admitted.asked == a_question().asked
    assert admitted.terms.legal_basis == f"{GDPR}A6-1-b-enter-into-contract"


@pytest.mark.requirement("D23")
def test_strict_names_every_missing_member_in_one_answer() -> None:
    assert _refused(BARE) == (EVERYTHING, [])


def test_compatible_takes_the_same_question_and_keeps_what_was_not_said() -> None:
    admitted = _admit(BARE, Admission.COMPATIBLE)
    assert list(admitted.warnings) == EVERYTHING
    assert list(admitted.terms.unstated) == EVERYTHING


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"purpose": None}, ["purpose"]),
        ({"purpose": ""}, ["purpose"]),
        ({"until": None}, ["until"]),
        ({"asked": ()}, ["data"]),
        ({"asked": (Asked("diploma", ()),)}, ["data"]),
        ({"terms": the_terms(legal_basis=None)}, ["terms.legalBasis"]),
        ({"terms": the_terms(retention=None)}, ["terms.retention"]),
        ({"terms": the_terms(recipients=None)}, ["terms.recipients"]),
        ({"terms": the_terms(locations=())}, ["terms.locations"]),
        ({"terms": the_terms(jurisdiction=None)}, ["terms.jurisdiction"]),
        ({"terms": the_terms(notice=None)}, ["terms.notice"]),
        (
            {"terms": the_terms(notice=None, retention=None), "until": None},
            ["until", "terms.retention", "terms.notice"],
        ),
    ],
)
def test_each_member_that_strict_asks_is_missed(changes: dict[str, Any], missing: list[str]) -> None:
    assert _refused(replace(a_question(), **changes)) == (missing, [])


def test_an_empty_list_of_recipients_says_nobody_and_is_not_missing() -> None:
    assert _admit(a_question(terms=the_terms(recipients=()))).terms.recipients == ()


@pytest.mark.parametrize(
    ("changes", "forbidden"),
    [
        ({"purpose": f"{DPV}HiringManagement"}, ["purpose"]),
        ({"purpose": "https://hr.example/our-own-purpose"}, ["purpose"]),
        ({"purpose": "not an iri"}, ["purpose"]),
        ({"until": NOON + 91 * DAY}, ["until"]),
        ({"until": NOON}, ["until"]),
        ({"until": datetime(2026, 12, 1)}, ["until"]),
        ({"until": datetime.fromisoformat("9999-12-31T23:59:59-12:00")}, ["until"]),
        ({"asked": (Asked("passport", ("number",)),)}, ["data[0].type"]),
        ({"asked": (Asked("diploma", ("title",)), Asked("diploma", ("date",)))}, ["data[1].type"]),
        ({"asked": (Asked("diploma", ("title", "shoe-size")),)}, ["data[0].shoe-size"]),
        ({"asked": (Asked("diploma", ("title",), ("title",)),)}, ["data[0].title"]),
        ({"asked": (Asked("diploma", ("*",)),)}, ["data[0].*"]),
        ({"terms": the_terms(legal_basis="because")}, ["terms.legalBasis"]),
        ({"terms": the_terms(legal_basis=f"{GDPR}A6-1-z")}, ["terms.legalBasis"]),
        ({"terms": the_terms(retention="six months")}, ["terms.retention"]),
        ({"terms": the_terms(locations=(BELGIUM, "https://w3id.org/dpv/loc#XX"))}, ["terms.locations[1]"]),
        ({"terms": the_terms(locations=("Belgium",))}, ["terms.locations[0]"]),
        ({"terms": the_terms(jurisdiction="https://w3id.org/dpv/loc#Atlantis")}, ["terms.jurisdiction"]),
        ({"terms": the_terms(notice="javascript:alert(1)")}, ["terms.notice"]),
        ({"terms": the_terms(notice="privacy.html")}, ["terms.notice"]),
        ({"terms": the_terms(notice="https://hr.example/\u202egnp")}, ["terms.notice"]),
        ({"terms": the_terms(recipients=tuple("abcdefghijklmnopqrstuvwxyz"))}, ["terms.recipients"]),
        ({"terms": the_terms(recipients=(" ", "\u202e\u200b"))}, ["terms.recipients"]),
    ],
)
def test_each_member_that_says_what_it_may_not_is_named(changes: dict[str, Any], forbidden: list[str]) -> None:
    assert _refused(replace(a_question(), **changes)) == ([], forbidden)


def test_missing_and_forbidden_are_told_together() -> None:
    wrong = a_question(purpose=f"{DPV}HiringManagement", terms=the_terms(notice=None, retention="soon"))
    assert _refused(wrong) == (["terms.notice"], ["terms.retention", "purpose"])


def test_compatible_takes_an_unknown_purpose_with_a_warning_but_not_what_it_cannot_understand() -> None:
    own = a_question(purpose="https://hr.example/our-own-purpose")
    assert _admit(own, Admission.COMPATIBLE).warnings == ("purpose",)
    assert _refused(a_question(asked=(Asked("passport", ("number",)),)), Admission.COMPATIBLE) == ([], ["data[0].type"])
    assert _refused(a_question(asked=()), Admission.COMPATIBLE) == (["data"], [])


def test_compatible_has_no_contract_that_limits_the_end() -> None:
    assert _admit(a_question(until=NOON + 900 * DAY), Admission.COMPATIBLE).warnings == ()


def test_no_profile_takes_an_end_that_no_calendar_shows() -> None:
    for end in ("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00"):
        far = a_question(purpose=None, until=datetime.fromisoformat(end))
        assert _refused(far, Admission.COMPATIBLE) == ([], ["until"])


def test_a_data_type_may_be_named_by_its_iri() -> None:
    iri = shipped().data_types["diploma"].iri
    named = named_types(a_question(asked=(Asked(iri, ("title",)),)), shipped())
    assert named.asked == (Asked("diploma", ("title",)),)


def test_the_organisations_own_words_are_cleaned_and_cut() -> None:
    terms = the_terms(
        reason="Line\none\u202e " + "x" * 9000, consequence=" \n ", recipients=("Pay\x07roll\r\nbv", "\u200b")
    )
    kept = _admit(a_question(terms=terms)).terms
    assert kept.reason is not None
    assert kept.reason.startswith("Line one x")
    assert len(kept.reason) == 500
    assert kept.consequence is None
    assert kept.recipients == ("Payroll bv",)


def test_no_terms_at_all_is_the_same_as_saying_nothing() -> None:
    assert DraftTerms() == BARE.terms
