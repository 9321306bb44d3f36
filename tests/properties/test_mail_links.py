"""A mailed link opens what it was made for: no token leads to another link, whatever is done to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from vault.identity.letters import LinkPurpose, MailLink, can_follow, link_token, read_link_token

KEYS = st.binary(min_size=32, max_size=32)
IDS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=40)
NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


@given(IDS, KEYS)
def test_token_leads_back_to_its_link(link_id: str, key: bytes) -> None:
    assert read_link_token(link_token(link_id, key=key), key=key) == link_id


@given(IDS, IDS, KEYS)
def test_seal_of_one_link_opens_no_other(one: str, other: str, key: bytes) -> None:
    seal = link_token(one, key=key).partition(".")[2]
    assert (read_link_token(f"{other}.{seal}", key=key) == other) == (one == other)


@given(IDS, KEYS, KEYS)
def test_seal_of_another_server_opens_nothing(link_id: str, ours: bytes, theirs: bytes) -> None:
    assert (read_link_token(link_token(link_id, key=theirs), key=ours) is not None) == (ours == theirs)


@given(st.text(max_size=120), KEYS)
def test_anything_else_is_no_token_and_no_error(text: str, key: bytes) -> None:
    assert read_link_token(text, key=key) is None


@given(st.sampled_from(LinkPurpose), st.sampled_from(LinkPurpose), st.booleans(), st.integers(-100, 100))
def test_link_leads_somewhere_for_its_purpose_once_and_in_time(
    made_for: LinkPurpose, wanted: LinkPurpose, used: bool, seconds: int
) -> None:
    link = MailLink("id", made_for, "ann@people.example", NOON + timedelta(seconds=seconds), used=used)
    assert can_follow(link, wanted, NOON) == (made_for is wanted and not used and seconds > 0)
