"""Request headers become values; what is odd is skipped, and what would change a write is refused."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from vault.errors import Malformed
from vault.solid.headers import (
    NO_CONDITIONS,
    NO_PREFERENCE,
    AnyTag,
    ByteRange,
    Conditions,
    Preference,
    RangeRequest,
    Verdict,
    evaluate_conditions,
    http_date,
    parse_conditions,
    parse_http_date,
    parse_links,
    parse_prefer,
    parse_range,
    parse_slug,
    parse_tags,
    range_applies,
    resolve_range,
    types_of,
)
from vault.values import ETag

NOON = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
A, B, WEAK_A = ETag("a"), ETag("b"), ETag("a", weak=True)
LDP = "http://www.w3.org/ns/ldp#"


def judge(conditions: Conditions, *, reading: bool, current: tuple[ETag, ...] = (A, B)) -> Verdict:
    chosen = current[0] if current else None
    return evaluate_conditions(conditions, current=current, chosen=chosen, modified=NOON, reading=reading)


@pytest.mark.parametrize("text", ["", " ", "a", '"a', '"a" "b"', '"a",,"b"', 'w/"a"', '"a b"', '*, "a"', ',"a"', "W/a"])
def test_entity_tags_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_tags(text)


def test_a_list_of_entity_tags_is_bounded() -> None:
    assert len(parse_tags(", ".join(['"a"'] * 64))) == 64
    with pytest.raises(Malformed):
        parse_tags(", ".join(['"a"'] * 65))


def test_entity_tags_are_read() -> None:
    assert parse_tags('"a", W/"a" ,"b"') == (A, WEAK_A, B)
    assert parse_tags('""') == (ETag(""),)
    assert parse_tags(" * ") is AnyTag.ANY


@pytest.mark.requirement("PR-71")
@pytest.mark.parametrize(
    "conditions",
    [
        Conditions(if_match=(ETag("old"),)),
        Conditions(if_match=(WEAK_A,)),
        Conditions(if_none_match=AnyTag.ANY),
        Conditions(if_none_match=(A,)),
        Conditions(if_none_match=(WEAK_A,)),
        Conditions(if_none_match=(B,)),
        Conditions(if_unmodified_since=NOON - timedelta(seconds=1)),
        Conditions(if_match=(A,), if_none_match=(A,)),
        Conditions(if_match=(ETag("old"),), if_unmodified_since=NOON),
    ],
)
def test_a_write_whose_precondition_does_not_hold_fails(conditions: Conditions) -> None:
    assert judge(conditions, reading=False) is Verdict.FAILED


@pytest.mark.requirement("PR-71")
@pytest.mark.parametrize(
    "conditions",
    [
        NO_CONDITIONS,
        Conditions(if_match=AnyTag.ANY),
        Conditions(if_match=(ETag("old"), A)),
        Conditions(if_none_match=(ETag("old"),)),
        Conditions(if_unmodified_since=NOON),
        Conditions(if_match=(A,), if_unmodified_since=NOON - timedelta(days=1)),
        Conditions(if_modified_since=NOON),
    ],
)
def test_a_write_whose_precondition_holds_proceeds(conditions: Conditions) -> None:
    assert judge(conditions, reading=False) is Verdict.PROCEED


@pytest.mark.requirement("PR-59")
def test_any_current_tag_satisfies_if_match() -> None:
    assert judge(Conditions(if_match=(B,)), reading=False) is Verdict.PROCEED
    assert judge(Conditions(if_match=(B,)), reading=True) is Verdict.PROCEED


@pytest.mark.requirement("PR-59")
@pytest.mark.requirement("ATK-16")
def test_a_tag_of_another_representation_gives_no_304() -> None:
    assert judge(Conditions(if_none_match=(B,)), reading=True) is Verdict.PROCEED
    assert judge(Conditions(if_none_match=(A,)), reading=True) is Verdict.NOT_MODIFIED
    assert judge(Conditions(if_none_match=(WEAK_A,)), reading=True) is Verdict.NOT_MODIFIED


def test_if_match_never_holds_for_what_is_absent() -> None:
    assert judge(Conditions(if_match=AnyTag.ANY), reading=False, current=()) is Verdict.FAILED
    assert judge(Conditions(if_match=(A,)), reading=False, current=()) is Verdict.FAILED
    assert judge(Conditions(if_none_match=AnyTag.ANY), reading=False, current=()) is Verdict.PROCEED


def test_dates_decide_only_where_no_tag_does() -> None:
    assert judge(Conditions(if_modified_since=NOON), reading=True) is Verdict.NOT_MODIFIED
    assert judge(Conditions(if_modified_since=NOON - timedelta(seconds=1)), reading=True) is Verdict.PROCEED
    assert judge(Conditions(if_none_match=(B,), if_modified_since=NOON), reading=True) is Verdict.PROCEED


@pytest.mark.requirement("PR-32")
def test_a_date_says_nothing_where_there_is_none() -> None:
    for reading in (True, False):
        conditions = Conditions(if_modified_since=NOON, if_unmodified_since=NOON - timedelta(days=1))
        verdict = evaluate_conditions(conditions, current=(A,), chosen=A, modified=None, reading=reading)
        assert verdict is Verdict.PROCEED


def test_a_date_that_cannot_be_read_is_ignored() -> None:
    read = parse_conditions(
        if_match=None, if_none_match=None, if_modified_since="yesterday", if_unmodified_since="2026-11-24"
    )
    assert judge(read, reading=True) is Verdict.PROCEED
    assert judge(read, reading=False) is Verdict.PROCEED


@pytest.mark.parametrize(
    "text",
    [
        "Tue, 24 Nov 2026 12:00:00 GMT",
        "Tuesday, 24-Nov-26 12:00:00 GMT",
        "Tue Nov 24 12:00:00 2026",
        " Tue, 24 Nov 2026 12:00:00 GMT ",
    ],
)
def test_the_three_forms_of_a_date_are_read(text: str) -> None:
    assert parse_http_date(text) == NOON
    assert http_date(NOON) == "Tue, 24 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    "text",
    ["", "0", "Tue, 24 Nov 2026 12:00:00 CET", "Tue, 24 Foo 2026 12:00:00 GMT", "Tue, 31 Feb 2026 12:00:00 GMT"]
    + [
        "Tue, 24 Nov 2026 25:00:00 GMT",
        "Tue, 24 Nov 0000 12:00:00 GMT",
        "Tue, 24 Nov 2026 12:00:00",
        "2026-11-24T12:00Z",
    ],
)
def test_other_texts_are_no_date(text: str) -> None:
    assert parse_http_date(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=5-2",
        "bytes=0-1,4-5",
        "lines=0-5",
        "bytes 0-5",
        "bytes=--5",
        "bytes=1-2-3",
    ],
)
def test_a_range_that_cannot_be_read_means_the_whole(text: str) -> None:
    assert parse_range(text) is None


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("bytes=0-4", (0, 4)),
        ("bytes=5-", (5, 9)),
        ("bytes=-3", (7, 9)),
        ("bytes=-30", (0, 9)),
        ("bytes=8-100", (8, 9)),
        ("Bytes=0-0", (0, 0)),
        ("bytes=10-", None),
        ("bytes=-0", None),
    ],
)
def test_a_range_is_cut_to_what_is_there(text: str, span: tuple[int, int] | None) -> None:
    request = parse_range(text)
    assert request is not None
    assert resolve_range(request.wanted, 10) == span


def test_nothing_of_an_empty_body_can_be_asked_for() -> None:
    assert resolve_range(ByteRange(0, None), 0) is None
    assert resolve_range(ByteRange(None, 5), 0) is None


@pytest.mark.requirement("PR-59")
@pytest.mark.parametrize(
    ("if_range", "applies"),
    [(None, True), ('"a"', True), ('"b"', False), ('W/"a"', False), (http_date(NOON), True)]
    + [(http_date(NOON - timedelta(seconds=1)), False), (http_date(NOON + timedelta(seconds=1)), False)],
)
def test_a_range_depends_on_its_validator(if_range: str | None, applies: bool) -> None:
    request = parse_range("bytes=0-1", if_range)
    assert request is not None
    assert range_applies(request, etag=A, modified=NOON) is applies


def test_a_range_with_an_unreadable_validator_means_the_whole() -> None:
    assert parse_range("bytes=0-1", "soon") is None
    assert parse_range("bytes=0-1", "") is None
    assert parse_range(None, '"a"') is None
    assert parse_range("bytes=0-1", '"a"') == RangeRequest(ByteRange(0, 1), A)


def test_links_are_read_with_their_relations() -> None:
    values = [
        f'<{LDP}BasicContainer>; rel="type"',
        f'<#me>; rel="http://example/Rel TYPE"; title="a, b; c", <{LDP}Resource>;rel=type',
        "<other>",
    ]
    links = parse_links(values, base="https://vault.example/alice/")
    assert types_of(links) == {f"{LDP}BasicContainer", "https://vault.example/alice/#me", f"{LDP}Resource"}
    assert links[1].rels == {"http://example/Rel", "type"}
    assert links[3].rels == frozenset()


def test_only_the_first_relation_of_a_link_counts() -> None:
    assert types_of(parse_links(["<x>; rel=next; rel=type"], base="https://v.example/")) == frozenset()


@pytest.mark.parametrize("text", ["", "type", "<unclosed", 'x <y>; rel="type"', ";;;", "<<<<>>>>", '<x>; rel="type'])
def test_a_link_header_that_cannot_be_read_gives_no_type(text: str) -> None:
    assert types_of(parse_links([text], base="https://v.example/")) == frozenset()


@pytest.mark.parametrize(
    ("text", "slug"), [("note", "note"), ("caf%C3%A9", "café"), (" a ", "a"), ("a%2Fb", "a/b"), ("é", "é")]
)
def test_a_slug_is_percent_decoded(text: str, slug: str) -> None:
    assert parse_slug(text) == slug


@pytest.mark.parametrize("text", [None, "", "  ", "%FF", "%C3", "\udcff"])
def test_a_slug_that_says_nothing_is_none(text: str | None) -> None:
    assert parse_slug(text) is None


@pytest.mark.requirement("LDP-3")
def test_a_preference_for_a_minimal_container_is_read() -> None:
    minimal = f"{LDP}PreferMinimalContainer"
    assert parse_prefer([f'return=representation; include="{minimal}"']) == Preference(frozenset({minimal}))
    assert parse_prefer(["respond-async", f'return=representation;omit="{minimal} x"']).omit == {minimal, "x"}


@pytest.mark.parametrize("values", [[], [""], ["return=minimal"], ["return"], ['include="x"']])
def test_other_preferences_are_ignored(values: list[str]) -> None:
    assert parse_prefer(values) == NO_PREFERENCE


@pytest.mark.requirement("ATK-11")
def test_every_header_is_read_in_linear_time() -> None:
    size = 32 * 1024
    hostile = [
        "a" * size,
        '"' * size,
        "<" * size,
        "<>;" * (size // 3),
        ";a=" * (size // 3),
        " " * size,
        "bytes=" + "9" * size,
    ]
    hostile += ['<x>; rel="' + "\\" * size, "<x>" + ";a" * (size // 2), "a=" * (size // 2), "W/" * (size // 2)]
    start = time.process_time()
    for text in hostile:
        parse_links([text], base="https://v.example/")
        parse_prefer([text])
        parse_range(text)
        parse_http_date(text)
        parse_slug(text)
        with pytest.raises(Malformed):
            parse_tags(text)
    assert time.process_time() - start < 2
