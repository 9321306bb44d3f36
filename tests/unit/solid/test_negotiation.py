"""The best representation is the one with the highest weight; what does not fit is never sent."""

from __future__ import annotations

import time

import pytest

from vault.errors import Malformed
from vault.solid.negotiation import ANYTHING, MAX_RANGES, choose, parse_accept, quality_of
from vault.values import JSON_LD, NTRIPLES, TURTLE, MediaType

RDF = (TURTLE, JSON_LD, NTRIPLES)
PNG = MediaType("image/png")


@pytest.mark.requirement("PR-57")
@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, TURTLE),
        ("", TURTLE),
        ("*/*", TURTLE),
        ("*", TURTLE),
        ("text/*", TURTLE),
        ("application/ld+json", JSON_LD),
        ("Application/LD+JSON", JSON_LD),
        ("text/turtle;q=0.5, application/ld+json", JSON_LD),
        ("text/turtle;q=0.5, application/ld+json;q=0.5", TURTLE),
        ("application/*;q=0.8, text/turtle;q=0.7", JSON_LD),
        ("*/*;q=0.1, application/n-triples;q=0.2", NTRIPLES),
        ("text/turtle;q=0, */*", JSON_LD),
        ("text/*;q=0, */*;q=0.1", JSON_LD),
        ('application/ld+json;profile="http://www.w3.org/ns/json-ld#compacted"', JSON_LD),
        ('application/ld+json;profile="a,b";q=0.3, application/n-triples;q=0.2', JSON_LD),
        ("text/html, application/xhtml+xml, image/*;q=0.9, text/turtle;q=0.9, */*;q=0.8", TURTLE),
        ("nonsense, application/ld+json", JSON_LD),
        ("text/turtle;q=2, application/ld+json;q=0.1", JSON_LD),
        ("text/turtle;q=0.0001, application/ld+json;q=0.1", JSON_LD),
        ("text/turtle;q=1.000, application/ld+json;q=0.999", TURTLE),
    ],
)
def test_the_highest_weight_wins_and_our_order_settles_the_rest(accept: str | None, chosen: MediaType) -> None:
    assert choose(parse_accept(accept), RDF) == chosen


@pytest.mark.requirement("PR-56")
@pytest.mark.parametrize(
    "accept",
    ["text/html", "image/*", "text/turtle;q=0, application/*;q=0", "*/*;q=0", "text/turtle2", "application/json"],
)
def test_what_does_not_fit_is_not_chosen(accept: str) -> None:
    assert choose(parse_accept(accept), RDF) is None


def test_bytes_of_one_type_are_not_offered_as_another() -> None:
    assert choose(parse_accept("text/turtle"), (PNG,)) is None
    assert choose(parse_accept("image/*"), (PNG,)) == PNG


@pytest.mark.parametrize(
    "text", ["nonsense", "a/b;q=x", "*/x", ";", ",,,", "text/turtle;q=", "text/turtle;q=.", "a/b;q=1²"]
)
def test_an_accept_header_without_a_readable_range_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_accept(text)


def test_the_most_specific_range_decides() -> None:
    accept = parse_accept("*/*;q=0.1, text/*;q=0.2, text/turtle;q=0.3, text/turtle;version=1;q=0.9")
    assert quality_of(accept, "text/turtle") == 300
    assert quality_of(accept, "text/csv") == 200
    assert quality_of(accept, "image/png") == 100
    assert quality_of(ANYTHING, "image/png") == 0


def test_reading_stops_after_a_bounded_number_of_ranges() -> None:
    many = ", ".join(["a/b"] * MAX_RANGES)
    assert len(parse_accept(f"{many}, text/turtle")) == MAX_RANGES
    assert len(parse_accept(f'a/b;x=",", {many}, text/turtle')) == MAX_RANGES


@pytest.mark.requirement("ATK-11")
def test_a_hostile_accept_header_is_read_in_linear_time() -> None:
    start = time.process_time()
    for text in ("," * 32768, '"' * 32767, "a/b;" * 8192, 'a/b;x="' + "\\" * 32000, "*/*;q=" + "0" * 32000):
        try:
            parse_accept(text)
        except Malformed:
            continue
    assert time.process_time() - start < 1
