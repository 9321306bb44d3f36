"""The four languages are complete, and say dates, numbers and lists as each of them does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request

from vault.audit import AuditEvent
from vault.datasluis.catalogue import RuleClass
from vault.datasluis.grants import GrantState
from vault.datasluis.history import Outcome
from vault.datasluis.provenance import Verification
from vault.datasluis.requests import RequestState
from vault.web import asking, locales, showing, telling
from vault.web.locales import LANGUAGES, preferred, t, texts

WEB = Path(locales.__file__).parent
_IN_TEMPLATE = re.compile(r"""\bt\(\s*["']([a-z0-9.-]+)["']\s*(~|[,)])""")
_KEY = re.compile(r"""["']([a-z0-9-]+(?:\.[a-z0-9-]+)+)["']""")
_PLACE = re.compile(r"\{(\w+)\}")


def templates() -> Iterator[tuple[str, str]]:
    for file in sorted((WEB / "templates").rglob("*.html")):
        yield file.name, file.read_text(encoding="utf-8")


def code() -> str:
    return "\n".join(file.read_text(encoding="utf-8") for file in sorted(WEB.glob("*.py")))


def everything() -> str:
    return "\n".join(file.read_text(encoding="utf-8") for file in sorted(WEB.parent.rglob("*.py")))


def asked_in_templates() -> tuple[set[str], set[str]]:
    """Whole keys, and beginnings of keys that a template completes."""
    whole: set[str] = set()
    begun: set[str] = set()
    for _, text in templates():
        # A choice between two texts stands inside the call's neighbourhood: every literal key counts.
        for key, follows in _IN_TEMPLATE.findall(text):
            (begun if follows == "~" else whole).add(key)
        whole |= {key for key in _KEY.findall(text) if key in texts("nl")}
    return whole, begun


@pytest.mark.requirement("UX-35")
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_that_a_template_asks_for_exists(language: str) -> None:
    whole, begun = asked_in_templates()
    assert sorted(key for key in whole if key not in texts(language)) == []
    assert [start for start in sorted(begun) if not any(key.startswith(start) for key in texts(language))] == []


@pytest.mark.requirement("UX-35")
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_that_code_asks_for_exists(language: str) -> None:
    asked = set(re.findall(r"""\b(?:say|t)\(\s*(?:\w+,\s*)?["']([a-z0-9.-]+\.[a-z0-9.-]+)["']""", code()))
    assert len(asked) > 20
    assert sorted(key for key in asked if key not in texts(language)) == []


@pytest.mark.requirement("UX-35")
def test_every_state_and_event_that_can_be_shown_has_its_text() -> None:
    wanted = {f"request.state.{state}" for state in RequestState}
    wanted |= {f"request.closed-state.{state}" for state in RequestState if state is not RequestState.PENDING}
    wanted |= {f"grant.state.{state}" for state in GrantState}
    wanted |= {telling.SENTENCES[event] for event in AuditEvent}
    wanted |= {telling.OUTCOMES[outcome][0] for outcome in Outcome}
    wanted |= {key for tag, _, words in (showing.TRUST[one] for one in Verification) for key in (tag, words)}
    wanted |= {asking.KINDS_OF_ADVICE[kind][0] for kind in RuleClass}
    wanted |= set(telling.REASONS.values())
    for language in LANGUAGES:
        assert sorted(wanted - set(texts(language))) == []


@pytest.mark.requirement("UX-35")
def test_the_four_languages_have_the_same_texts_with_the_same_places() -> None:
    dutch = texts("nl")
    for language in LANGUAGES:
        other = texts(language)
        assert sorted(set(dutch) ^ set(other)) == []
        for key, text in dutch.items():
            assert len(other[key].forms) == len(text.forms), key
            for form, theirs in zip(text.forms, other[key].forms, strict=True):
                assert theirs.strip(), f"{key} is empty in {language}"
                assert set(_PLACE.findall(form)) == set(_PLACE.findall(theirs)), f"{key} in {language}"


@pytest.mark.requirement("UX-35")
def test_no_text_is_left_that_nobody_asks_for() -> None:
    whole, begun = asked_in_templates()
    in_code = set(_KEY.findall(code()))
    # Some keys are completed with a status, or with the reason of a refusal: a slug that stands in the code.
    made = {*re.findall(r"""f["']([a-z.-]+\.)\{""", code())}
    slugs = set(re.findall(r"""["']([a-z0-9-]+)["']""", everything()))

    def completed(key: str) -> bool:
        rest = next((key.removeprefix(start) for start in made if key.startswith(start)), "")
        return rest in slugs or re.fullmatch(r"\d{3}\.(title|words)", rest) is not None

    unused = [
        key
        for key in texts("nl")
        if key not in whole
        and key not in in_code
        and not completed(key)
        and not any(key.startswith(start) for start in begun)
    ]
    assert unused == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_dutch_is_not_what_the_others_say(language: str) -> None:
    """A translation that was forgotten shows as a text equal to the Dutch one."""
    if language == "nl":
        return
    same = [
        key
        for key, text in texts(language).items()
        if text.forms == texts("nl")[key].forms and len(text.forms[0].split()) > 3
    ]
    assert same == []


def test_a_text_with_a_number_takes_singular_and_plural() -> None:
    assert t("nl", "request.days", n=1) == "1 dag"
    assert t("nl", "request.days", n=7) == "7 dagen"
    assert t("fr", "home.waiting", n=0) == "demande attend votre réponse"  # French counts nought as one


def test_an_unknown_text_shows_its_name_instead_of_failing() -> None:
    assert t("nl", "no.such.text", who="x") == "no.such.text"


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        ("", "nl"),
        ("fr", "fr"),
        ("fr-BE, nl;q=0.8", "fr"),
        ("es, de;q=0.5, en;q=0.7", "en"),
        ("nl;q=0", "nl"),
        ("fr;q=x, de", "de"),
        ("*", "nl"),
        (";;;,,,=q", "nl"),
        ("xx," * 5000, "nl"),
    ],
)
def test_the_language_of_a_stranger_is_read_from_the_browser(header: str, chosen: str) -> None:
    assert preferred(header) == chosen


