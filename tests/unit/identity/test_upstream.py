"""What another provider says of itself and of people, and levels of assurance: read, cut, ordered, refused."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.forge import read
from vault.config import Limits
from vault.errors import Unavailable
from vault.identity.claims import read_id_hint
from vault.identity.levels import asked_for, at_least, reaches
from vault.identity.tokens import KeyRing
from vault.identity.upstream import (
    by_assertion,
    client_authentication,
    parse_provider,
    said_methods,
    said_moment,
    said_number,
    said_text,
    url_of,
)
from vault.values import Secret

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
RING = KeyRing.load([KeyRing.new_key(NOON), KeyRing.new_key(NOON, algorithm="RS256")], now=NOON)
LEVELS = ("low", "substantial", "high")
SAID: dict[str, Any] = {
    "issuer": "https://o.example/op",
    "authorization_endpoint": "https://o.example/a?tenant=1",
    "token_endpoint": "https://o.example/t",
    "jwks_uri": "https://o.example/k",
}


def test_levels_are_ordered_and_unknown_ones_reach_nothing() -> None:
    assert reaches("high", "low", LEVELS)
    assert reaches("low", "low", LEVELS)
    assert not reaches("low", "high", LEVELS)
    assert not reaches(None, "low", LEVELS)
    assert not reaches("unknown", "low", LEVELS)
    assert not reaches("high", "unknown", LEVELS)
    assert reaches(None, "", LEVELS)


def test_acr_values_ask_for_the_level_and_what_is_stronger() -> None:
    assert at_least("substantial", LEVELS) == ("substantial", "high")
    assert at_least("", LEVELS) == ()
    assert asked_for("unknown high low", LEVELS) == "high"
    assert asked_for("unknown", LEVELS) == ""


def test_a_provider_is_read_with_the_defaults_of_discovery() -> None:
    provider = parse_provider(SAID, issuer="https://o.example/op")
    assert provider.auth_methods == ("client_secret_basic",)
    assert (provider.says_iss, provider.dpop, provider.userinfo_endpoint) == (False, False, None)
    assert (provider.auth_algorithms, provider.end_session_endpoint) == (("RS256",), None)
    url = url_of(provider.authorization_endpoint, {"client_id": "a b", "prompt": ""})
    assert url == "https://o.example/a?tenant=1&client_id=a+b"


@pytest.mark.parametrize("issuer", ["https://o.example/op/", "https://o.example", "https://O.example/op"])
def test_the_issuer_is_compared_byte_for_byte(issuer: str) -> None:
    with pytest.raises(Unavailable):
        parse_provider(SAID, issuer=issuer)


@pytest.mark.parametrize(
    ("taken", "algorithm"),
    [(["RS256", "ES256"], "ES256"), (["RS256", "PS256"], "RS256"), (None, "RS256")],
)
def test_a_client_proves_itself_by_key_with_what_the_provider_takes(taken: list[str] | None, algorithm: str) -> None:
    said = {**SAID, "token_endpoint_auth_methods_supported": ["private_key_jwt"]}
    said |= {"token_endpoint_auth_signing_alg_values_supported": taken} if taken else {}
    provider = parse_provider(said, issuer=SAID["issuer"])
    fields = by_assertion(provider, "our vault", keys=RING, number="once", now=NOON)
    assert fields["client_id"] == "our vault"
    assert fields["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    header, claims = read(fields["client_assertion"])
    (key,) = [key for key in RING.public_keys() if key["alg"] == algorithm]
    assert (header["alg"], header["kid"]) == (algorithm, key["kid"])
    assert claims == {
        "iss": "our vault",
        "sub": "our vault",
        "aud": ["https://o.example/op", "https://o.example/t"],
        "jti": "once",
        "iat": int(NOON.timestamp()),
        "exp": int(NOON.timestamp()) + 60,
    }


@pytest.mark.parametrize(
    "said",
    [
        {"token_endpoint_auth_methods_supported": ["client_secret_basic"]},
        {
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["HS256", "none"],
        },
    ],
)
def test_no_key_proves_a_client_where_the_provider_takes_none(said: dict[str, Any]) -> None:
    provider = parse_provider({**SAID, **said}, issuer=SAID["issuer"])
    with pytest.raises(Unavailable):
        by_assertion(provider, "our vault", keys=RING, number="once", now=NOON)


def test_what_proves_us_elsewhere_is_no_hint_of_who_signs_out_here() -> None:
    """A provider may call its client what it likes, our own address too."""
    own = "https://vault.example/"
    said = {**SAID, "token_endpoint_auth_methods_supported": ["private_key_jwt"]}
    provider = parse_provider(said, issuer=SAID["issuer"])
    text = by_assertion(provider, own, keys=RING, number="once", now=NOON)["client_assertion"]
    assert read_id_hint(text, RING.public_keys(), own_issuer=own, limits=Limits()) is None


def test_a_client_proves_itself_as_the_provider_takes_it() -> None:
    secret = Secret("a:b&c")
    basic = parse_provider(SAID, issuer=SAID["issuer"])
    headers, fields = client_authentication(basic, "us é", secret)
    # RFC 6749 §2.3.1: both parts form-encoded before they are joined.
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")) == b"us+%C3%A9:a%3Ab%26c"
    assert fields == {}
    post = {**SAID, "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_post"]}
    headers, fields = client_authentication(parse_provider(post, issuer=SAID["issuer"]), "us", secret)
    assert (headers, fields) == ({}, {"client_id": "us", "client_secret": "a:b&c"})
    assert client_authentication(basic, "us", Secret("")) == ({}, {"client_id": "us"})
    neither = {**SAID, "token_endpoint_auth_methods_supported": ["private_key_jwt"]}
    with pytest.raises(Unavailable, match="upstream-misconfigured"):
        client_authentication(parse_provider(neither, issuer=SAID["issuer"]), "us", secret)


@pytest.mark.parametrize(
    ("value", "digits"),
    [
        ("85.07.30-033.61", "85073003361"),
        ("85073003361", "85073003361"),
        (85073003361, "85073003361"),
        ("8507300336", None),
        ("850730033610", None),
        ("x5073003361", None),
        ("٨5073003361", None),
        ("", None),
        (None, None),
        ({}, None),
    ],
)
def test_a_national_number_has_eleven_digits(value: object, digits: str | None) -> None:
    assert said_number(value) == digits


def test_what_is_said_is_cut_to_a_line() -> None:
    assert said_text("  Zoë\x00\n De\u202e  Wolf ") == "Zoë De Wolf"
    assert said_text("x" * 5000) == "x" * 255
    assert said_text(["x"]) == ""
    assert said_methods({"amr": ["otp", 5, "x" * 50]}) == ("otp", "x" * 32)
    assert said_methods({"amr": "otp"}) == ()
    assert said_moment({"auth_time": "now"}) is None
    assert said_moment({"auth_time": 1.5e12}) is None
