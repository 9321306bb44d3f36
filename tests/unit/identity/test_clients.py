"""Redirect rules: one exact string, or any port of a loopback literal; and nothing else, whatever is tried."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vault.errors import OAuthRefusal
from vault.identity.clients import parse_client, redirect_allowed, secret_matches, shown_name
from vault.values import ClientId

NOW = datetime(2026, 11, 24, tzinfo=UTC)
REGISTERED = ("https://app.example/cb", "http://127.0.0.1:1000/cb", "http://[::1]/cb", "org.example.app:/cb")
CLIENT = parse_client(
    {"redirect_uris": list(REGISTERED)}, client_id=ClientId("c"), secret="s" * 40, now=NOW, dynamic=True
)

PIECES = st.sampled_from(
    [
        "https:",
        "http:",
        "//",
        "app.example",
        "127.0.0.1",
        "[::1]",
        ":",
        "1000",
        "/",
        "cb",
        "?",
        "#",
        "@",
        "%2f",
        "..",
        "\\",
    ]
    + ["evil.example", " ", "\n", "org.example.app:", "/cb", "https://app.example/cb", "http://127.0.0.1"]
)


@pytest.mark.requirement("OP-5", "ATK-22")
@given(st.lists(PIECES, max_size=8).map("".join))
@example("https://app.example/cb")
@example("http://127.0.0.1:7/cb")
def test_whatever_is_put_together_only_the_registered_is_allowed(uri: str) -> None:
    allowed = redirect_allowed(CLIENT, uri)
    if uri in REGISTERED:
        assert allowed
    elif allowed:
        parts = urlsplit(uri)
        assert parts.scheme == "http"
        assert parts.hostname in ("127.0.0.1", "::1")
        assert (parts.path, parts.query, parts.fragment, parts.username) == ("/cb", "", "", None)


@given(st.text(max_size=100))
def test_no_text_is_a_redirect_by_accident(uri: str) -> None:
    assert redirect_allowed(CLIENT, uri) is (uri in REGISTERED)


@given(st.text(max_size=60))
def test_no_redirect_uri_makes_registration_fail_in_another_way(uri: str) -> None:
    metadata = {"redirect_uris": [f"https://app.example/{uri}", uri, "javascript:1"]}
    with pytest.raises(OAuthRefusal) as refusal:
        parse_client(metadata, client_id=ClientId("c"), secret=None, now=NOW, dynamic=True)
    assert refusal.value.reason == "invalid_redirect_uri"
    assert refusal.value.detail.isprintable()


@pytest.mark.requirement("ATK-36")
def test_secret_is_kept_as_its_hash() -> None:
    assert secret_matches(CLIENT, "s" * 40, NOW)
    assert not secret_matches(CLIENT, "s" * 39, NOW)
    assert "s" * 40 not in repr(CLIENT)


@pytest.mark.requirement("ATK-05")
@given(st.text(max_size=300))
def test_shown_name_is_one_short_line_without_control_characters(text: str) -> None:
    shown = shown_name(text, otherwise="app.example")
    assert 0 < len(shown) <= 80
    assert not any(ch in "\u202e\u202d\u200b\u2066\u2069\r\n\t\x00\x1b" for ch in shown)
    assert shown == " ".join(shown.split())
