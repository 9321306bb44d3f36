"""A stranger's text on our pages: never more than text, never anybody else's name (ATK-05)."""

from __future__ import annotations

import pytest

from vault.web import wording

pytestmark = pytest.mark.requirement("ATK-05")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("HR  Scheldeland\n nv", "HR Scheldeland nv"),
        ("a\u202eevil\u202cb", "aevilb"),
        ("a\u200bb\u200d\ufeffc", "abc"),
        ("a\x00\x1b[31mb", "a[31mb"),
        ("\u2066Belasting\u2069dienst", "Belastingdienst"),
        ("z\u0300\u0301\u0302\u0303\u0304\u0305", "z\u0300\u0301\u0302"),
        ("\U000e0041tag", "tag"),
        ("<b>nv</b>", "<b>nv</b>"),  # the template escapes; nothing is hidden from the citizen
        ("", ""),
    ],
)
def test_tricks_are_taken_out_and_the_words_stay(text: str, shown: str) -> None:
    assert wording.clean(text, 100) == shown


def test_a_long_text_is_cut_and_says_so() -> None:
    assert wording.clean("a" * 500, 100) == "a" * 99 + "…"
    assert len(wording.clean("\u202e" * 100_000 + "a", 10)) <= 10


@pytest.mark.parametrize(
    ("name", "mixed"),
    [
        ("Belfius Bank nv", False),
        ("B\u0435lfius Bank", True),  # a Cyrillic е
        ("P\u0430yPal", True),
        ("\u0391\u03b8\u03ae\u03bd\u03b1 nv", False),  # Greek and Latin in words of their own
        ("Škoda 4 U", False),
        ("", False),
    ],
)
def test_letters_of_different_scripts_in_one_word_are_noticed(name: str, mixed: bool) -> None:
    assert wording.mixed_scripts(name) is mixed


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "data:text/html,x", "//evil.example", "https://me@evil.example/", "http://", "https://a b/"]
    + ["https://[", "https://ex\u00e4mple/", "https://a/" + "x" * 500, "", "mailto:x@y"],
)
def test_what_is_no_plain_web_address_is_no_link(address: str) -> None:
    assert wording.link(address) == ""


def test_a_link_shows_the_host_it_leads_to() -> None:
    address = wording.link("https://www.hr.example:8443/privacy/")
    assert wording.shown_link(address) == "www.hr.example:8443/privacy"


@pytest.mark.parametrize("address", ["a@b?cc=x@y", "a@b\nBcc: c", "<x@y>", "no", "a@b@c", "ä@b.example"])
def test_what_is_no_plain_mail_address_is_no_link(address: str) -> None:
    assert wording.email(address) == ""


def test_a_mail_address_and_an_enterprise_number_are_shown_as_people_write_them() -> None:
    assert wording.email("dpo+eu@hr-x.example") == "dpo+eu@hr-x.example"
    assert wording.enterprise_number("0712398781") == "0712.398.781"
    assert wording.enterprise_number("12") == "12"
