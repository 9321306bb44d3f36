"""Participants, their enterprise numbers and their contracts."""

from __future__ import annotations

import pytest

from tests.lock import APPLICANT, DAY, DPV, NOON, PAYROLL, RENT, a_contract, a_participant, shipped
from vault.datasluis.registry import (
    Admission,
    Role,
    Standing,
    beyond_contract,
    check_entitled,
    check_role,
    contract_end,
    parse_kbo,
    standing,
)
from vault.errors import Forbidden, Malformed


@pytest.mark.parametrize("text", ["0712398781", "0712.398.781", "BE0712398781", "be 0712.398.781", " 0712 398 781 "])
def test_an_enterprise_number_is_read_in_every_usual_spelling(text: str) -> None:
    assert parse_kbo(text) == "0712398781"


@pytest.mark.parametrize(
    "text",
    ["", "0712398782", "712398781", "2712398781", "07123987811", "0712-398-781", "0712398781\n0", "٠٧١٢٣٩٨٧٨١"]
    + ["NL0712398781"],
)
def test_a_number_that_fails_the_check_digits_or_the_form_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_kbo(text)


@pytest.mark.parametrize(
    ("changes", "suspended", "expected"),
    [
        ({}, False, Standing.IN_FORCE),
        ({"since": NOON}, False, Standing.IN_FORCE),
        ({"since": NOON + DAY}, False, Standing.NOT_YET),
        ({"until": NOON}, False, Standing.ENDED),
        ({"until": NOON - DAY}, False, Standing.ENDED),
        ({}, True, Standing.SUSPENDED),
        ({"until": NOON - DAY}, True, Standing.SUSPENDED),
    ],
)
def test_where_a_participant_stands(changes: dict[str, object], suspended: bool, expected: Standing) -> None:
    assert standing(a_participant(contract=a_contract(**changes), suspended=suspended), NOON) is expected


def test_a_contract_covers_what_it_names() -> None:
    check_entitled(a_participant(), ["diploma"], APPLICANT, catalogue=shipped(), now=NOON)


@pytest.mark.parametrize(
    ("data_types", "purpose", "outside"),
    [
        (["wage"], APPLICANT, ["wage"]),
        (["diploma", "wage"], APPLICANT, ["wage"]),
        (["diploma"], RENT, [RENT]),
        (["wage"], RENT, ["wage", RENT]),
    ],
)
def test_what_a_contract_does_not_name_is_refused_by_name(
    data_types: list[str], purpose: str, outside: list[str]
) -> None:
    with pytest.raises(Forbidden) as refused:
        check_entitled(a_participant(), data_types, purpose, catalogue=shipped(), now=NOON)
    assert refused.value.reason == "outside-contract"
    assert refused.value.facts["outside"] == outside


def test_a_contract_for_a_wide_purpose_covers_a_narrower_one_and_not_the_other_way_round() -> None:
    wide = a_participant(contract=a_contract(purposes=frozenset([f"{DPV}PersonnelHiring"])))
    assert beyond_contract(wide, ["diploma"], APPLICANT, shipped()) == ()
    narrow = a_participant(contract=a_contract(purposes=frozenset([APPLICANT])))
    assert beyond_contract(narrow, ["diploma"], f"{DPV}PersonnelHiring", shipped()) == (f"{DPV}PersonnelHiring",)


@pytest.mark.parametrize(
    ("changes", "suspended", "reason"),
    [
        ({"since": NOON + DAY}, False, "contract-not-yet"),
        ({"until": NOON - DAY}, False, "contract-ended"),
        ({}, True, "participant-suspended"),
    ],
)
def test_a_participant_outside_its_contract_is_refused(
    changes: dict[str, object], suspended: bool, reason: str
) -> None:
    participant = a_participant(contract=a_contract(**changes), suspended=suspended)
    with pytest.raises(Forbidden) as refused:
        check_entitled(participant, ["diploma"], APPLICANT, catalogue=shipped(), now=NOON)
    assert refused.value.reason == reason


def test_the_compatible_profile_needs_no_contract_but_a_suspension_still_counts() -> None:
    loose = a_participant(admission=Admission.COMPATIBLE, contract=a_contract(until=NOON - DAY))
    check_entitled(loose, ["wage"], RENT, catalogue=shipped(), now=NOON)
    stopped = a_participant(admission=Admission.COMPATIBLE, suspended=True)
    with pytest.raises(Forbidden) as refused:
        check_entitled(stopped, ["diploma"], APPLICANT, catalogue=shipped(), now=NOON)
    assert refused.value.reason == "participant-suspended"


def test_the_end_of_a_contract_caps_a_grant() -> None:
    assert contract_end(a_participant(), NOON) == NOON + 90 * DAY
    assert contract_end(a_participant(contract=a_contract(until=NOON + 5 * DAY)), NOON) == NOON + 5 * DAY
    assert contract_end(a_participant(admission=Admission.COMPATIBLE), NOON) is None


def test_only_the_role_that_was_registered_counts() -> None:
    both = a_participant(roles=frozenset(Role))
    assert check_role(both, Role.DATA_SOURCE) is both
    for other in (None, a_participant()):
        with pytest.raises(Forbidden) as refused:
            check_role(other, Role.DATA_SOURCE)
        assert refused.value.reason == "not-a-participant"


def test_a_purpose_of_payroll_is_covered_and_a_plain_word_is_not() -> None:
    assert beyond_contract(a_participant(), ["employment"], PAYROLL, shipped()) == ()
    assert beyond_contract(a_participant(), ["employment"], "payroll", shipped()) == ("payroll",)
