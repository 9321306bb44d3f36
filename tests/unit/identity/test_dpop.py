"""The one form that two spellings of a URL share (RS-7)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.identity.dpop import normalised


@pytest.mark.requirement("RS-7")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://vault.example/a", "HTTPS://VAULT.example:443/a"),
        ("http://vault.example/", "http://vault.example:80"),
        ("https://vault.example/a%7eb", "https://vault.example/a~b"),
        ("https://vault.example/%c3%a9", "https://vault.example/é"),
        ("https://vault.example/a b", "https://vault.example/a%20b"),
        ("https://vault.example/a?x=y", "https://vault.example/a#z"),
        ("https://[::1]/a", "https://[::1]:443/a"),
    ],
)
def test_spellings_of_one_url_are_equal(one: str, other: str) -> None:
    assert normalised(one) == normalised(other) != ""


@pytest.mark.requirement("RS-7")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://vault.example/a", "https://vault.example/A"),
        ("https://vault.example/a", "https://vault.example/a/"),
        ("https://vault.example/a%2Fb", "https://vault.example/a/b"),
        ("https://vault.example/a", "http://vault.example/a"),
        ("https://vault.example/a", "https://vault.example:8443/a"),
        ("https://vault.example/a", "https://vault.example.evil.example/a"),
        ("https://vault.example/b", "https://vault.example/a/../b"),
        ("https://vault.example/a", "https://vault.example//a"),
    ],
)
def test_urls_of_two_things_differ(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


@pytest.mark.parametrize(
    "text", ["", "/a", "a", "ftp://a/b", "https://", "https://u@a/", "https://a:x/", "https://[::1/", "https://a\\b/"]
)
def test_what_is_no_http_url_equals_nothing(text: str) -> None:
    assert normalised(text) == ""


@given(st.text(max_size=60))
def test_the_one_form_of_a_form_is_itself(path: str) -> None:
    once = normalised(f"https://vault.example/{path}")
    assert once == "" or normalised(once) == once
