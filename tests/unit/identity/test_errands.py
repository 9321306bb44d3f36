"""What travels with a person who is sent to another provider: whole, private, bound to one browser, and for minutes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from vault.identity.errands import (
    STATE_CHARACTERS,
    Arrival,
    Errand,
    Purpose,
    new_errand,
    nonce_of,
    open_arrival,
    open_errand,
    seal_arrival,
    seal_errand,
    verifier_of,
)
from vault.identity.tokens import digest

KEY, OTHER_KEY = bytes(32), bytes(31) + b"1"
NOW = datetime(2026, 11, 26, 12, 0, 0, 250, tzinfo=UTC)
MINE, THEIRS = "m" * 43, "t" * 43


def an_errand(**changes: object) -> Errand:
    made = new_errand(Purpose.CONFIRM, "/my/é?a=1", now=NOW, level="urn:high", fresh=True, account="a1")
    return replace(made, **changes)  # type: ignore[arg-type]


def an_arrival() -> Arrival:
    when = NOW.replace(microsecond=0)
    return Arrival(
        "id", "https://o.example", "s", "/my/", when, when + timedelta(minutes=5), "e@x.example", True, "Zoë", "ab",
        ("otp", "hwk"), "urn:low",
    )  # fmt: skip


def opened(text: str, *, key: bytes = KEY, visitor: str = MINE, after: float = 0) -> Errand | None:
    return open_errand(text, key=key, visitor=visitor, now=NOW + timedelta(seconds=after))


@pytest.mark.requirement("ATK-22")
def test_an_errand_comes_back_whole_in_the_browser_it_was_made_for_and_in_no_other() -> None:
    errand = an_errand()
    text = seal_errand(errand, key=KEY, visitor=MINE, home="/my/")
    assert opened(text) == errand
    assert opened(text, visitor=THEIRS) is None
    assert opened(text, key=OTHER_KEY) is None


def test_an_errand_lasts_fifteen_minutes() -> None:
    text = seal_errand(an_errand(), key=KEY, visitor=MINE, home="/my/")
    assert opened(text, after=899) is not None
    assert opened(text, after=900) is None


def test_every_change_to_a_state_is_noticed() -> None:
    text = seal_errand(an_errand(), key=KEY, visitor=MINE, home="/my/")
    for place in range(0, len(text), 7):
        other = "A" if text[place] != "A" else "B"
        assert opened(text[:place] + other + text[place + 1 :]) is None
    for cut in ("", "A", text[:-4], text + "AAAA", text + "=", "é" + text, f" {text}"):
        assert opened(cut) is None


def test_a_state_shows_nothing_and_is_never_the_same() -> None:
    errand = an_errand(onward="/my/requests/secret")
    one, other = (seal_errand(errand, key=KEY, visitor=MINE, home="/my/") for _ in range(2))
    assert one != other
    assert "requests" not in one


def test_a_place_that_no_url_can_hold_becomes_home() -> None:
    long = "/idp/auth?" + "".join(digest(str(number)) for number in range(60))
    text = seal_errand(an_errand(onward=long), key=KEY, visitor=MINE, home="/my/")
    assert len(text) <= STATE_CHARACTERS
    found = opened(text)
    assert found is not None
    assert found.onward == "/my/"


def test_an_errand_is_no_arrival_and_an_arrival_no_errand() -> None:
    errand = seal_errand(an_errand(), key=KEY, visitor=MINE, home="/my/")
    arrival = seal_arrival(an_arrival(), key=KEY, visitor=MINE)
    assert open_arrival(errand, key=KEY, visitor=MINE, now=NOW) is None
    assert opened(arrival) is None


def test_an_arrival_comes_back_whole_until_it_lapses() -> None:
    text = seal_arrival(an_arrival(), key=KEY, visitor=MINE)
    assert open_arrival(text, key=KEY, visitor=MINE, now=NOW) == an_arrival()
    assert open_arrival(text, key=KEY, visitor=THEIRS, now=NOW) is None
    assert open_arrival(text, key=KEY, visitor=MINE, now=NOW + timedelta(minutes=5)) is None


def test_verifier_and_nonce_are_of_one_errand_and_differ() -> None:
    """RFC 7636 §4.1: 43 characters at least."""
    one, other = an_errand(), an_errand(id="another")
    made = {verifier_of(one, key=KEY), nonce_of(one, key=KEY), verifier_of(other, key=KEY), nonce_of(other, key=KEY)}
    made |= {verifier_of(one, key=OTHER_KEY)}
    assert len(made) == 5
    assert all(len(text) == 43 for text in made)
    assert verifier_of(one, key=KEY) == verifier_of(one, key=KEY)
