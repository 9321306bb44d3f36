"""Redirect matching, for any registered address and any change to it: one string, or a port of a loopback literal."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vault.errors import OAuthRefusal
from vault.identity.clients import Client, parse_client, redirect_allowed
from vault.values import ClientId

NOW = datetime(2026, 11, 24, tzinfo=UTC)
LABEL = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=6)
PATH = st.lists(st.text("abcxyz019-_.~%2F", min_size=1, max_size=5), max_size=3).map(
    lambda parts: "/" + "/".join(parts)
)
HTTPS = st.builds("https://{}.{}{}".format, LABEL, LABEL, PATH)
LOOPBACK = st.builds("http://{}:{}{}".format, st.sampled_from(["127.0.0.1", "[::1]"]), st.integers(1, 65535), PATH)
# What attackers put into an address: anything, anywhere.
INSERTED = st.one_of(
    st.sampled_from(
        ["/", "..", "/../", "?x=y", "#", "@evil.example", ":443", "%2e", "%2f", "\\", "\r\n", " ", "\u0131"]
    ),
    st.text(max_size=4),
)


def client_of(*uris: str) -> Client:
    try:
        return parse_client({"redirect_uris": list(uris)}, client_id=ClientId("c"), secret=None, now=NOW, dynamic=True)
    except OAuthRefusal:
        assume(False)
        raise


@st.composite
def changed(draw: st.DrawFn, addresses: st.SearchStrategy[str]) -> tuple[str, str]:
    """A registered address, and what became of it: a piece put in, cut out, or written in another case."""
    uri = draw(addresses)
    start = draw(st.integers(0, len(uri)))
    end = draw(st.integers(start, min(len(uri), start + 6)))
    piece = draw(st.one_of(INSERTED, st.just(uri[start:end].swapcase()), st.just("")))
    return uri, uri[:start] + piece + uri[end:]


@pytest.mark.requirement("OP-5", "ATK-22", "VEC-R")
@given(changed(HTTPS))
def test_an_https_address_is_allowed_as_it_is_and_in_no_other_way(addresses: tuple[str, str]) -> None:
    registered, asked = addresses
    client = client_of(registered)
    assert redirect_allowed(client, registered)
    assert redirect_allowed(client, asked) is (asked == registered)


@pytest.mark.requirement("OP-5", "ATK-22", "VEC-R")
@given(changed(LOOPBACK), st.integers(1, 65535))
def test_a_loopback_literal_is_free_in_its_port_and_in_nothing_else(addresses: tuple[str, str], port: int) -> None:
    registered, asked = addresses
    client, parts = client_of(registered), urlsplit(registered)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    assert redirect_allowed(client, f"http://{host}:{port}{parts.path}")
    if redirect_allowed(client, asked) and asked != registered:
        found = urlsplit(asked)
        assert (found.scheme, found.hostname, found.path) == ("http", parts.hostname, parts.path)
        assert (found.query, found.fragment, found.username, found.password) == ("", "", None, None)
        assert "\n" not in asked
        assert "\r" not in asked


@pytest.mark.requirement("OP-5", "VEC-R")
@given(st.lists(HTTPS, min_size=1, max_size=4, unique=True), HTTPS)
def test_of_several_each_is_allowed_and_none_lends_itself_to_another(registered: list[str], asked: str) -> None:
    client = client_of(*registered)
    assert all(redirect_allowed(client, uri) for uri in registered)
    assert redirect_allowed(client, asked) is (asked in registered)
