"""Nonces for proofs of possession (RFC 9449 sections 8 and 9): made, not stored, and alike in every worker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.identity.dpop import Nonces

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NONCES = Nonces(b"a secret of the server")


@pytest.mark.requirement("VEC-P43", "RFC9449-8")
@pytest.mark.parametrize(("seconds", "good"), [(0, True), (299, True), (300, True), (599, True), (600, False)])
def test_nonce_is_good_for_its_stretch_and_the_next(seconds: int, good: bool) -> None:
    nonce = NONCES.current(NOW)
    assert NONCES.accepts(nonce, NOW + timedelta(seconds=seconds)) is good
    assert not NONCES.accepts(nonce, NOW - timedelta(seconds=1))  # nobody has tomorrow's


@pytest.mark.requirement("VEC-P38", "VEC-P43")
def test_every_worker_accepts_what_another_gave_and_no_other_server_does() -> None:
    assert Nonces(b"a secret of the server").accepts(NONCES.current(NOW), NOW)
    assert not Nonces(b"another secret").accepts(NONCES.current(NOW), NOW)


@given(st.one_of(st.text(max_size=40), st.none(), st.integers(), st.lists(st.text()), st.binary()))
def test_nothing_else_is_a_nonce(value: object) -> None:
    assert not NONCES.accepts(value, NOW)
