"""Dates, amounts, numbers and periods as the four languages write them."""

from __future__ import annotations

import pytest

from vault.datasluis.catalogue import LANGUAGES
from vault.datasluis.wording import date_words, money_words, number_words, period_words


@pytest.mark.parametrize(
    ("lexical", "words"),
    [
        ("2018-06-30", {"nl": "30 juni 2018", "fr": "30 juin 2018", "de": "30. Juni 2018", "en": "30 June 2018"}),
        ("2018-07-01", {"nl": "1 juli 2018", "fr": "1er juillet 2018", "de": "1. Juli 2018", "en": "1 July 2018"}),
        ("2018-03", {"nl": "maart 2018", "fr": "mars 2018", "de": "März 2018", "en": "March 2018"}),
        ("1987", dict.fromkeys(("nl", "fr", "de", "en"), "1987")),
    ],
)
def test_a_date_is_as_exact_as_it_was_given(lexical: str, words: dict[str, str]) -> None:
    assert date_words(lexical) == words


def test_a_moment_is_shown_by_its_own_day() -> None:
    assert date_words("2026-09-30T23:59:59+02:00") == date_words("2026-09-30")


def test_what_is_no_date_stays_as_it_is() -> None:
    assert date_words("gisteren") == "gisteren"


@pytest.mark.parametrize(
    ("lexical", "nl", "fr", "en"),
    [
        ("3480.00", "€ 3.480,00", "3\u202f480,00 €", "€3,480.00"),
        ("0.5", "€ 0,50", "0,50 €", "€0.50"),
        ("-1234567.891", "€ -1.234.567,89", "-1\u202f234\u202f567,89 €", "€-1,234,567.89"),
    ],
)
def test_an_amount_has_two_decimals_and_its_sign(lexical: str, nl: str, fr: str, en: str) -> None:
    words = money_words(lexical, "EUR")
    assert not isinstance(words, str)
    assert (words["nl"], words["fr"], words["en"]) == (nl, fr, en)


@pytest.mark.parametrize("lexical", ["NaN", "1e400", "1E1000000", "1E-1000000", "0E9999999", "9" * 50, "vijf", ""])
def test_what_is_no_amount_stays_as_it_is(lexical: str) -> None:
    assert money_words(lexical, "EUR") == lexical
    assert number_words(lexical) == lexical


@pytest.mark.parametrize(("lexical", "nl"), [("38.00", "38"), ("2.66", "2,66"), ("1200", "1.200"), ("30.40", "30,4")])
def test_a_number_has_no_zeros_that_say_nothing(lexical: str, nl: str) -> None:
    words = number_words(lexical)
    assert not isinstance(words, str)
    assert words["nl"] == nl


def test_a_period_may_be_open_on_either_side() -> None:
    since, until = period_words("2024-02-01", None), period_words(None, "2024-02-01")
    assert not isinstance(since, str)
    assert not isinstance(until, str)
    assert since["fr"] == "depuis le 1er février 2024"
    assert until["de"] == "bis zum 1. Februar 2024"
    assert period_words(None, None) == ""


@pytest.mark.parametrize(
    ("lexical", "since", "until"),
    [
        ("2024-02", ("sinds februari 2024", "depuis février 2024", "seit Februar 2024", "since February 2024"),
         ("tot en met februari 2024", "jusqu’en février 2024", "bis Februar 2024", "up to February 2024")),
        ("1987", ("sinds 1987", "depuis 1987", "seit 1987", "since 1987"),
         ("tot en met 1987", "jusqu’en 1987", "bis 1987", "up to 1987")),
        ("2024-10-03", ("sinds 3 oktober 2024", "depuis le 3 octobre 2024", "seit dem 3. Oktober 2024",
                        "since 3 October 2024"),
         ("tot en met 3 oktober 2024", "jusqu’au 3 octobre 2024", "bis zum 3. Oktober 2024", "up to 3 October 2024")),
    ],
)  # fmt: skip
def test_an_open_period_is_said_as_each_language_says_it(
    lexical: str, since: tuple[str, ...], until: tuple[str, ...]
) -> None:
    opened, ended = period_words(lexical, None), period_words(None, lexical)
    assert not isinstance(opened, str)
    assert not isinstance(ended, str)
    assert tuple(opened[tag] for tag in LANGUAGES) == since
    assert tuple(ended[tag] for tag in LANGUAGES) == until
