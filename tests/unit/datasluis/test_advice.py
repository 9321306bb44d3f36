"""The advice rules: each trigger with what meets it and what does not, in the catalogue that is shipped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.lock import APPLICANT, BELGIUM, DAY, DPV, GDPR, NOON, PAYROLL, RENT, a_request, shipped
from vault.datasluis.advice import TRIGGERS, Considered, Hit, advise, blocking, considered_request, days_of, locked
from vault.datasluis.catalogue import LANGUAGES, RuleClass
from vault.datasluis.catalogue import TRIGGERS as NAMED
from vault.datasluis.requests import Asked, RequestState, Terms
from vault.values import RequestId

SALARY = "https://w3id.org/dpv/pd#Salary"
FLEMISH = "https://solid.data.vlaanderen.be/id/concept/purpose/"
LOC = "https://w3id.org/dpv/loc#"

TERMS = Terms(f"{GDPR}A6-1-b", "P6M", (), (BELGIUM,), "https://hr.example/privacy", None, None, jurisdiction=BELGIUM)


def _terms(**changes: Any) -> dict[str, Any]:
    return {"terms": replace(TERMS, **changes)}


def _hits(**changes: Any) -> dict[str, Hit]:
    """The rules that a blameless question meets once these changes are made to it."""
    blameless = Considered(APPLICANT, (Asked("diploma", ("title", "level"), ()),), NOON + 30 * DAY, TERMS, NOON)
    return {hit.rule.id: hit for hit in advise(replace(blameless, **changes), shipped())}


def _asking(*asked: tuple[str, tuple[str, ...]], purpose: str | None = APPLICANT) -> dict[str, Any]:
    return {"asked": tuple(Asked(key, fields) for key, fields in asked), "purpose": purpose}


def test_a_blameless_question_meets_no_rule() -> None:
    assert _hits() == {}


# Rule, what meets it, what comes close and does not.
TABLE: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("A1", _asking(("wage", ("gross",))), _asking(("wage", ("gross",)), purpose=RENT)),
    ("A2", _terms(legal_basis=None), _terms(legal_basis=f"{GDPR}A6-1-f")),
    ("A3", _terms(legal_basis=f"{GDPR}A6-1-a"), _terms(legal_basis=f"{GDPR}A6-1-b")),
    ("A4", _asking(("diploma", ("title", "grade"))), _asking(("diploma", ("title", "date")))),
    ("A5", {"until": NOON + 91 * DAY}, {"until": NOON + 90 * DAY}),
    ("A6", _terms(locations=(f"{LOC}US",)), _terms(locations=(BELGIUM, f"{LOC}NO", f"{LOC}BE-BRU"))),
    ("A7", _asking(("https://w3id.org/dpv/pd#OfficialID", ("number",))), _asking(("diploma", ("title",)))),
    ("A9", _terms(automated_decision=True), _terms(automated_decision=False)),
    ("A10", _terms(recipients=("Payroll bv",)), _terms(recipients=())),
    ("A11", {"admitted": False}, {"admitted": True}),
    ("A13", {"self_declared": True}, {"self_declared": False}),
    ("A14", {"asked_before": frozenset([("diploma", "title")])},
            {"asked_before": frozenset([("diploma", "title"), ("diploma", "level")])}),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "meets", "does_not"), TABLE, ids=[row[0] for row in TABLE])
def test_each_rule_has_its_case_and_its_near_miss(rule: str, meets: dict[str, Any], does_not: dict[str, Any]) -> None:
    assert rule in _hits(**meets)
    assert rule not in _hits(**does_not)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("rule", shipped().rules, ids=lambda rule: str(rule.id))
def test_each_rule_says_what_and_by_which_law_in_each_language(rule: Any, language: str) -> None:
    assert rule.texts[language].strip()
    assert rule.law[language].strip()


def test_every_trigger_that_data_may_name_exists() -> None:
    assert set(TRIGGERS) == set(NAMED)
    assert {rule.when for rule in shipped().rules} <= set(TRIGGERS)


def test_a_rule_with_a_trigger_nobody_knows_always_hits() -> None:
    rule = replace(shipped().rules[0], when="moon-is-full")
    hits = advise(considered_request(a_request(), admitted=True), replace(shipped(), rules=(rule,)))
    assert [hit.rule for hit in hits] == [rule]
    assert locked(hits) == {("diploma", "title"), ("diploma", "date"), ("diploma", "grade")}


RECRUITING = [
    f"{DPV}PersonnelHiring",
    f"{DPV}RecruitmentManagement",
    APPLICANT,
    f"{DPV}RecruitmentApplicantSelection",
    f"{DPV}RecruitmentApplicantBackgroundCheck",
    f"{DPV}RecruitmentApplicationManagement",
    f"{DPV}RecruitmentApplicationScreening",
    f"{FLEMISH}RandstadSollicitatie",
    f"{FLEMISH}SandboxDataUserDemoJobApplication",
]


@pytest.mark.parametrize("purpose", RECRUITING)
@pytest.mark.parametrize(
    ("data_type", "fields"),
    [
        ("wage", ("gross",)),
        ("wage", ("net",)),
        ("wage", ("meal-vouchers",)),
        ("wage", ("period",)),
        ("wage", ("employer",)),
        ("employment", ("remuneration",)),
        ("employment", ("employer", "remuneration-code")),
        (SALARY, ("bracket",)),
        ("https://w3id.org/datakluis/v1#PayslipData", ("gross",)),
    ],
)
def test_pay_history_of_an_applicant_is_blocked_in_every_form(
    purpose: str, data_type: str, fields: tuple[str, ...]
) -> None:
    hit = _hits(**_asking((data_type, fields), purpose=purpose))["A1"]
    assert hit.rule.severity is RuleClass.BLOCK
    assert "2023/970" in hit.rule.law["en"]


def test_employment_history_without_amounts_passes_and_only_the_amount_is_locked() -> None:
    assert "A1" not in _hits(**_asking(("employment", ("employer", "contract-period"))))
    hits = _hits(**_asking(("employment", ("employer", "remuneration"))))
    assert locked(hits.values()) == {("employment", "remuneration")}


@pytest.mark.parametrize("purpose", [RENT, PAYROLL, "https://w3id.org/datakluis/v1#CreditRequest"])
def test_wages_stay_legitimate_for_a_home_a_loan_and_payroll(purpose: str) -> None:
    assert "A1" not in _hits(**_asking(("wage", ("gross", "net")), purpose=purpose))


def test_the_national_number_is_blocked_for_every_purpose_and_without_one() -> None:
    for purpose in (APPLICANT, RENT, None):
        hit = _hits(**_asking(("https://w3id.org/dpv/pd#OfficialID", ("number",)), purpose=purpose))["A7"]
        assert hit.rule.severity is RuleClass.BLOCK


def test_asking_too_much_names_the_surplus_and_what_would_do() -> None:
    hit = _hits(asked=(Asked("diploma", ("title", "date"), ("grade", "credits")),))["A4"]
    assert hit.fields == (("diploma", ("grade", "credits")),)
    assert dict(hit.enough)["diploma"] == ("title", "level", "awarding-body", "date")


def test_asking_too_long_offers_a_shorter_end() -> None:
    assert _hits(until=NOON + 200 * DAY)["A5"].sooner == NOON + 90 * DAY
    assert _hits(**_terms(retention="P2Y"))["A5"].sooner is None


def test_a_country_outside_the_area_is_named_wherever_it_is_said() -> None:
    assert _hits(**_terms(locations=(BELGIUM, f"{LOC}US", f"{LOC}GB")))["A6"].about == (f"{LOC}US", f"{LOC}GB")
    assert _hits(**_terms(jurisdiction=f"{LOC}CN"))["A6"].about == (f"{LOC}CN",)
    assert _hits(**_terms(locations=("somewhere",)))["A6"].about == ("somewhere",)


def test_further_recipients_are_named_one_by_one() -> None:
    assert _hits(**_terms(recipients=("Payroll bv", "0456712325")))["A10"].about == ("Payroll bv", "0456712325")


def test_consent_is_doubted_at_work_only() -> None:
    assert "A3" in _hits(**_terms(legal_basis=f"{GDPR}A6-1-a-explicit-consent"))
    asked = (Asked("wage", ("net",)),)
    assert "A3" not in _hits(**_terms(legal_basis=f"{GDPR}A6-1-a"), purpose=RENT, asked=asked)


def test_a_second_question_is_compared_with_the_last_one() -> None:
    first = a_request(id=RequestId("first"), submitted=NOON - 2 * DAY, asked=(Asked("diploma", ("title",)),))
    again = considered_request(a_request(), admitted=True, earlier=[first, a_request()])
    hit = next(hit for hit in advise(again, shipped()) if hit.rule.id == "A14")
    assert hit.fields == (("diploma", ("date", "grade")),)


def test_an_earlier_refusal_is_remembered_though_no_more_is_asked() -> None:
    refused = a_request(id=RequestId("first"), submitted=NOON - DAY, state=RequestState.REFUSED)
    asked_before = {
        hit.rule.id for hit in advise(considered_request(a_request(), admitted=True, earlier=[refused]), shipped())
    }
    assert "A14" in asked_before
    kept = replace(refused, state=RequestState.EXPIRED)
    assert "A14" not in {
        hit.rule.id for hit in advise(considered_request(a_request(), admitted=True, earlier=[kept]), shipped())
    }


def test_only_block_rules_lock() -> None:
    hits = _hits(asked=(Asked("diploma", ("title", "grade")),), **_terms(legal_basis=None))
    assert set(hits) == {"A2", "A4"}
    assert blocking(hits.values()) == ()
    assert locked(hits.values()) == frozenset()


@pytest.mark.parametrize(
    ("text", "days"),
    [("P6M", 186), ("P1Y", 366), ("P2W", 14), ("P30D", 30), ("P1Y2M3W4D", 453), ("P0D", 0)]
    + [(wrong, None) for wrong in ("", "P", "6M", "PT5H", "P-1D", "P1.5Y", "P1D1Y", "P99999Y", " P1D", "P1D\n")],
)
def test_a_duration_is_read_in_days_or_not_at_all(text: str, days: int | None) -> None:
    assert days_of(text) == days