def test_a_chosen_language_outranks_the_browser_and_an_odd_one_counts_for_nothing() -> None:
    def speaks(cookie: str) -> str:
        headers = {"Accept-Language": "de", "Cookie": f"lang={cookie}"}
        return locales.locale_of(make_mocked_request("GET", "/", headers=headers))

    assert (speaks("fr"), speaks("../../etc"), speaks("NL")) == ("fr", "de", "de")


NIGHT = datetime(2026, 12, 2, 23, 30, 5, tzinfo=UTC)  # already the third in Brussels


@pytest.mark.parametrize(
    ("language", "shown"),
    [("nl", "3 december 2026"), ("fr", "3 décembre 2026"), ("de", "3. Dezember 2026"), ("en", "3 December 2026")],
)
def test_a_day_is_the_day_in_brussels_in_each_language(language: str, shown: str) -> None:
    assert locales.day(language, NIGHT) == shown


def test_moments_are_told_in_brussels_time_and_the_zone_with_the_exact_ones() -> None:
    assert locales.moment("nl", NIGHT) == "3 december 2026, 00:30"
    assert locales.exact("fr", NIGHT) == "3 décembre 2026, 00:30:05 CET"
    assert locales.exact("nl", datetime(2026, 7, 1, tzinfo=UTC)).endswith("02:00:00 CEST")


@pytest.mark.requirement("UX-35")
def test_a_moment_names_its_day_as_the_language_does() -> None:
    first = datetime(2026, 12, 1, 8, 5, tzinfo=UTC)
    assert locales.moment("de", first) == "1. Dezember 2026, 09:05"
    assert locales.exact("de", first) == "1. Dezember 2026, 09:05:00 CET"
    assert locales.moment("fr", first) == "1er décembre 2026, 09:05"
    assert locales.moment("fr", datetime(2026, 12, 11, 8, 5, tzinfo=UTC)) == "11 décembre 2026, 09:05"


def test_the_end_of_a_day_is_its_last_second_in_brussels() -> None:
    assert locales.end_of_day(date(2026, 7, 1)).astimezone(UTC) == datetime(2026, 7, 1, 21, 59, 59, tzinfo=UTC)
    assert locales.in_days(NIGHT, 0) == date(2026, 12, 3)
    assert locales.in_days(NIGHT, 30) == date(2027, 1, 2)


@pytest.mark.parametrize(
    ("iso", "shown"),
    [("P6M", "6 maanden"), ("P1Y6M", "1 jaar, 6 maanden"), ("P2W", "2 weken"), ("P", "P"), ("P0D", "P0D"), ("x", "x")],
)
def test_a_duration_is_told_in_words_and_what_is_none_stays(iso: str, shown: str) -> None:
    assert locales.duration("nl", iso) == shown


def test_numbers_money_sizes_and_lists_follow_the_language() -> None:
    assert locales.number("nl", 12345) == "12.345"
    assert locales.money("de", 1234) == "1.234,00\xa0€"
    assert (locales.size("nl", 0), locales.size("en", 3_400_000)) == ("0 byte", "3.4 MB")
    assert locales.listed("nl", ["a", "b", "c"]) == "a, b en c"
    assert locales.country("fr", "us") == "États-Unis"
    assert locales.country("fr", "q!") == "q!"
