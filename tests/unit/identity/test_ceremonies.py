"""Challenges and the relying party, without a store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.authenticator import encoded
from vault.errors import Forbidden
from vault.identity.ceremonies import (
    CHALLENGE_SECONDS,
    Purpose,
    Site,
    authentication_options,
    challenge_ends,
    challenge_in,
    counter_grows,
    new_challenge,
    presented,
    site_of,
)

pytestmark = pytest.mark.requirement("ATK-30")

KEY = b"k" * 32
NOW = datetime(2026, 11, 26, 12, 0, 0, tzinfo=UTC)


def made(purpose: Purpose = Purpose.SIGN_IN, holder: str = "browser") -> bytes:
    return new_challenge(purpose, holder, key=KEY, now=NOW)


def ends(
    challenge: bytes, *, purpose: Purpose = Purpose.SIGN_IN, holder: str = "browser", key: bytes = KEY, after: int = 0
) -> datetime:
    return challenge_ends(challenge, purpose, holder, key=key, now=NOW + timedelta(seconds=after))


@pytest.mark.parametrize(
    ("base_url", "site"),
    [
        ("http://localhost:3000/", Site("localhost", "http://localhost:3000")),
        ("https://vault.example/", Site("vault.example", "https://vault.example")),
        ("https://vault.example:8443/", Site("vault.example", "https://vault.example:8443")),
    ],
)
def test_the_relying_party_is_the_host_and_the_origin_is_the_whole_of_it(base_url: str, site: Site) -> None:
    assert site_of(base_url) == site


def test_a_challenge_holds_for_five_minutes() -> None:
    challenge = made()
    assert len(challenge) >= 16  # WebAuthn §13.4.3
    assert ends(challenge) == NOW + timedelta(seconds=CHALLENGE_SECONDS)
    assert ends(challenge, after=CHALLENGE_SECONDS - 1)
    with pytest.raises(Forbidden, match="passkey-challenge"):
        ends(challenge, after=CHALLENGE_SECONDS)


def test_no_two_challenges_are_the_same() -> None:
    assert len({made() for _ in range(100)}) == 100


def test_a_challenge_is_for_one_purpose_one_browser_and_one_server() -> None:
    challenge = made()
    for wrong in (
        {"purpose": Purpose.CONFIRM},
        {"purpose": Purpose.REGISTER},
        {"holder": "another"},
        {"holder": ""},
        {"key": b"o" * 32},
    ):
        with pytest.raises(Forbidden, match="passkey-challenge"):
            ends(challenge, **wrong)


@given(st.integers(min_value=0, max_value=55), st.integers(min_value=1, max_value=255))
def test_a_challenge_with_one_byte_changed_is_none_of_ours(place: int, change: int) -> None:
    challenge = bytearray(made())
    challenge[place] ^= change
    with pytest.raises(Forbidden, match="passkey-challenge"):
        ends(bytes(challenge))


@given(st.binary(max_size=200))
def test_bytes_of_somebody_else_are_no_challenge(data: bytes) -> None:
    with pytest.raises(Forbidden, match="passkey-challenge"):
        ends(data)


@pytest.mark.parametrize("response", [None, 1, "text", [], {}, {"clientDataJSON": None}, {"userHandle": 7}])
@pytest.mark.parametrize("credential_id", [None, 3, [], {"id": "x"}])
def test_what_cannot_be_read_is_refused_and_nothing_else(response: object, credential_id: object) -> None:
    for read in (challenge_in, presented):
        with pytest.raises(Forbidden, match="passkey-refused"):
            read({"id": credential_id, "response": response})


@pytest.mark.parametrize("said", [b"", b"{", b"[]", b"7", b"null", b"[" * 50_000, b'{"challenge": 7}', b"\xff\xfe"])
def test_client_data_that_cannot_be_read_are_refused_and_nothing_else(said: bytes) -> None:
    with pytest.raises(Forbidden, match="passkey-refused"):
        challenge_in({"response": {"clientDataJSON": encoded(said)}})


def test_a_page_in_a_frame_of_another_site_signs_nothing() -> None:
    def said(text: str) -> dict[str, object]:
        return {"response": {"clientDataJSON": encoded(text.encode())}}

    assert challenge_in(said('{"challenge": "AAAA", "crossOrigin": false}')) == bytes(3)
    with pytest.raises(Forbidden, match="passkey-refused"):
        challenge_in(said('{"challenge": "AAAA", "crossOrigin": true}'))


def test_a_stranger_is_given_no_list_of_credentials() -> None:
    options = authentication_options(Site("vault.example", "https://vault.example"), made())
    assert not options["allowCredentials"]
    assert options["userVerification"] == "required"
    assert options["timeout"] == CHALLENGE_SECONDS * 1000


@pytest.mark.parametrize(
    ("before", "now", "grows"), [(0, 0, True), (0, 1, True), (4, 5, True), (5, 5, False), (5, 4, False), (5, 0, False)]
)
def test_a_counter_grows_or_does_not_count_at_all(before: int, now: int, grows: bool) -> None:
    assert counter_grows(before, now) is grows
