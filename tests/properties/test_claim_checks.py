"""Claims of tokens and assertions, whatever they hold: refused in the one way there is, or true of what comes out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.forge import encoded, part
from vault.config import IdentitySettings, Limits
from vault.errors import OAuthRefusal, Unauthenticated
from vault.identity.assertions import Assertion, read_assertion
from vault.identity.claims import VerifiedClaims, check_claims, read_unverified
from vault.values import Secret

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
ISSUER = "https://vault.example/"
SETTINGS, LIMITS = IdentitySettings(), Limits()
TOLERANCE = SETTINGS.clock_tolerance_seconds

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)
MOMENT = st.one_of(
    st.integers(SECONDS - 100_000, SECONDS + 100_000), st.sampled_from([SECONDS - 120, SECONDS, SECONDS + 120])
)
TEXTS = st.sampled_from(
    [ISSUER, "solid", "client", "https://alice.example/#me", "http://alice.example/#me", "urn:x", "at+jwt", "JWT", ""]
)
VALUE = st.one_of(JSON, MOMENT, TEXTS, st.lists(TEXTS, max_size=3))


def token(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return f"{part(header)}.{part(claims)}.{encoded(b'signature')}"


ACCESS = {
    "iss": ISSUER,
    "sub": "https://alice.example/#me",
    "webid": "https://alice.example/#me",
    "aud": "solid",
    "azp": "client",
    "iat": SECONDS,
    "exp": SECONDS + 600,
    "jti": "one",
    "cnf": {"jkt": "key"},
}


def read_access(header: dict[str, Any], claims: dict[str, Any]) -> VerifiedClaims | None:
    try:
        unverified = read_unverified(Secret(token(header, claims)), limits=LIMITS)
        return check_claims(unverified, audience="solid", own_issuer=ISSUER, now=NOW, settings=SETTINGS)
    except Unauthenticated as refusal:
        if refusal.error != "invalid_token":
            raise
        return None


def test_the_token_that_is_changed_below_is_good_as_it_stands() -> None:
    assert read_access({"alg": "ES256", "typ": "at+jwt"}, ACCESS) is not None


@pytest.mark.requirement("VEC-T", "RS-5", "RS-11")
@settings(deadline=None)  # a busy machine is no counter-example
@given(
    st.dictionaries(st.sampled_from([*ACCESS, "nbf", "client_id", "scope"]), VALUE, max_size=3),
    st.dictionaries(st.sampled_from(["typ", "alg", "kid", "crit"]), VALUE, max_size=1),
)
def test_whatever_an_access_token_claims_what_is_believed_of_it_is_so(
    changes: dict[str, Any], header: dict[str, Any]
) -> None:
    claims = {**ACCESS, **changes}
    found = read_access({"alg": "ES256", "typ": "at+jwt", **header}, claims)
    if found is None:
        return
    audience = claims["aud"]
    assert audience == "solid" or "solid" in audience
    assert claims["exp"] + TOLERANCE > SECONDS
    assert claims["iat"] <= SECONDS + TOLERANCE
    assert claims.get("nbf", 0) <= SECONDS + TOLERANCE
    assert claims["iat"] >= SECONDS - SETTINGS.token_age_seconds - TOLERANCE
    assert found.webid == claims.get("webid", claims["sub"]) or claims["webid"] is None
    assert found.webid.startswith(("https://", "http://localhost"))
    confirmation = claims["cnf"]
    assert found.key_thumbprint == (None if confirmation is None else confirmation["jkt"])


ASSERTED = {"iss": "client", "sub": "client", "aud": ISSUER, "iat": SECONDS, "exp": SECONDS + 60, "jti": "one"}


def read_asserted(header: dict[str, Any], claims: dict[str, Any]) -> Assertion | None:
    try:
        return read_assertion(
            token(header, claims), audiences=frozenset({ISSUER}), now=NOW, settings=SETTINGS, limits=LIMITS
        )
    except OAuthRefusal as refusal:
        if refusal.reason != "invalid_client":
            raise
        return None


def test_the_assertion_that_is_changed_below_is_good_as_it_stands() -> None:
    assert read_asserted({"alg": "ES256"}, ASSERTED) is not None


@pytest.mark.requirement("VEC-K", "RFC7523-3")
@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from([*ASSERTED, "nbf"]), VALUE, max_size=3),
    st.dictionaries(st.sampled_from(["typ", "alg", "kid", "crit"]), VALUE, max_size=1),
)
def test_whatever_an_assertion_claims_what_is_believed_of_it_is_so(
    changes: dict[str, Any], header: dict[str, Any]
) -> None:
    claims = {**ASSERTED, **changes}
    found = read_asserted({"alg": "ES256", **header}, claims)
    if found is None:
        return
    assert found.client == claims["iss"] == claims["sub"] != ""
    assert claims["aud"] == ISSUER or ISSUER in claims["aud"]
    assert SECONDS - TOLERANCE < claims["exp"] <= SECONDS + 3600 + TOLERANCE
    assert claims["iat"] <= SECONDS + TOLERANCE
    assert isinstance(claims["jti"], str)
    assert found.until.timestamp() >= claims["exp"]
