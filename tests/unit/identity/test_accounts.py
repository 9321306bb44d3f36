"""Accounts, passwords and sessions as values."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from vault.config import IdentitySettings, Limits
from vault.errors import Malformed, Unprocessable
from vault.identity.accounts import (
    Account,
    Session,
    check_new_password,
    citizen,
    email_key,
    hash_national_number,
    hash_password,
    needs_rehash,
    parse_email,
    password_matches,
    session_holds,
)
from vault.values import AccountId, PodName, Secret, WebId

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SESSION = Session("h", AccountId("a"), created=NOW, last_seen=NOW, authenticated_at=NOW)


def test_password_is_kept_as_argon2id_and_only_the_right_one_matches() -> None:
    kept = hash_password(Secret("correct horse"))
    assert kept.startswith("$argon2id$")
    assert "correct" not in kept
    assert password_matches(Secret("correct horse"), kept, limits=Limits())
    assert not password_matches(Secret("correct horsf"), kept, limits=Limits())
    assert not password_matches(Secret("nobody has this password"), None, limits=Limits())
    assert not password_matches(Secret("x"), "not a hash", limits=Limits())
    assert hash_password(Secret("correct horse")) != kept  # salted
    assert not needs_rehash(kept)
    assert needs_rehash("$argon2id$v=19$m=8192,t=1,p=1$c29tZXNhbHQ$aaaaaaaaaaaaaaaaaaaaaa")


def test_one_password_from_two_keyboards_is_one_password() -> None:
    assert password_matches(Secret("cafe\u0301 au lait"), hash_password(Secret("caf\u00e9 au lait")), limits=Limits())


@pytest.mark.requirement("LIM-19")
def test_password_beyond_the_limit_never_matches() -> None:
    long = "x" * 257
    assert not password_matches(Secret(long), hash_password(Secret(long)), limits=Limits())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1234567", "password-short"),
        ("x" * 257, "password-long"),
        ("Password1!", "password-common"),
        ("12345678", "password-common"),
        ("Wachtwoord2026", "password-common"),
        ("jan@people.example", "password-common"),
        ("janjanjan", "password-common"),
        ("jan-peeters-1", "password-common"),
        ("jan-peeters", "password-common"),
    ],
)
def test_password_that_others_would_try_first_is_refused(text: str, reason: str) -> None:
    with pytest.raises(Unprocessable) as refusal:
        check_new_password(Secret(text), email="jan@people.example", pod="jan-peeters", limits=Limits())
    assert refusal.value.reason == reason


@pytest.mark.parametrize("text", ["four words are enough", "8 tekens", "Zon&Maan#7", "wxyz" * 64])
def test_any_other_password_of_eight_characters_is_taken(text: str) -> None:
    check_new_password(Secret(text), email="jan@people.example", pod="jan-peeters", limits=Limits())


@pytest.mark.parametrize("text", ["", "jan", "@people.example", "jan@localhost", "a b@c.example", "a\n@c.example"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_email(text)


def test_two_spellings_of_an_address_share_a_key() -> None:
    assert email_key(" Jan@People.EXAMPLE ") == email_key("jan@people.example")


def test_national_number_is_found_by_its_digits_and_by_the_key_alone() -> None:
    key = b"k" * 32
    assert hash_national_number(key, "85.07.30-033.28") == hash_national_number(key, "85073003328")
    assert hash_national_number(key, "85073003328") != hash_national_number(b"o" * 32, "85073003328")
    assert hash_national_number(key, "85073003328") != hash_national_number(key, "85073003329")
    assert "85073003328" not in hash_national_number(key, "85073003328")


@pytest.mark.requirement("ATK-02")
@pytest.mark.parametrize(
    ("idle", "age", "holds"),
    [(0, 0, True), (3599, 3599, True), (3600, 3600, False), (0, 43_199, True), (0, 43_200, False)],
)
def test_session_ends_when_idle_and_at_its_absolute_end(idle: int, age: int, holds: bool) -> None:
    session = replace(SESSION, created=NOW - timedelta(seconds=age), last_seen=NOW - timedelta(seconds=idle))
    assert session_holds(session, IdentitySettings(), NOW) is holds


def test_citizen_is_stepped_up_for_five_minutes() -> None:
    account = Account(AccountId("a"), "a@b.example", "", WebId("https://b.example/#me"), PodName("pod"), NOW)
    for seconds, stepped_up in ((0, True), (299, True), (300, False)):
        found = citizen(account, SESSION, IdentitySettings(), NOW + timedelta(seconds=seconds))
        assert found.stepped_up is stepped_up
