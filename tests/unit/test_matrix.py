"""The requirement matrix: a MUST counts as shown when a test that names it ran and passed, and not before."""

from __future__ import annotations

import pytest

from tests.conformance.matrix import Known, Matrix, Requirement


def requirement(level: str = "MUST", *, not_offered: str = "") -> Requirement:
    return Requirement("PR-1", level, "Something holds.", "A specification", "A section", not_offered=not_offered)


def matrix(one: Requirement, outcomes: list[str], *, elsewhere: bool = False) -> Matrix:
    tests = [f"test_{number}" for number in range(len(outcomes))]
    named = {one.id: tests} if tests else {}
    return Matrix(
        Known({one.id: one}, ()), elsewhere=elsewhere, tests=named, outcomes=dict(zip(tests, outcomes, strict=True))
    )


@pytest.mark.parametrize(
    ("outcomes", "word", "bare"),
    [
        ([], "NO TEST", True),
        (["skipped"], "not run here", True),
        (["passed"], "passed", False),
        (["skipped", "passed"], "passed", False),
        (["passed", "failed"], "FAILED", False),  # the run fails by itself
    ],
)
def test_a_must_is_shown_by_a_test_that_ran(outcomes: list[str], word: str, bare: bool) -> None:
    seen = matrix(requirement(), outcomes)
    assert seen.word(requirement()) == word
    assert seen.bare == (["PR-1"] if bare else [])


def test_elsewhere_what_cannot_run_is_not_missing() -> None:
    for outcomes in ([], ["skipped"]):
        seen = matrix(requirement(), outcomes, elsewhere=True)
        assert (seen.word(requirement()), seen.bare) == ("not run here", [])


@pytest.mark.parametrize("level", ["SHOULD", "MAY", "expected-by-clients", "house"])
def test_only_a_must_makes_the_run_fail(level: str) -> None:
    assert matrix(requirement(level), []).bare == []


def test_what_is_not_offered_says_why_and_a_failing_test_outranks_it() -> None:
    decided = requirement(not_offered="We decided against it.")
    assert matrix(decided, []).word(decided) == "not offered"
    assert any("We decided against it." in line for line in matrix(decided, []).lines())
    assert matrix(decided, ["failed"]).word(decided) == "FAILED"
